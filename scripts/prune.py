#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prune a checkpoint in one shot to compressed structured blocks at a rate."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands, errors
from csb_rnn.commands import parse_align, positive_int, rate
from csb_rnn.machine import config
from csb_rnn.network.checkpoint import check_target, read_checkpoint, write_checkpoint
from csb_rnn.pruning.oneshot import prune_checkpoint


def main() -> None:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("checkpoint", help=".pt, .safetensors or .npz state dict")
    parser.add_argument(
        "--block", type=positive_int, default=32, help="side of a block (default 32)"
    )
    parser.add_argument(
        "--rate", type=rate, required=True, help="weights / non-zeros, met within 1 %%"
    )
    parser.add_argument(
        "--align",
        type=parse_align,
        default=(1, 1),
        metavar="PxQ",
        help="keep rows in groups of P, columns in groups of Q",
    )
    parser.add_argument(
        "--classes",
        type=positive_int,
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
    args = parser.parse_args()
    check_target(args.out)
    machine, align = args.classes, args.align
    if args.config is not None:
        if args.classes != 1 or args.align != (1, 1):
            raise errors.UsageError("--config sets alignment and classes: leave them out")
        c = config.load(args.config)
        align = (c.P, c.Q)
        machine = c if c.shared_cols > 1 else 1
    checkpoint = read_checkpoint(args.checkpoint, args.prefix)
    pruned = prune_checkpoint(checkpoint, args.block, args.rate, align, machine)
    classes = pruned.csb.get("classes", 1)
    write_checkpoint(args.out, pruned)
    print(
        f"{args.out}: {pruned.cell}, {pruned.kept_weights} of {pruned.weights} weights kept,"
        f" rate {pruned.rate:.4g}, block {args.block}, "
        + (f"{classes} classes" if classes > 1 else f"aligned {align[0]}x{align[1]}")
    )


if __name__ == "__main__":
    commands.run(main)
