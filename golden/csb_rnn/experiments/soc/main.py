# SPDX-License-Identifier: Apache-2.0
"""A RISC-V system in simulation classifies recordings with a shipped trained network.

The firmware's classes and the checksum of all its outputs are compared with the fixed model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from csb_rnn import commands, flow
from csb_rnn.driver import Network
from csb_rnn.errors import UsageError
from csb_rnn.execution import timing
from csb_rnn.experiments import tasks
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.soc import firmware, simulation
from csb_rnn.experiments.soc.firmware import Head
from csb_rnn.flow.record import Build
from csb_rnn.kit import write_kit
from csb_rnn.machine import own_config
from csb_rnn.machine.folders import BUILD, ROOT
from csb_rnn.machine.numerics import Ints
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.network.checkpoint_files import read_checkpoint

CALIBRATION = 50  # sequences of the validation split that set the number formats
LIMIT = 1200.0  # seconds of a simulation
RESULT = "soc"


def checksum(y: Ints) -> int:
    """FNV-1a over 16-bit values, as ``examples/soc/firmware/main.c`` has it."""
    value = 2166136261
    for word in (np.asarray(y).ravel() & 0xFFFF).tolist():
        value = (value ^ word) * 16777619 & 0xFFFFFFFF
    return value


def expected(build: Build, frames: Sequence[Ints], head: Head) -> list[tuple[int, int]]:
    """Class and checksum of each sequence, by the fixed model."""
    out = []
    for x in frames:
        y, _ = FixedModel(build.part.quantised, build.config).run(x)
        out.append((head.best(y[-1]), checksum(y)))
    return out


def main() -> int:
    """Build the network, the kit, the firmware and the system; run it; compare."""
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="z2_gru", help="name in checkpoints/, with a head")
    parser.add_argument("--config", default="small", help="name in hdl/configs.toml, or a file")
    parser.add_argument("--sequences", type=commands.positive_int, default=5)
    parser.add_argument("--sim", default="verilator", choices=("verilator", "icarus"))
    parser.add_argument("--results", action="store_true", help="keep the table, docs/results/data")
    a = parser.parse_args()
    began = measured.begin(RESULT)
    simulation.core()
    path = ROOT / "checkpoints" / f"{a.model}.npz"
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint")
    checkpoint = read_checkpoint(path)
    task = tasks.get(str(checkpoint.csb.get("task")))
    c = own_config.choose(a.config)
    work = BUILD / "soc" / f"{a.model}_{c.name}"
    samples = np.concatenate(task.frames(checkpoint, "valid", CALIBRATION))
    build = flow.build(path, c, calibrate=samples)
    flow.save(build, work / "image")
    write_kit(build.config, work / "kit")
    network = Network.of(build.part.compiled(), build.part.data)
    q = build.part.quantised
    head = Head.of(
        task.extra(checkpoint, "head.weight"), task.extra(checkpoint, "head.bias"), q.out_frac
    )
    frames = [q.quantise_inputs(x) for x in task.frames(checkpoint, "test", a.sequences)]
    folder = work / a.sim
    firmware.compile_firmware(
        folder,
        work / "image",
        firmware.sequences_header(frames, head, network),
        build.config.stream_w // 8,
    )
    print(f"building the simulation of the system with {c.name}, about 2 minutes", flush=True)
    command = simulation.build(build.config, work / "kit", folder, a.sim)
    answers, loads = simulation.run(command, folder, LIMIT)
    want = expected(build, frames, head)
    rows = rows_of(answers, loads, want, build, frames, a.model)
    code = report(answers, want, frames, rows)
    if a.results and code == commands.OK:
        measured.write(RESULT, rows, began)
    return code


def rows_of(
    answers: Sequence[simulation.Answer],
    loads: dict[str, int],
    want: Sequence[tuple[int, int]],
    build: Build,
    frames: Sequence[Ints],
    model: str,
) -> list[dict[str, Any]]:
    """A row for each way to move frames.

    ``overhead`` is what the driver adds to the accelerator's own cycles of a frame, in cycles a
    ``unit``: a 32-bit word by registers, a beat by DMA.
    """
    p, c = build.part.compiled(), build.config
    interval = timing.interval(timing.predict(p, 240).last_out)
    beats, found = p.in_beats + p.out_beats, []
    for how, unit, count in (
        ("registers", "32-bit word", beats * c.stream_w // 32),
        ("dma", "beat", beats),
    ):
        mine = [x for x in answers if x.how == how]
        total = sum(len(frames[x.sequence]) for x in mine)
        mean = sum(x.cycles * len(frames[x.sequence]) for x in mine) / max(total, 1)
        wrong = sum((x.label, x.checksum) != want[x.sequence] for x in mine)
        found.append({
            "model": model, "config": c.name, "how": how, "unit": unit,
            "units_a_frame": count, "sequences": len(mine), "frames": total,
            "different": wrong + len(want) - len(mine), "cycles_a_frame": round(mean, 2),
            "interval": interval, "overhead": round((mean - interval) / count, 3),
            "image_words": len(build.part.data) // 4,
            "load_cycles": loads.get(how),
        })  # fmt: skip
    return found


def report(
    answers: Sequence[simulation.Answer],
    want: Sequence[tuple[int, int]],
    frames: Sequence[Ints],
    rows: Sequence[dict[str, Any]],
) -> int:
    """Print a line for each answer and each way; 1 if an answer is not the fixed model's."""
    for x in answers:
        equal = (x.label, x.checksum) == want[x.sequence]
        print(
            f"{x.how:9} sequence {x.sequence}: class {x.label}, {len(frames[x.sequence])} frames, "
            f"{x.cycles} cycles a frame, {'equal' if equal else 'DIFFERENT'}"
        )
    for r in rows:
        print(
            f"image of {r['image_words']} words loaded by {r['how']} in {r['load_cycles']} cycles"
        )
    for r in rows:
        print(
            f"{r['how']}: {r['cycles_a_frame']:.0f} cycles a frame, {r['interval']:g} of them the "
            f"accelerator's: {r['overhead']:.2f} a {r['unit']}"
        )
    wrong = sum(r["different"] for r in rows)
    print("all equal" if not wrong else f"{wrong} answers differ from the fixed model")
    return commands.MISMATCH if wrong else commands.OK
