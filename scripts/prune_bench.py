#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure the processor time of pruning: projections, options of a training step, pruning with
data."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.commands import positive_int
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.tasks.pruning_costs import NAME, large, steps


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="large ones too; write the result file")
    parser.add_argument("--repeat", type=positive_int, default=20)
    parser.add_argument("--threads", type=positive_int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    began, rows = measured.begin(NAME), []
    for source in (steps(args.repeat), large() if args.keep else ()):
        for row in source:
            rows.append(row)
            share = "" if row["share"] is None else f", {row['share']:.2%}"
            print(f"{row['what']:50} {row['cpu_seconds']:g} s{share}, limit {row['limit']:g}",
                  flush=True)  # fmt: skip
    if args.keep:
        measured.write(NAME, rows, began)
    missed = [row["what"] for row in rows if not row["within"]]
    print(f"MISSED: {', '.join(missed)}" if missed else "limits: met")
    return 1 if missed else commands.OK


if __name__ == "__main__":
    commands.run(main)
