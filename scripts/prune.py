#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prune a checkpoint in one shot to compressed structured blocks at a rate."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.commands import parse_align, positive_int, rate
from csb_rnn.network.checkpoint import read_checkpoint, write_checkpoint
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
    parser.add_argument("--prefix", help="name prefix of the recurrent module")
    parser.add_argument("--out", required=True, help="pruned checkpoint, same choice of formats")
    args = parser.parse_args()
    checkpoint = read_checkpoint(args.checkpoint, args.prefix)
    pruned = prune_checkpoint(checkpoint, args.block, args.rate, args.align)
    write_checkpoint(args.out, pruned)
    print(
        f"{args.out}: {pruned.cell}, {pruned.kept_weights} of {pruned.weights} weights kept,"
        f" rate {pruned.rate:.4g}, block {args.block}, aligned {args.align[0]}x{args.align[1]}"
    )


if __name__ == "__main__":
    commands.run(main)
