#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flips single bits of memories and registers of running machines, with parity bits on loaded
memories and without; counts how the runs end."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.faults import places, run
from csb_rnn.experiments.reports import measured, resumed
from csb_rnn.machine.folders import BUILD

NAME = "faults"
FLIPS = 2200


def show(flips: list[run.Flip], rows: list[dict[str, Any]], parity: int) -> None:
    """Prints the counts of a machine, and the flips that hang."""
    print("with parity bits:" if parity else "without parity bits:")
    for row in rows:
        if row["table"] == "places" and row["parity"] == parity:
            print("  ".join([f"{row['place']:<34}", *(f"{end} {row[end]}" for end in run.ENDS)]))
    print(dict(Counter(f.end for f in flips)))
    for f in flips:
        if f.end == "hung" and f.place not in places.APART:
            print(f"hangs without a code: flip {f.number}: {f.path} bit {f.bit}: {f.by}")


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--config", default="tiny", help="configuration (tiny)")
    parser.add_argument("--flips", type=int, default=FLIPS, help=f"of each machine ({FLIPS})")
    parser.add_argument("--one", type=int, help="the flip of this number alone, with --parity")
    parser.add_argument("--parity", type=int, choices=(0, 1), help="only this machine")
    parser.add_argument("--results", action="store_true", help="keep the table")
    args = parser.parse_args()
    began, rows = measured.begin(NAME), []
    for parity in (0, 1) if args.parity is None else (args.parity,):
        trial = run.Trial(args.config, parity)
        if args.one is not None:
            print(trial.one(args.one))
            continue
        log = BUILD / f"faults/{args.config}_{parity}.jsonl"
        numbers = map(str, range(args.flips))
        found = resumed.resumed(log, began.sources, numbers, lambda n, t=trial: t.one(int(n)))
        flips = [run.Flip(*value) for _, value in found]
        rows += run.summary(flips, places.bits_by_place(trial.variables), parity)
        show(flips, rows, parity)
    if args.results and args.one is None and args.parity is None:
        measured.write(NAME, rows, began)
        print(f"{measured.path_of(NAME)}: written; make docs renders its table")
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
