# SPDX-License-Identifier: Apache-2.0
"""Measures beats a cycle of every port of csb_top on the RTL, and records their waves."""

from __future__ import annotations

from csb_rnn import commands
from csb_rnn.experiments.ports import measure
from csb_rnn.experiments.reports import measured

RESULT = "ports"


def main() -> int:
    """Run both configurations, keep the rows in docs/results/data/ports.json."""
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the kept rates only")
    args = parser.parse_args()
    began = measured.begin(RESULT)
    found = [row for name in measure.CONFIGS for row in measure.rows(name)]
    for r in (r for r in found if r["table"] == "rate"):
        print(f"{r['config']:6} {r['name']:26} {r['beats']:6} in {r['cycles']:6} cycles: "
              f"{r['rate']:.3f} a cycle")  # fmt: skip
    if args.check:
        lines = measured.differences(RESULT, found, ())
        print("\n".join(lines) or "as kept")
        return commands.MISMATCH if lines else commands.OK
    measured.write(RESULT, found, began)
    return commands.OK
