# SPDX-License-Identifier: Apache-2.0
"""Totals of all soaks on the same sources: a log of one line a case, and its sums.

Example: two soaks of 300,000 and 700,000 frames are a million; a changed module of the RTL begins
at zero.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from csb_rnn.experiments.reports.resumed import done, stamp_of
from csb_rnn.experiments.soak.run import Case

NAME = "soak"
COUNTS = ("seeds", "frames", "cycles", "interruptions", "mismatches")


def add(log: Path, sources: Mapping[str, str], case: Case) -> None:
    """Writes a case down; a log of other sources is begun anew."""
    log.parent.mkdir(parents=True, exist_ok=True)
    head = f"{stamp_of(sources)}\n"
    if not log.exists() or not log.read_text().startswith(head):
        log.write_text(head)
    entry = [case.frames, case.cycles, dict(case.interruptions), case.failure]
    with log.open("a") as file:
        print(json.dumps([f"{case.config} {case.seed}", entry]), file=file)


def rows(log: Path, sources: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each configuration and its sums, then one for each kind of interruption."""
    sums: dict[str, Counter[str]] = {}
    kinds: Counter[str] = Counter()
    for key, (frames, cycles, interruptions, failure) in done(log, sources).items():
        row = sums.setdefault(key.split()[0], Counter())
        row.update(seeds=1, frames=frames, cycles=cycles, mismatches=int(bool(failure)),
                   interruptions=sum(interruptions.values()))  # fmt: skip
        kinds.update(interruptions)
    found = [
        {"table": "soak", "config": name, **{k: sums[name][k] for k in COUNTS}}
        for name in sorted(sums)
    ]
    return [*found, *({"table": "kinds", "config": k, "interruptions": n}
                      for k, n in sorted(kinds.items()))]  # fmt: skip
