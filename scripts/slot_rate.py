#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure small models by the rate of slots (docs/results/slot_rate.md)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.bench import slot_rate, slot_tables
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import folders

NAME = "slot_rate"
OUT = Path("build/area")  # relative: paths in Yosys' scripts


def main() -> None:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="intervals alone, printed, not kept")
    quick = parser.parse_args().quick
    os.chdir(folders.ROOT)
    began = measured.begin(NAME)
    rows = list(slot_rate.interval_rows())
    if quick:
        print(slot_tables.interval_table(rows).markdown())
        return
    for part in (slot_rate.area_rows(OUT), slot_rate.rtl_rows()):
        for row in part:
            rows.append(row)
            print(row["table"], row["machine"], file=sys.stderr, flush=True)
    measured.write(NAME, rows, began)
    print(f"{measured.path_of(NAME)}: written; make docs renders its page")


if __name__ == "__main__":
    commands.run(main)
