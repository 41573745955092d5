# SPDX-License-Identifier: Apache-2.0
"""The rows of pruning without training, and the figures that are told by them.

A row is a task, a seed, a method and a rate: ``Z2:0:data:4``. Losses are those of the test split;
whether a rate is lossless is judged on validation data, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.base import Score, Task, TaskError
from csb_rnn.experiments.tasks.lossless import limit, meets
from csb_rnn.experiments.tasks.plans import PLANS
from csb_rnn.experiments.tasks.post_training import METHODS, loss, row
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.table import dense_model
from csb_rnn.experiments.tasks.training import to_checkpoint

__all__ = [
    "NAME",
    "again",
    "cases",
    "key_of",
    "largest_lossless",
    "place",
    "ratios",
    "run",
    "together",
]

NAME = "post_training"
RATES = (2, 3, 4)
HIGH = {"Z2": (5, 6, 8, 10, 13), "Z6": (5, 6, 8, 10, 13)}  # rates of the ladder beyond these
REFINED = (4,)
FLOOR = 0.1  # of points; of a logarithm or R2 a hundredth of it: a smaller loss is none

Row = dict[str, Any]


def cases(task: Task, seeds: int) -> list[str]:
    """Names of a task's rows, the dense model (rate 1) first."""
    high = HIGH.get(task.id, ())
    rates = {
        "one-shot": (1, *RATES),
        "data": (*RATES, *high),
        "data, refined": (*REFINED, *high[2:]),
    }
    some = PLANS[task.id].seeds[:seeds]
    return [f"{task.id}:{s}:{m}:{r}" for s in some for m, found in rates.items() for r in found]


def key_of(row: Row) -> str:
    """The name of a row, as in :func:`cases`."""
    return f"{row['task']}:{row['seed']}:{row['method']}:{row['rate']:g}"


def place(row: Row) -> tuple[Any, ...]:
    """Where a row stands in the result: by task, seed, method, rate."""
    return row["task"], row["seed"], list(METHODS).index(row["method"]), row["rate"]


def again(keys: Sequence[str], kept: Sequence[Row], every: int) -> list[str]:
    """The rows to run so that kept ones may stay: every so manieth of them, and all missing ones.

    Example: of rows a, b, c, d, of which a, b, c are kept, every second: a, c and d.
    """
    known = {key_of(r) for r in kept}
    old = [key for key in keys if key in known]
    chosen = {*old[::every], *(key for key in keys if key not in known)}
    return [key for key in keys if key in chosen]


def run(key: str, work: Path) -> Row:
    """One row; dense models are those of the table of schemes, kept in a folder."""
    name, seed, method, rate = key.split(":")
    task = get(name)
    records, states = Records(name), work / name.lower()
    if not records.of("dense", seed=int(seed)):
        raise TaskError(f"{name} seed {seed}: the table of schemes has no dense model of it")
    model = dense_model(task, records, PLANS[name], int(seed), states, print)
    return row(task, to_checkpoint(task, model), method, float(rate), int(seed))


def _score(found: Row, split: str) -> Score:
    return Score(found["metric"], found[split], found[f"{split}_items"])


def _of(rows: Sequence[Row], method: str, rate: float) -> dict[tuple[str, int], Row]:
    return {(r["task"], r["seed"]): r for r in rows if r["method"] == method and r["rate"] == rate}


def _floor(metric: str) -> float:
    return FLOOR / 100 if metric in ("perplexity", "R2") else FLOOR


def ratios(rows: Sequence[Row], method: str) -> dict[tuple[str, float], tuple[float, float]]:
    """Task and rate -> loss in one shot and loss by a method, means over the seeds.

    Of the pairs in which the result in one shot is worse than the lossless limit.
    """
    found: dict[tuple[str, float], tuple[float, float]] = {}
    dense = _of(rows, "one-shot", 1)
    for rate in RATES:
        shot, other = _of(rows, "one-shot", rate), _of(rows, method, rate)
        for name in dict.fromkeys(task for task, _ in other):
            task, keys = get(name), [k for k in other if k[0] == name]
            bad = np.mean([shot[k]["valid"] for k in keys])
            reference = _score(dense[keys[0]], "valid")
            reference = reference._replace(value=np.mean([dense[k]["valid"] for k in keys]))
            if meets(task, float(bad), limit(task, reference)):
                continue
            least = _floor(reference.metric)
            losses = [
                float(np.mean([loss(_score(of[k], "test"), _score(dense[k], "test"))
                               for k in keys]))
                for of in (shot, other)
            ]  # fmt: skip
            found[name, rate] = max(losses[0], least), max(losses[1], least)
    return found


def together(found: dict[tuple[str, float], tuple[float, float]]) -> float:
    """Geometric mean of the second loss over the first."""
    return math.exp(float(np.mean([math.log(b / a) for a, b in found.values()])))


def largest_lossless(rows: Sequence[Row], name: str, method: str) -> float | None:
    """The largest rate whose mean validation result meets the limit, None for none tried."""
    task, dense = get(name), [r for k, r in _of(rows, "one-shot", 1).items() if k[0] == name]
    reference = _score(dense[0], "valid")._replace(value=np.mean([r["valid"] for r in dense]))
    worst, good = limit(task, reference), []
    for rate in sorted({r["rate"] for r in rows if (r["task"], r["method"]) == (name, method)}):
        values = [r["valid"] for k, r in _of(rows, method, rate).items() if k[0] == name]
        if meets(task, float(np.mean(values)), worst):
            good.append(rate)
    return max(good, default=None)
