# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn build``, ``scripts/gen_image.py``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from csb_rnn import commands, flow
from csb_rnn.api import sizes
from csb_rnn.cli.machine import CONFIG_HELP, summary
from csb_rnn.errors import UsageError
from csb_rnn.machine import own_config
from csb_rnn.machine.sharing_modes import SHARING
from csb_rnn.network.read import Source, read_source
from csb_rnn.system import extras

HELP = "Turn a trained model into an image for the engine: manifest, load stream, listing."


def add_source(parser: argparse.ArgumentParser) -> None:
    """Arguments from a source to a build."""
    parser.add_argument(
        "checkpoint", help=".pt, .safetensors or .npz state dict, .onnx, or .toml description"
    )
    parser.add_argument("--config", help=f"{CONFIG_HELP} (default: the smallest that fits)")
    parser.add_argument(
        "--block",
        default="auto",
        help="block size of the pattern: units of a block are kept together (default: the "
        "checkpoint's, and the compiler keeps as many together as cost fewest cycles)",
    )
    parser.add_argument(
        "--sharing",
        help=f"{', '.join(SHARING)} (default: all that the configuration has built in)",
    )
    parser.add_argument("--compiler", default="default", help=", ".join(flow.COMPILERS))
    parser.add_argument("--streams", type=int, default=1, help="independent streams, 1 to 8")
    parser.add_argument(
        "--calibrate",
        metavar="X.npy",
        help="inputs that set the number formats, float [frames, n]; .npz: an ONNX file's, by name",
    )
    parser.add_argument(
        "--prefix", help="name prefix of the recurrent module; several with commas, in their order"
    )
    parser.add_argument("--cell", help="cell of a state dict, where its shapes do not say it")
    parser.add_argument("--activation", help="of the cell of a torch.nn.RNN: tanh or relu")
    parser.add_argument(
        "--constant",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="number for an input of an ONNX file, for good: sr=16000 chooses a branch",
    )
    parser.add_argument("--initial", metavar="S.npz", help="initial states: h_l0, c_l0, ...")
    parser.add_argument(
        "--unchecked-source",
        action="store_true",
        help="do not compare the model with the file, run by onnxruntime or torch",
    )


def constants(given: Sequence[str]) -> dict[str, float]:
    """``NAME=NUMBER`` of each.

    Raises:
        UsageError: one that is none.
    """
    found = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise UsageError(f"--constant {text}: expected NAME=NUMBER")
    return found


def build_source(arguments: argparse.Namespace) -> flow.Build:
    """The build by the arguments of :func:`add_source`."""
    a = arguments
    c = None if a.config is None else own_config.choose(a.config)
    if c is not None and own_config.is_file(a.config):
        print(f"{summary(c)}, {c.pes * c.weight_depth} kept weights at most")
    initial = None if a.initial is None else flow.read_state(Path(a.initial))
    samples = None if a.calibrate is None else flow.read_inputs(Path(a.calibrate))
    options = {"block": a.block, "sharing": a.sharing, "compiler": a.compiler, "streams": a.streams}
    if Path(a.checkpoint).is_file():
        extras.need_for(a.checkpoint)
    found = read_source(
        a.checkpoint, a.prefix, a.cell, a.activation, initial, constants(a.constant)
    )

    def make(source: Source) -> flow.Build:
        chosen = c or sizes.smallest(source, samples, **options)
        if c is None:
            print(f"the smallest configuration that fits is {summary(chosen)}")
        return flow.build_source(source, chosen, samples, a.unchecked_source, print, **options)

    return flow.fitting(found, make, print)


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    add_source(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the image")


def run(arguments: argparse.Namespace) -> int:
    """Build, write the folder, and say in a line how large and how fast it is."""
    out = Path(arguments.out)
    flow.check_out(out)
    made = build_source(arguments)
    m = flow.save(made, out)
    check = m["source_check"]
    if check["tool"]:
        print(f"equals {check['tool']} to {check['difference']:.2g} of the largest value")
    else:
        print(f"not compared with its source: {check['reason']}")
    for part in made.parts:
        if part.block not in (None, part.dealt_block):
            which = f"part {part.number}, " if len(made.parts) > 1 else ""
            print(
                f"{which}pattern of blocks of {part.block}: {part.dealt_block} units are dealt at "
                "a time, for fewer cycles"
            )
    print(
        f"{out}: {m['cell']} {m['inputs']} -> {m['outputs']} on {m['config']['name']}, "
        f"{m['kept_weights']} kept weights, {m['image']['bytes']} bytes, "
        f"{m['predicted']['cycles_per_frame']:g} cycles a frame predicted"
    )
    return commands.OK
