# SPDX-License-Identifier: Apache-2.0
"""A RISC-V system in simulation classifies recordings with a shipped trained network.

The firmware's classes and the checksum of all its outputs are compared with the fixed model.
"""

from __future__ import annotations

import numpy as np

from csb_rnn import commands, flow
from csb_rnn.driver import Network
from csb_rnn.errors import UsageError
from csb_rnn.experiments import tasks
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.soc import answers, firmware, simulation, steps
from csb_rnn.experiments.soc.firmware import Head
from csb_rnn.kit import write_kit
from csb_rnn.machine import own_config
from csb_rnn.machine.folders import BUILD, ROOT
from csb_rnn.network.checkpoint_files import read_checkpoint

CALIBRATION = 50  # sequences of the validation split for the number formats
LIMIT = 1200.0  # seconds of a simulation
RESULT = "soc"


def main() -> int:
    """Build the network, the kit, the firmware and the system; run it; compare."""
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="z2_gru", help="name in checkpoints/, with a head")
    parser.add_argument("--config", default="small", help="name in hdl/configs.toml, or a file")
    parser.add_argument("--sequences", type=commands.positive_int, default=5)
    parser.add_argument("--sim", default="verilator", choices=("verilator", "icarus"))
    parser.add_argument("--results", action="store_true", help="keep the table, docs/results/data")
    parser.add_argument("--steps", action="store_true", help="run and time the README's commands")
    a = parser.parse_args()
    if a.steps:
        return steps.measure()
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
    said, loads = simulation.run(command, folder, LIMIT)
    want = answers.expected(build, frames, head)
    rows = answers.rows_of(said, loads, want, build, frames, a.model)
    code = answers.report(said, want, frames, rows)
    if a.results and code == commands.OK:
        measured.write(RESULT, rows, began)
    return code
