# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn prune``, ``scripts/prune.py``."""

from __future__ import annotations

import argparse

from csb_rnn import commands
from csb_rnn.errors import UsageError
from csb_rnn.machine import config
from csb_rnn.network.checkpoint import check_target, read_checkpoint, write_checkpoint
from csb_rnn.pruning.classes import for_machine
from csb_rnn.pruning.oneshot import prune_checkpoint

HELP = "Prune a checkpoint in one shot to compressed structured blocks at a rate."


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument("checkpoint", help=".pt, .safetensors or .npz state dict")
    parser.add_argument(
        "--block", type=commands.positive_int, default=32, help="side of a block (default 32)"
    )
    parser.add_argument(
        "--rate", type=commands.rate, required=True, help="weights / non-zeros, met within 1 %%"
    )
    parser.add_argument(
        "--align",
        type=commands.parse_align,
        default=(1, 1),
        metavar="PxQ",
        help="keep rows in groups of P, columns in groups of Q",
    )
    parser.add_argument(
        "--classes",
        type=commands.positive_int,
        default=1,
        metavar="N",
        help="kernels keep as many rows of each of N classes of a block's units, for machines with "
        "shared columns; --align counts for columns only",
    )
    parser.add_argument(
        "--config",
        metavar="NAME",
        help="configuration that the model is for (hdl/configs.toml): sets alignment and classes",
    )
    parser.add_argument("--prefix", help="name prefix of the recurrent module")
    parser.add_argument("--out", required=True, help="pruned checkpoint, same choice of formats")


def run(arguments: argparse.Namespace) -> int:
    """Prune, write, and say in a line how much is kept."""
    a = arguments
    check_target(a.out)
    align, machine = a.align, a.classes
    if a.config is not None:
        if a.classes != 1 or a.align != (1, 1):
            raise UsageError("--config sets alignment and classes: leave them out")
        align, machine = for_machine(config.load(a.config))
    checkpoint = read_checkpoint(a.checkpoint, a.prefix)
    pruned = prune_checkpoint(checkpoint, a.block, a.rate, align, machine)
    write_checkpoint(a.out, pruned)
    classes = pruned.csb.get("classes", 1)
    print(
        f"{a.out}: {pruned.cell}, {pruned.kept_weights} of {pruned.weights} weights kept,"
        f" rate {pruned.rate:.4g}, block {a.block}, "
        + (f"{classes} classes" if classes > 1 else f"aligned {align[0]}x{align[1]}")
    )
    return commands.OK
