#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time the same tries in one process and on two local workers: docs/results/data/farm.json."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.experiments.farm import speed
from csb_rnn.experiments.reports import measured


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--task", default="Z2", help="of the tries (default Z2)")
    parser.add_argument("--schemes", help="one try each (default: eight schemes by feedback)")
    parser.add_argument("--workers", type=commands.positive_int, default=2, help="default 2")
    parser.add_argument("--dense", type=Path, help="dense model of seed 0 (default: trained first)")
    parser.add_argument("--work", type=Path, default=Path("build/farm_speed"), help="made anew")
    parser.add_argument("--keep", action="store_true", help="write the result file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    began = measured.begin(speed.NAME)
    schemes = args.schemes.split(",") if args.schemes else speed.SCHEMES
    rows = speed.measure(args.work, args.dense, args.task.upper(), schemes, (args.workers,),
                         log=lambda line: print(line, flush=True))  # fmt: skip
    if args.keep:
        measured.write(speed.NAME, rows, began)
    good = rows[-1]["equal"] and rows[-1]["faster"] >= speed.TARGET
    return commands.OK if good else commands.MISMATCH


if __name__ == "__main__":
    commands.run(main)
