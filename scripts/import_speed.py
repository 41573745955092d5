#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the one command on 3 M kept weights: docs/results/data/import_speed.json."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.importing import speed
from csb_rnn.experiments.reports import measured


def main() -> int:
    """Measure and keep."""
    commands.Parser(description=__doc__.splitlines()[0]).parse_args()
    began, rows = measured.begin("import_speed"), []
    with tempfile.TemporaryDirectory() as folder:
        for file in speed.files(Path(folder)):
            rows.append(speed.measure(file))
            print(rows[-1], flush=True)
    measured.write("import_speed", rows, began)
    late = [r for r in rows if r["processor_seconds"] > r["limit"]]
    return commands.MISMATCH if late else commands.OK


if __name__ == "__main__":
    commands.run(main)
