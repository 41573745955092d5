#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flips single bits of memories and registers of a running machine; counts how the runs end."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.faults import places, run
from csb_rnn.experiments.reports import measured, resumed
from csb_rnn.machine.folders import BUILD

NAME = "faults"
FLIPS = 2200


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--config", default="tiny", help="configuration (tiny)")
    parser.add_argument("--flips", type=int, default=FLIPS, help=f"how many ({FLIPS})")
    parser.add_argument("--one", type=int, help="the flip of this number alone")
    parser.add_argument("--results", action="store_true", help="keep the table")
    args = parser.parse_args()
    began, trial = measured.begin(NAME), run.Trial(args.config)
    if args.one is not None:
        print(trial.one(args.one))
        return commands.OK
    log = BUILD / f"faults/{args.config}.jsonl"
    numbers = map(str, range(args.flips))
    found = resumed.resumed(log, began.sources, numbers, lambda n: trial.one(int(n)))
    flips = [run.Flip(*value) for _, value in found]
    rows = run.summary(flips, places.bits_by_place(trial.variables))
    for row in rows:
        if row["table"] == "places":
            print("  ".join([f"{row['place']:<34}", *(f"{end} {row[end]}" for end in run.ENDS)]))
    print(dict(Counter(f.end for f in flips)))
    hung = [f for f in flips if f.end == "hung" and f.place not in places.APART]
    for f in hung:
        print(f"hangs without a code: flip {f.number}: {f.path} bit {f.bit}: {f.by}")
    if args.results:
        measured.write(NAME, rows, began)
        print(f"{measured.path_of(NAME)}: written; make docs renders its table")
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
