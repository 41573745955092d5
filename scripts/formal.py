#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves modules by induction; covers are reached, planted bugs are found."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.formal import proofs, prove
from csb_rnn.experiments.reports import measured
from csb_rnn.machine.folders import BUILD

NAME = "formal"


def main() -> int:
    known = proofs.load()
    parser = commands.Parser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PROOF", help=f"{', '.join(known)} (all)")
    args = parser.parse_args()
    if unknown := set(args.names) - known.keys():
        parser.error(f"unknown proof '{min(unknown)}'")
    chosen = [proof for name, proof in known.items() if not args.names or name in args.names]
    began, rows, failed = measured.begin(NAME), [], False
    for proof in chosen:
        row, wrong = prove.run(proof, BUILD / "formal" / proof.name)
        rows.append(row)
        print(
            f"{proof.name}: {row['assertions']} assertions, {row['covers']} covers, "
            f"{len(row['bugs'])} of {row['planted']} bugs found",
            flush=True,
        )
        for line in wrong:
            print(f"  {line}", file=sys.stderr)
        failed |= bool(wrong)
    if failed:
        return commands.MISMATCH
    if len(chosen) == len(known):
        measured.write(NAME, rows, began)
        print(f"{measured.path_of(NAME)}: written; make docs renders its table")
    return commands.OK


if __name__ == "__main__":
    sys.exit(commands.run(main))
