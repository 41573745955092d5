#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Energy of a frame: counts of programs, checked in the RTL, times published energies."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.energy import cacti, kept, page
from csb_rnn.experiments.energy.measure import checked_rows, rows
from csb_rnn.machine.folders import BUILD, ROOT

CHECKPOINTS = ROOT / "checkpoints"


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--memories", action="store_true", help="ask CACTI for all memories again")
    parser.add_argument("--page", action="store_true", help="only the page, from kept rows")
    parser.add_argument("--check", action="store_true", help="only the counts, against the RTL")
    args = parser.parse_args()
    code = commands.OK
    if not args.page:
        energies = cacti.Energies(again=args.memories)
        found = []
        folder = BUILD / "energy"
        checks = checked_rows(CHECKPOINTS, folder)
        for row in checks if args.check else rows(CHECKPOINTS, folder, energies):
            found.append(row)
            name = row.get("pattern") or row.get("model")
            print(f"{row['table']}: {name} on {row['config']}", flush=True)
            for line in row.get("different", ()):
                print(f"  {line}", file=sys.stderr)
                code = commands.MISMATCH
        if code == commands.OK and not args.check:
            energies.write()
            kept.write(found)
    if code == commands.OK and not args.check:
        memories = json.loads(cacti.TABLE.read_text())
        page.PAGE.write_text(page.text(kept.read(), memories))
        print(f"{page.PAGE.relative_to(ROOT)}: written")
    return code


if __name__ == "__main__":
    commands.run(main)
