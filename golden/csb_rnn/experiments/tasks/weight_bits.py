# SPDX-License-Identifier: Apache-2.0
"""Results of the shipped models with weights, and weights and neurons, of 8 bits.

Every gate matrix has one power of two as its scale, whatever the width: a scale for each row would
need a shift for each row behind the accumulators, where one word of the drain has one shift for all
lanes. Example: weights up to 1.7 in 8 bits are multiples of 1/64, of 16 bits of 1/16384.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from csb_rnn.experiments import tasks
from csb_rnn.experiments.tasks.base import Score, Task
from csb_rnn.experiments.tasks.measure import CONFIG, fixed_score
from csb_rnn.machine import config
from csb_rnn.network.checkpoint_files import read_checkpoint

__all__ = ["NARROW", "POINTS", "near", "results", "row"]

NARROW = 8
POINTS = 0.2  # results may differ by so many points, or by one item, whichever is more


def near(task: Task, wide: Score, narrow: Score) -> bool:
    """Whether the narrow weights' result is within the bound: 0.2 points or an item of the wide
    one's, 0.2 % of a perplexity, 0.002 of R2; better is always near.

    Example: 99.33 and 99.00 % of 300 items differ by one item.
    """
    worse = (wide.value - narrow.value) * (1 if task.higher_is_better else -1)
    if wide.metric == "perplexity":
        return worse <= wide.value * POINTS / 100
    if wide.metric == "R2":
        return worse <= POINTS / 100
    return worse <= max(POINTS, 100 / wide.items) + 1e-9


def row(path: Path) -> dict[str, Any]:
    """The results of one checkpoint on its task's test data: float; 16-bit weights; narrow weights
    with neurons of 16 bits, which have to be near; narrow weights and neurons."""
    checkpoint = read_checkpoint(path)
    task = tasks.get(str(checkpoint.csb["task"]))
    floating = task.evaluate(checkpoint, "test")
    wide, narrow, both = (
        fixed_score(task, checkpoint, c=config.load(CONFIG, **widths))
        for widths in ({}, {"weight_w": NARROW}, {"weight_w": NARROW, "data_w": NARROW})
    )
    return {
        "model": path.stem,
        "metric": wide.metric,
        "items": wide.items,
        "float": floating.value,
        "w16": wide.value,
        f"w{NARROW}": narrow.value,
        "within": near(task, wide, narrow),
        f"w{NARROW}a{NARROW}": both.value,
        "both_within": near(task, wide, both),
    }


def results(folder: Path) -> list[dict[str, Any]]:
    """A row for every checkpoint of a folder."""
    return [row(path) for path in sorted(folder.glob("*.npz"))]
