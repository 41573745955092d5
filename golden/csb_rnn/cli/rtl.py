# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn rtl``."""

from __future__ import annotations

import argparse
from pathlib import Path

from csb_rnn import commands
from csb_rnn.kit import write_kit
from csb_rnn.kit.folder import check_out
from csb_rnn.kit.names import top_name
from csb_rnn.machine import config
from csb_rnn.machine.memories import memory_bits

HELP = "Write the integration kit of a configuration: sources, wrapper, registers, constraints."


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument("--config", required=True, help="name in hdl/configs.toml")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the kit")
    parser.add_argument(
        "--clock", type=mega_hertz, default=100.0, metavar="MHZ", help="clock (default: 100)"
    )


def mega_hertz(text: str) -> float:
    """A clock frequency between 1 and 2000 MHz."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 2000:
        raise argparse.ArgumentTypeError(f"expected 1 to 2000 MHz, got {text!r}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Say what the machine needs, then write the folder."""
    c, out = config.load(arguments.config), Path(arguments.out)
    check_out(out)
    print(f"{c.name}: {c.pes} multipliers of {c.weight_w} x {c.data_w} bits, {c.lanes} lanes")
    total = 0
    for name, bits in memory_bits(c).items():
        total += bits
        print(f"  {bits / 1024:10.1f} Kibit  {name}")
    print(f"  {total / 1024:10.1f} Kibit  in all; {c.pes * c.weight_depth} kept weights at most")
    files = write_kit(c, out, arguments.clock)
    print(f"{out}: {len(files)} files, top {top_name(c)}")
    return commands.OK
