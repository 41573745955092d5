# SPDX-License-Identifier: Apache-2.0
"""A RISC-V system in simulation classifies recordings with a shipped trained network.

The firmware's classes and the checksum of all its outputs are compared with the fixed model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from csb_rnn import commands, flow
from csb_rnn.driver import Network
from csb_rnn.errors import UsageError
from csb_rnn.execution import timing
from csb_rnn.experiments import tasks
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
    a = parser.parse_args()
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
    return report(answers, loads, want, build, frames)


def report(
    answers: Sequence[simulation.Answer],
    loads: dict[str, int],
    want: Sequence[tuple[int, int]],
    build: Build,
    frames: Sequence[Ints],
) -> int:
    """Print a line for each answer; 1 if one is not the fixed model's."""
    p = build.part.compiled()
    wrong = 2 * len(want) - len(answers)
    for x in answers:
        equal = (x.label, x.checksum) == want[x.sequence]
        wrong += not equal
        print(
            f"{x.how:9} sequence {x.sequence}: class {x.label}, {len(frames[x.sequence])} frames, "
            f"{x.cycles} cycles a frame, {'equal' if equal else 'DIFFERENT'}"
        )
    words = len(build.part.data) // 4
    for how, cycles in loads.items():
        print(f"image of {words} words loaded by {how} in {cycles} cycles")
    interval = timing.interval(timing.predict(p, 240).last_out)
    beats = p.in_beats + p.out_beats
    for how, unit, count in (
        ("registers", "32-bit word", beats * build.config.stream_w // 32),
        ("dma", "beat", beats),
    ):
        chosen = [(x.cycles, len(frames[x.sequence])) for x in answers if x.how == how]
        mean = sum(c * n for c, n in chosen) / sum(n for _, n in chosen)
        print(
            f"{how}: {mean:.0f} cycles a frame, {interval:g} of them the accelerator's: "
            f"{(mean - interval) / count:.2f} a {unit}"
        )
    print("all equal" if not wrong else f"{wrong} answers differ from the fixed model")
    return commands.MISMATCH if wrong else commands.OK
