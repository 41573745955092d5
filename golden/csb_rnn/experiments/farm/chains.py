# SPDX-License-Identifier: Apache-2.0
"""Jobs in chains: the next job of a chain is known when the one before is done.

A chain is a search, of one (task, scheme) for example, and so has one job in flight at a time. All
results go through one function in one process, the writer, as they finish. If a worker dies its job
is done again by another; the result arrives once, for a job leaves nothing but its result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from csb_rnn.experiments.farm.cluster import FarmError

__all__ = ["Job", "Next", "Take", "run_chains"]


@dataclass(frozen=True)
class Job:
    """A call with plain arguments that any worker can make.

    Attributes:
        name: for people.
        call: a function of a module.
        arguments: of it.
    """

    name: str
    call: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


Next = Callable[[], Job | None]
"""The next job of a chain, from the results so far; None at its end."""

Take = Callable[[str, Job, Any], None]
"""The writer: chain, job, result."""


def _alone(chains: Mapping[str, Next], take: Take) -> None:
    for chain, following in chains.items():
        while (job := following()) is not None:
            take(chain, job, job.call(*job.arguments))


def run_chains(
    chains: Mapping[str, Next],
    take: Take,
    client: Any = None,
    log: Callable[[str], None] = lambda line: None,
) -> None:
    """Do all jobs of all chains.

    Args:
        chains: by name, in the order in which they begin.
        take: called with every result, in this process, one after the other.
        client: of :func:`csb_rnn.experiments.farm.cluster.workers`; None: here, one by one.
        log: takes a line for each job that is done.

    Raises:
        FarmError: a job failed, at the end of all other chains.
    """
    if client is None:
        _alone(chains, take)
        return
    from distributed import as_completed

    flying: dict[Any, tuple[str, Job]] = {}
    done = as_completed()
    failed: list[str] = []

    def start(chain: str) -> None:
        job = chains[chain]()
        if job is not None:
            future = client.submit(job.call, *job.arguments, pure=False)
            flying[future.key] = chain, job
            done.add(future)

    for chain in chains:
        start(chain)
    count = 0
    for future in done:
        chain, job = flying.pop(future.key)
        if (error := future.exception()) is not None:
            lines = str(error).splitlines() or [type(error).__name__]
            failed.append(f"{job.name}: {lines[0]}")
            log(f"failed: {failed[-1]}")
            continue
        take(chain, job, future.result())
        count += 1
        log(f"{count} done, {len(flying)} in work: {job.name}")
        start(chain)
    if failed:
        raise FarmError(f"{failed[0]} ({len(failed)} of {count + len(failed)} jobs failed)")
