#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure machines with shared columns on the published models (docs/results/shared_columns.md)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.experiments.bench import shared_columns, shared_rtl, shared_tables
from csb_rnn.experiments.reports import measured

NAME = "shared_columns"


def main() -> None:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two models, printed, not kept")
    parser.add_argument("--rtl", action="store_true", help="whole models on the RTL of 512 PEs")
    args = parser.parse_args()
    quick, name = args.quick, "shared_rtl" if args.rtl else NAME
    torch.set_num_threads(1)
    began, rows = measured.begin(name), []
    for row in shared_rtl.rows() if args.rtl else shared_columns.rows(quick):
        rows.append(row)
        print(
            f"{row.get('table', 'rtl')} {row['model']} {row['config']}", file=sys.stderr, flush=True
        )
    if quick and not args.rtl:
        for table in shared_tables.tables(rows):
            print(f"{table.title}\n{table.markdown()}\n")
    else:
        measured.write(name, rows, began)
        print(f"{measured.path_of(name)}: written; make docs renders its page")


if __name__ == "__main__":
    commands.run(main)
