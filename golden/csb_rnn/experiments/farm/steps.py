# SPDX-License-Identifier: Apache-2.0
"""Nightly steps on a farm: random regression, soaks, mutants. Nodes see the same checkout.

A step builds in a folder of its node, for two simulators that build in one folder of a network wait
for each other; results are written here alone.
"""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from csb_rnn.experiments.farm.chains import Job, Next, run_chains
from csb_rnn.experiments.reports.nightly import (
    RESULTS,
    Step,
    keep,
    result_of,
    source_hash,
    stale_steps,
)

__all__ = ["on_farm"]


def run(step: Step, sources: str) -> dict[str, Any]:
    """A step on the node of this worker."""
    build = Path(tempfile.gettempdir()) / f"csb_rnn_build_{getpass.getuser()}"
    return result_of(step, sources, str(build))


def on_farm(
    steps: Sequence[Step], client: Any, results: Path = RESULTS, *, again: bool = False
) -> list[str]:
    """Runs all stale steps, as many at a time as there are workers; the names of failed ones."""
    sources, failed = source_hash(), []
    todo = {step.name: step for step in stale_steps(steps, results, sources, again)}

    def take(name: str, _: Job, result: dict[str, Any]) -> None:
        if not keep(todo[name], result, results):
            failed.append(name)

    chains: dict[str, Next] = {
        name: partial(next, iter([Job(name, run, (step, sources))]), None)
        for name, step in todo.items()
    }
    run_chains(chains, take, client, lambda line: print(line, flush=True))
    print(f"failed: {', '.join(failed)}" if failed else "all steps passed")
    return failed
