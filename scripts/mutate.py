#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes the RTL, or with --python a model, in one place at a time; its tests have to find it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.mutants import run
from csb_rnn.experiments.mutants.tree import PYTHON, RTL, Tree
from csb_rnn.experiments.reports import measured
from csb_rnn.machine.folders import BUILD

FOLDER = BUILD / "mutants"
#: Result, table, imports, seconds of a run of tests.
RUNS = {
    False: ("mutants", run.TABLE, RTL, 600),
    True: ("python_mutants", run.PYTHON_TABLE, PYTHON, 300),
}


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="of the table (all)")
    parser.add_argument("--python", action="store_true", help="files of golden/csb_rnn")
    parser.add_argument("--sample", type=int, default=10**6, help="at most so many of each module")
    parser.add_argument("--results", action="store_true", help="keep the table")
    args = parser.parse_args()
    name, table, imports, limit = RUNS[args.python]
    known = run.targets(table)
    if unknown := set(args.modules) - known.keys():
        parser.error(f"unknown module '{min(unknown)}'")
    some = [t for module, t in known.items() if not args.modules or module in args.modules]
    began, tree = measured.begin(name), Tree(FOLDER / f"tree_{name}", imports, limit)
    try:
        verdicts = list(
            run.run(
                some, args.sample, tree, FOLDER / "verdicts.jsonl", lambda s: print(s, flush=True)
            )
        )
    finally:
        tree.close()
    rows = run.summary(verdicts, known)
    for row in rows:
        if row["table"] == "modules":
            counted = row["killed"] + row["survive"]
            rate = 100 * row["killed"] / counted if counted else 100
            print(f"{row['module']}: {row['killed']} of {counted} killed, {rate:.0f} %, "
                  f"{row['equal']} equal")  # fmt: skip
    if args.results:
        measured.write(name, rows, began)
        print(f"{measured.path_of(name)}: written; make docs renders its table")
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
