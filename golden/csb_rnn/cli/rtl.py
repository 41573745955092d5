# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn rtl``."""

from __future__ import annotations

import argparse
from pathlib import Path

from csb_rnn import commands
from csb_rnn.api.example_frames import example_frames
from csb_rnn.cli.machine import CONFIG_HELP, describe
from csb_rnn.kit import write_kit
from csb_rnn.kit.folder import check_out
from csb_rnn.kit.names import top_name
from csb_rnn.machine import own_config

HELP = "Write the integration kit of a configuration: sources, wrapper, registers, constraints."


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument("--config", required=True, help=CONFIG_HELP)
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
    """Print the machine's memory and parameters, then write the folder."""
    c, out = own_config.choose(arguments.config), Path(arguments.out)
    check_out(out)
    describe(c)
    files = write_kit(c, out, arguments.clock, example_frames(c))
    print(f"{out}: {len(files)} files, top {top_name(c)}")
    return commands.OK
