# SPDX-License-Identifier: Apache-2.0
"""How long recorded work would take with more workers: a simulation, not a measurement.

The work is real: processor seconds of recorded tries, in chains of a (task, scheme), and
:data:`SEED_SECONDS` for each seed of random regression. The machine is not: workers of equal speed,
a free one takes the job that waits longest, and each job costs :data:`HANDLING` seconds of the one
writer.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from csb_rnn.experiments.tasks.plans import PLANS
from csb_rnn.experiments.tasks.records import Records

__all__ = ["COUNTS", "makespan", "rows", "work_of_records"]

COUNTS = (1, 2, 10, 100, 1000)
HANDLING = 0.01  # s of the writer for a job: a line, a model of half a MB, the next choice
SEEDS, SEED_SECONDS = 10_000, 0.7  # the nightly step "seeds" takes 3.5 min for 300


def makespan(chains: Sequence[Sequence[float]], workers: int, handling: float = HANDLING) -> float:
    """Seconds until all chains are done.

    Args:
        chains: seconds of jobs; a job begins behind the one before it in its chain.
        workers: their number, of equal speed.
        handling: seconds of the one writer for each job.

    Example: chains (3, 1) and (2) take 6 s with one worker and 4 s with two.
    """
    ready = [(0.0, number, 0) for number, jobs in enumerate(chains) if jobs]
    heapq.heapify(ready)
    free = [0.0] * workers
    heapq.heapify(free)
    writer = end = 0.0
    while ready:
        when, number, at = heapq.heappop(ready)
        start = max(when, heapq.heappop(free))
        done = start + chains[number][at]
        heapq.heappush(free, done)
        writer = max(writer, done) + handling
        end = max(end, writer)
        if at + 1 < len(chains[number]):
            heapq.heappush(ready, (writer, number, at + 1))
    return end


def work_of_records() -> list[list[float]]:
    """Processor seconds of every recorded try, a chain for each task and scheme."""
    chains: dict[tuple[str, str], list[float]] = {}
    for task in PLANS:
        for line in Records(task).of("try"):
            chains.setdefault((task, line["scheme"]), []).append(float(line["cpu_seconds"]))
    return list(chains.values())


def work_of_seeds() -> list[list[float]]:
    """Processor seconds of seeds of random regression, each a chain of its own."""
    return [[SEED_SECONDS]] * SEEDS


def rows(works: Mapping[str, Sequence[Sequence[float]]] | None = None) -> list[dict[str, Any]]:
    """A row for each work and number of workers; ``simulated`` is always true."""
    if works is None:
        works = {
            "tries of the table": work_of_records(),
            f"{SEEDS:,} random seeds": work_of_seeds(),
        }
    found = []
    for name, chains in works.items():
        alone = makespan(chains, 1, 0)
        for count in COUNTS:
            seconds = makespan(chains, count)
            found.append(
                {
                    "work": name,
                    "jobs": sum(len(jobs) for jobs in chains),
                    "chains": len(chains),
                    "workers": count,
                    "hours": round(seconds / 3600, 4),
                    "times_faster": round(alone / seconds, 2),
                    "simulated": True,
                }
            )
    return found
