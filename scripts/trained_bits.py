#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure models trained with 8-bit weights: docs/results/data/trained_bits.json.

Of some tasks alone, the rows of the others stay if no source has changed since.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.tasks import trained_bits
from csb_rnn.experiments.tasks.plans import PLANS


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--tasks", help="default: all")
    parser.add_argument("--work", type=Path, default=Path("build/tries"), help="folder of models")
    args = parser.parse_args()
    torch.set_num_threads(1)
    names = args.tasks.upper().split(",") if args.tasks else [c[0] for c in trained_bits.CASES]
    began, rows = measured.begin(trained_bits.NAME), []
    for case in trained_bits.CASES:
        for seed in PLANS[case[0]].seeds if case[0] in names else ():
            rows.append(trained_bits.row(case, seed, args.work))
            print(rows[-1], flush=True)
    if measured.path_of(trained_bits.NAME).is_file() and not measured.changed(trained_bits.NAME):
        kept = [r for r in measured.read(trained_bits.NAME).rows if r["task"] not in names]
        rows = sorted([*kept, *rows], key=lambda r: (r["task"], r["seed"]))
    measured.write(trained_bits.NAME, rows, began)
    return commands.OK if trained_bits.together(rows) else commands.MISMATCH


if __name__ == "__main__":
    commands.run(main)
