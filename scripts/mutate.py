#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes the RTL in one place at a time; the tests of the module have to find it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.mutants import run
from csb_rnn.experiments.mutants.tree import Tree
from csb_rnn.experiments.reports import measured
from csb_rnn.machine.folders import BUILD

NAME = "mutants"
FOLDER = BUILD / "mutants"


def main() -> int:
    known = run.targets()
    parser = commands.Parser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"{', '.join(known)} (all)")
    parser.add_argument("--sample", type=int, default=10**6, help="at most so many of each module")
    parser.add_argument("--results", action="store_true", help="keep the table")
    args = parser.parse_args()
    if unknown := set(args.modules) - known.keys():
        parser.error(f"unknown module '{min(unknown)}'")
    some = [t for name, t in known.items() if not args.modules or name in args.modules]
    began, tree = measured.begin(NAME), Tree(FOLDER / "tree")
    try:
        verdicts = list(
            run.run(some, args.sample, tree, FOLDER / "verdicts.jsonl", lambda s: print(s))
        )
    finally:
        tree.close()
    rows = run.summary(verdicts)
    for row in rows:
        if row["table"] == "modules":
            counted = row["killed"] + row["survive"]
            rate = 100 * row["killed"] / counted if counted else 100
            print(f"{row['module']}: {row['killed']} of {counted} killed, {rate:.0f} %, "
                  f"{row['equal']} equal")  # fmt: skip
    if args.results:
        measured.write(NAME, rows, began)
        print(f"{measured.path_of(NAME)}: written; make docs renders its table")
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
