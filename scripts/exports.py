#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads every legal export of a recurrent module by torch: docs/results/data/exports.json.

Two hours; goes on where it was stopped. Ends with 1 if one comes out wrong or with a traceback, or
if fewer than 98 of 100 run. With --again N every Nth case of complete rows is run, to see that they
hold for today's sources, and all cases of rows that lack some.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.experiments.importing import exports
from csb_rnn.experiments.reports import measured, resumed
from csb_rnn.machine.folders import BUILD

ENOUGH = 0.98


def main() -> int:
    """Export, read, compare, count."""
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="only every Nth; printed, not kept")
    parser.add_argument("--again", type=int, metavar="N", help="every Nth case, and missing rows")
    parser.add_argument("--done", action="store_true", help="run none, keep those done so far")
    a = parser.parse_args()
    torch.set_num_threads(1)
    began, one, found = measured.begin("exports"), exports.Exports(), []
    names = exports.names()[:: max(1, a.every)]
    log = BUILD / "exports/cases.jsonl"
    kept = measured.read("exports") if a.again else None
    if kept is not None:
        names = exports.again(names, kept.rows, a.again)
    if a.done:
        known = resumed.done(log, began.sources)
        names = [name for name in names if name in known]
    for name, (end, reason) in resumed.resumed(log, began.sources, names, one.run):
        found.append((name, (end, reason)))
        if end in ("refused", "wrong", "traceback"):
            print(f"{end}: {name}: {reason}", flush=True)
        if len(found) % 100 == 0:
            print(f"{len(found)} of {len(names)}", flush=True)
    rows, reasons = exports.rows(found)
    if kept is not None:
        rows, line = exports.joined(rows, kept.rows)
        began = dataclasses.replace(began, confirmed=f"{line} on {began.commit}")
    for line in [*map(str, rows), *reasons]:
        print(line)
    share = exports.runs(rows)
    bad = sum(r["wrong"] + r["traceback"] for r in rows)
    print(f"{share:.2%} of the exported files run, {bad} are wrong")
    total, run = len(exports.names()), sum(map(exports.cases, rows))
    if run < total:
        reasons.append(f"{run:,} of {total:,} cases were run")
    if a.every == 1:
        measured.write("exports", rows, began, reasons)
    return commands.MISMATCH if bad or share < ENOUGH else commands.OK


if __name__ == "__main__":
    commands.run(main)
