# SPDX-License-Identifier: Apache-2.0
"""A log of cases that are done, so that a long run goes on where it was stopped.

Example: after 3,000 of 5,000 graphs the machine is switched off; the next run reads 3,000 lines of
``build/soak/drawn_graphs.jsonl`` and computes 2,000 graphs. If a source has changed meanwhile the
log is of other code, and the run begins anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


def stamp_of(sources: Mapping[str, str]) -> str:
    """First line of a log: a hash of the sources that its cases were computed with."""
    return hashlib.sha256(json.dumps(dict(sources), sort_keys=True).encode()).hexdigest()


def done(log: Path, sources: Mapping[str, str]) -> dict[str, Any]:
    """Results of the cases in a log, by key; none if the log is of other sources, or there is none.

    Args:
        log, sources: as of :func:`resumed`.
    """
    with contextlib.suppress(OSError, ValueError):
        first, *lines = log.read_text().splitlines()
        return dict(json.loads(line) for line in lines) if first == stamp_of(sources) else {}
    return {}


def resumed(
    log: Path, sources: Mapping[str, str], keys: Iterable[str], one: Callable[[str], Any]
) -> Iterator[tuple[str, Any]]:
    """Key and result of every case, from the log or computed and written down.

    Args:
        log: file of one line a case.
        sources: hashes as of :func:`csb_rnn.experiments.reports.measured.sources`.
        keys: names of the cases, in their order.
        one: computes a case; its result is written as JSON.
    """
    known = done(log, sources)
    if not known:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"{stamp_of(sources)}\n")
    with log.open("a") as out:
        for key in keys:
            if key not in known:
                known[key] = one(key)
                print(json.dumps([key, known[key]]), file=out, flush=True)
            yield key, known[key]
