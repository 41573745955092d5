#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs drawn networks, frames, stalls and interruptions on the RTL; every answer is compared."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.soak import run, totals
from csb_rnn.machine.folders import BUILD

LOG = BUILD / "soak/rtl.jsonl"


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--config", choices=run.CONFIGS, help="only this configuration")
    parser.add_argument("--minutes", type=float, default=30.0, help="to run at most (30)")
    parser.add_argument("--frames", type=int, default=10**9, help="to answer at most, about")
    parser.add_argument("--seed", type=int, help="run this case alone, and keep nothing")
    parser.add_argument("--results", action="store_true", help="keep the totals as the table")
    args = parser.parse_args()
    names = (args.config,) if args.config else run.CONFIGS
    if args.seed is not None:
        found = run.one(names[0], args.seed, run.libraries(names[:1])[names[0]])
        print(found.failure or f"{found.frames} frames, all right; {dict(found.interruptions)}")
        return commands.MISMATCH if found.failure else commands.OK
    began = measured.begin(totals.NAME)
    wrong: Counter[str] = Counter()
    for case in run.cases(names, 60 * args.minutes, args.frames, print):
        totals.add(LOG, began.sources, case)
        wrong[case.config] += bool(case.failure)
    rows = totals.rows(LOG, began.sources)
    for row in (r for r in rows if r["table"] == "soak"):
        counts = ", ".join(f"{row[k]} {k}" for k in totals.COUNTS)
        print(f"{row['config']}, all runs: {counts}")
    if args.results:
        measured.write(totals.NAME, rows, began)
        print(f"{measured.path_of(totals.NAME)}: written; make docs renders its table")
    return commands.MISMATCH if wrong.total() else commands.OK


if __name__ == "__main__":
    commands.run(main)
