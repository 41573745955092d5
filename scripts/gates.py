#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power of one PEGroup and one lane in 180 nm cells, running a trained network."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.silicon.power import rows
from csb_rnn.machine.folders import ROOT

NAME = "gates"


def main() -> None:
    commands.Parser(description=__doc__).parse_args()
    began, found = measured.begin(NAME), []
    for row in rows(ROOT / "checkpoints"):
        found.append(row)
        print(f"{row['module']} of {row['config']}: {row['mw']:.1f} mW", flush=True)
    measured.write(NAME, found, began)
    print(f"{measured.path_of(NAME)}: written; make docs renders docs/results/energy.md")


if __name__ == "__main__":
    commands.run(main)
