#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the situations that the RTL was in: shapes, stalls, codes, fields, interruptions."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.functional import points, run
from csb_rnn.experiments.reports import measured
from csb_rnn.machine.folders import BUILD

NAME = "functional"


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--results", action="store_true", help="keep the table")
    args = parser.parse_args()
    began, counted = measured.begin(NAME), points.Points()
    for facts in chain(run.directed(), run.drawn()):
        counted.add(facts)
    for row in counted.rows():
        print(f"{row['point']:<16} {row['hit']} of {row['bins']}  {row['missing']}")
    file = BUILD / "functional/coverage.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    counted.db.export_to_xml(str(file))
    if args.results:
        measured.write(NAME, counted.rows(), began)
        print(f"{measured.path_of(NAME)}: written; make docs renders its table")
    return commands.MISMATCH if counted.missing() else commands.OK


if __name__ == "__main__":
    commands.run(main)
