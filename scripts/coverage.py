#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests of the RTL on Verilator with coverage; a table by module, and the holes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.coverage import counts
from csb_rnn.experiments.reports import measured
from csb_rnn.machine.folders import BUILD, ROOT

NAME = "coverage"
FOLDER = BUILD / "coverage"


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("tests", nargs="*", help="as pytest's, such as tests/rtl")
    parser.add_argument("--more", action="store_true", help="adds to the counts of runs before")
    parser.add_argument("--results", action="store_true", help="keep the table")
    parser.add_argument("--top", action="store_true", help="also the runs of make functional")
    args = parser.parse_args()
    runs = FOLDER / "counts"
    if not args.more:
        shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir(parents=True, exist_ok=True)
    began = measured.begin(NAME)
    search = os.pathsep.join((str(ROOT / "golden"), str(ROOT)))
    env = {**os.environ, "SIM": "verilator", "CSB_BUILD": str(FOLDER), "CSB_COVERAGE": str(runs),
           "PYTHONPATH": search}  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-p", "csb_rnn.experiments.coverage.plugin"]
    code = 0
    if args.tests:
        code = subprocess.run([*command, *args.tests], cwd=ROOT, env=env, check=False).returncode
    if args.top:
        run = [sys.executable, "scripts/functional.py"]
        code |= subprocess.run(run, cwd=ROOT, env=env, check=False).returncode
    points = counts.counted(counts.merged(runs.glob("*.dat")))
    rows = counts.by_module(points)
    for row in rows:
        parts = [f"{kind} {row[f'{kind}_hit']}/{row[kind]}" for kind in counts.KINDS]
        print(f"{row['module']:<20} {'  '.join(parts)}")
    (FOLDER / "holes.txt").write_text("\n".join(counts.holes(points)) + "\n")
    (FOLDER / "coverage.info").write_text(counts.lcov(points))
    if args.results:
        measured.write(NAME, rows, began)
    print(f"{FOLDER / 'holes.txt'}: points without a hit; coverage.info for genhtml")
    return commands.MISMATCH if code else commands.OK


if __name__ == "__main__":
    commands.run(main)
