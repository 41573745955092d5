#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two 8-bit products a multiplier: LUTs and multipliers, with and without."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.silicon.packed import rows
from csb_rnn.machine.folders import ROOT

NAME = "packed"


def main() -> None:
    commands.Parser(description=__doc__).parse_args()
    os.chdir(ROOT)
    began, found = measured.begin(NAME), []
    for row in rows():
        found.append(row)
        print(f"{row['target']}, Q = {row['q']}: {row['lut']} LUTs, {row['dsp']} DSPs", flush=True)
    measured.write(NAME, found, began)
    print(f"{measured.path_of(NAME)}: written; make docs renders docs/results/shared_columns.md")


if __name__ == "__main__":
    commands.run(main)
