#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Accuracy of the number formats: the fixed model against float, over ordinary and wide networks.

Prints a row for each network of csb_rnn.experiments.accuracy.networks, and ends with 1 if one
differs from the kept rows. Beyond the limit a row has what each kind of rounding alone costs.
With --results the rows are kept: docs/results/data/accuracy.json.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.errors import UsageError
from csb_rnn.experiments.accuracy.causes import KINDS
from csb_rnn.experiments.accuracy.measure import measure
from csb_rnn.experiments.accuracy.networks import cases
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config


def main() -> int:
    """Measure and print."""
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="networks (default: all)")
    parser.add_argument("--results", action="store_true", help="keep the rows of all networks")
    a = parser.parse_args()
    if a.names and a.results:
        raise UsageError("--results keeps all networks: name none")
    began, c, rows = measured.begin("accuracy"), config.load("tiny"), []
    for case in cases(tuple(a.names)):
        row = measure(case, c)
        rows.append(row)
        found = f"{row['network']:18} tensors {row['tensors']:9.2e} limit {row['limit']:9.2e}"
        if row["fixed"] is None:
            print(f"{found} refused: {row['reason']}", flush=True)
            continue
        print(
            f"{found} fixed {row['fixed']:9.2e} = {row['ratio']:.2f}"
            f" saturations {row['saturations']}",
            flush=True,
        )
        alone = [f"{kind} {row[kind]:.2e}" for kind in KINDS if kind in row]
        if alone:
            two = f"inputs of two words {row['two_words']:.2e}"
            print(f"{'':18} alone: {', '.join(alone)}; {two}", flush=True)
    over = sum(r["ratio"] is None or r["ratio"] > 1 for r in rows)
    print(f"{len(rows)} networks, {over} over their limit")
    if a.results:
        measured.write("accuracy", rows, began)
        return commands.OK
    lines = measured.differences("accuracy", rows, ("fixed",))
    print("\n".join(lines) or "all as kept")
    return commands.MISMATCH if lines else commands.OK


if __name__ == "__main__":
    commands.run(main)
