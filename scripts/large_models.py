#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure large models: MT2 held whole by vu9p, and words from DRAM with eight streams."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.bench import large_models, streamed
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import folders

NAME = "large_models"
OUT = Path("build/area")  # relative: paths in Yosys' scripts


def main() -> None:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="words from DRAM alone, printed")
    quick = parser.parse_args().quick
    os.chdir(folders.ROOT)
    began = measured.begin(NAME)
    rows = list(streamed.rows())
    if quick:
        print(large_models.tables(rows)[-1].markdown())
        return
    rows.append(large_models.frames_row())
    rows += large_models.memory_rows(OUT)
    measured.write(NAME, rows, began)
    print(f"{measured.path_of(NAME)}: written; make docs renders its page")


if __name__ == "__main__":
    commands.run(main)
