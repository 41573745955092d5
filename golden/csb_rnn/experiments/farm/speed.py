# SPDX-License-Identifier: Apache-2.0
"""The same tries in one process and on local workers: wall-clock seconds, and equal records.

The dense model of the task is trained, or taken from a folder, before the clock starts. The time of
workers has everything: their start, their imports, the models sent to and fro. Example: eight tries
of 20 s take 160 s in one process; 88 s on two workers are 1.8 times faster.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from csb_rnn.experiments.farm import sweep
from csb_rnn.experiments.farm.cluster import FarmError, workers
from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.plans import PLANS
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.table import dense_model

__all__ = ["NAME", "RATE", "SCHEMES", "TARGET", "Calls", "measure", "same"]

NAME = "farm"
SCHEMES = tuple(f"{s}+feedback" for s in (
    "csb32_4x4", "csb32", "csb16", "csb64", "unstructured", "bank32", "rowcol", "row"
))  # fmt: skip
RATE = 10
TARGET = 1.7
LOOSE = ("cpu_seconds",)

Calls = tuple[Any, Any]


def _lines(records: Records) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {
        tuple(line.get(k) for k in sweep.KEY): {k: v for k, v in line.items() if k not in LOOSE}
        for line in records.lines
    }


def same(a: tuple[Records, Path], b: tuple[Records, Path]) -> bool:
    """Whether records, but for their seconds and order, and models, byte by byte, are equal."""
    files = [
        {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()} for _, folder in (a, b)
    ]
    return _lines(a[0]) == _lines(b[0]) and files[0] == files[1]


def measure(
    work: Path,
    dense: Path | None = None,
    task: str = "Z2",
    schemes: Sequence[str] = SCHEMES,
    counts: Sequence[int] = (2,),
    calls: Calls = (sweep.train, sweep.attempt),
    log: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """A row for one process (``workers`` 0) and one for each number of local workers.

    Args:
        work: folder that is made anew.
        dense: file of the task's dense model of seed 0; trained first if None.
        task: of the tries.
        schemes: one try each, seed 0, at :data:`RATE`.
        counts: numbers of workers.
        calls: make a dense model and a try.
        log: takes a line for each try.

    Raises:
        FarmError: fewer processors than the largest number of workers.
    """
    processors = len(os.sched_getaffinity(0))
    if processors < max(counts):
        raise FarmError(f"{max(counts)} workers: only {processors} processors to measure them on")
    shutil.rmtree(work, ignore_errors=True)
    first = work / "dense"
    records = Records(task, first / "records")
    states = first / task.lower()
    states.mkdir(parents=True)
    if dense is not None:
        shutil.copy(dense, states / "dense_s0.pt")
    dense_model(get(task), records, PLANS[task], 0, states, log)
    rows: list[dict[str, Any]] = []
    made: list[tuple[Records, Path]] = []
    for count in (0, *counts):
        home = work / f"workers{count}"
        shutil.copytree(first, home)
        mine = Records(task, home / "records")
        wanted = [(mine, scheme, (0,)) for scheme in schemes]
        begin = time.monotonic()
        if count:
            with workers("local", count) as client:
                sweep.sweep(wanted, home, client, log, calls, RATE)
                seconds = time.monotonic() - begin  # the end of workers is not the tries'
        else:
            sweep.sweep(wanted, home, None, log, calls, RATE)
            seconds = time.monotonic() - begin
        made.append((mine, home / task.lower()))
        rows.append({
            "task": task, "workers": count, "tries": len(schemes), "processors": processors,
            "seconds": round(seconds, 1),
            "faster": round(rows[0]["seconds"] / seconds, 2) if rows else 1.0,
            "equal": same(made[0], made[-1]),
        })  # fmt: skip
        log(str(rows[-1]))
    return rows
