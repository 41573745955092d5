# SPDX-License-Identifier: Apache-2.0
"""A board behind a serial line classifies recordings; classes and outputs are compared with the
fixed model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from csb_rnn import commands, flow
from csb_rnn.driver import Device, Network
from csb_rnn.driver.serial_port import BAUD, SerialPort, Tty
from csb_rnn.errors import UsageError
from csb_rnn.experiments import tasks
from csb_rnn.experiments.board import sources
from csb_rnn.experiments.soc.firmware import Head
from csb_rnn.machine.folders import ROOT
from csb_rnn.machine.numerics import Ints
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.network.checkpoint_files import read_checkpoint


def outputs(device: Device, frames: Ints) -> Ints:
    """Integer frames ``[T, inputs]`` through the board as one run: integers ``[T, outputs]``."""
    n = device.network
    padded = np.pad(frames, ((0, 0), (0, n.in_values - n.inputs))).astype(np.int16)
    out = []
    with device.run():
        for x in padded:
            device.push(x)
            out.append(device.pull()[: n.outputs].astype(np.int64))
    return np.array(out)


def compare(device: Device, model: FixedModel, head: Head, recordings: Sequence[Ints]) -> int:
    """Print a line for each recording; returns how many differ from the fixed model."""
    wrong = 0
    for number, frames in enumerate(recordings):
        got = outputs(device, frames)
        cycles = device.cycles()
        want, _ = model.run(frames)
        equal = bool(np.array_equal(got, want))
        wrong += not equal
        print(
            f"recording {number}: class {head.best(got[-1])}, {len(frames)} frames in {cycles} "
            f"cycles, {'equal' if equal else 'DIFFERENT'}"
        )
    print("all equal" if not wrong else f"{wrong} recordings differ from the fixed model")
    return wrong


def main() -> int:
    """Probe the board, load its image if asked to, run recordings, compare."""
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", required=True, help="serial device, such as /dev/ttyUSB0")
    parser.add_argument("--baud", type=commands.positive_int, default=BAUD)
    parser.add_argument("--image", type=Path, default=sources.HOME / "image", help="of make ecp5")
    parser.add_argument("--model", default="z2_gru", help="name in checkpoints/, with a head")
    parser.add_argument("--recordings", type=commands.positive_int, default=5)
    parser.add_argument("--load", action="store_true", help="send the image: the flash has another")
    args = parser.parse_args()
    file = ROOT / "checkpoints" / f"{args.model}.npz"
    if not file.is_file():
        raise UsageError(f"{file}: there is no such checkpoint")
    build = flow.load(args.image)
    q = build.part.quantised
    device = Device(SerialPort(Tty(args.port, args.baud)), Network.load(args.image))
    device.probe()
    if args.load:
        device.load()
    elif not device.read("STATUS", "image_valid"):
        raise UsageError(f"{args.port}: the board's flash holds no image; add --load")
    checkpoint = read_checkpoint(file)
    task = tasks.get(str(checkpoint.csb.get("task")))
    head = Head.of(
        task.extra(checkpoint, "head.weight"), task.extra(checkpoint, "head.bias"), q.out_frac
    )
    recordings = [q.quantise_inputs(x) for x in task.frames(checkpoint, "test", args.recordings)]
    wrong = compare(device, FixedModel(q, build.config), head, recordings)
    return commands.MISMATCH if wrong else commands.OK
