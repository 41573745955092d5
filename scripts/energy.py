#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Energy of a frame: counts of programs, checked in the RTL, times published energies."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.energy import cacti
from csb_rnn.experiments.energy.measure import checked_rows, rows
from csb_rnn.experiments.reports import measured
from csb_rnn.machine.folders import BUILD, ROOT

NAME = "energy"
CHECKPOINTS = ROOT / "checkpoints"


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--memories", action="store_true", help="ask CACTI for all memories again")
    parser.add_argument("--check", action="store_true", help="only the counts, against the RTL")
    args = parser.parse_args()
    began, found = measured.begin(NAME), []
    energies, folder = cacti.Energies(again=args.memories), BUILD / "energy"
    wrong = False
    for row in (
        checked_rows(CHECKPOINTS, folder) if args.check else rows(CHECKPOINTS, folder, energies)
    ):
        found.append(row)
        name = row.get("pattern") or row.get("model") or row.get("module")
        print(f"{row['table']}: {name} on {row['config']}", flush=True)
        for line in row.get("different", ()):
            print(f"  {line}", file=sys.stderr)
            wrong = True
    if wrong:
        return commands.MISMATCH
    if not args.check:
        energies.write()
        measured.write(NAME, found, began)
        print(f"{measured.path_of(NAME)}: written; make docs renders its page")
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
