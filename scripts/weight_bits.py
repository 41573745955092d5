#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure the shipped models with 8-bit weights: docs/results/data/weight_bits.json."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.tasks import weight_bits
from csb_rnn.machine.folders import ROOT


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--model", help="name of a file in checkpoints/; printed, not kept")
    model = parser.parse_args().model
    torch.set_num_threads(1)
    folder = ROOT / "checkpoints"
    began, rows = measured.begin("weight_bits"), []
    for path in sorted(folder.glob(f"{model or '*'}.npz")):
        rows.append(weight_bits.row(path))
        print(rows[-1], flush=True)
    if model is None:
        measured.write("weight_bits", rows, began)
    return commands.OK if all(r["within"] for r in rows) else commands.MISMATCH


if __name__ == "__main__":
    commands.run(main)
