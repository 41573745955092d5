# SPDX-License-Identifier: Apache-2.0
"""Task results with 8-bit weights that were trained for, beside 16-bit weights that were not.

For each seed two models are pruned by the same scheme, recipe and rate from the same dense model;
the second one is trained with 8-bit weights, straight through (``+bits8``). Both are run in the
machine's integers on the test split, neurons in 16 bits. Example: of 300 items 98.67 % with 16-bit
weights and 98.33 % with 8-bit ones are one item apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.base import Score, TaskError
from csb_rnn.experiments.tasks.measure import CONFIG, fixed_score
from csb_rnn.experiments.tasks.weight_bits import NARROW, near
from csb_rnn.machine import config
from csb_rnn.network.checkpoint_files import read_checkpoint

__all__ = ["CASES", "COLUMNS", "NAME", "means", "row", "together"]

NAME = "trained_bits"
CASES = (
    ("Z2", "csb32_4x4", "joint+feedback", 80),
    ("Z3", "csb32_4x4", "joint+feedback", 20),
    ("Z6", "csb32_4x4", "feedback", 125),
)
"""Task, scheme, recipe and rate: the lossless rate of CSB32 aligned by its best recipe."""

COLUMNS = ("w16", "w8", "trained")

Row = dict[str, Any]


def row(case: tuple[str, str, str, int], seed: int, work: Path) -> Row:
    """One seed's results on test data: ``w16`` and ``w8`` of the model trained with whole weights,
    ``trained`` of the one trained with 8-bit weights, computed with 8-bit weights.

    Raises:
        TaskError: a model is missing in the folder of models.
    """
    name, scheme, recipe, rate = case
    task, narrow = get(name), config.load(CONFIG, weight_w=NARROW)
    scores = {}
    for key, variant, c in (("w16", "", None), ("w8", "", narrow), ("trained", "+bits8", narrow)):
        path = work / name.lower() / f"{scheme}{variant}+{recipe}_r{rate}_s{seed}.npz"
        if not path.is_file():
            tries = f"--tasks {name} --schemes {scheme}{variant}+{recipe} --rate {rate}"
            raise TaskError(f"{path}: no such model; scripts/prune_table.py {tries} makes it")
        scores[key] = fixed_score(task, read_checkpoint(path), c=c)
    found = {"task": name, "scheme": f"{scheme}+{recipe}", "rate": rate, "seed": seed}
    wide = scores["w16"]
    return {**found, "metric": wide.metric, "items": wide.items,
            **{key: score.value for key, score in scores.items()}}  # fmt: skip


def means(rows: Sequence[Row]) -> list[Row]:
    """A row for each task: means over the seeds, and whether 8-bit weights trained for, and those
    that were not, are within an item of the 16-bit ones."""
    out = []
    for name in dict.fromkeys(r["task"] for r in rows):
        mine = [r for r in rows if r["task"] == name]
        value = {key: float(np.mean([r[key] for r in mine])) for key in COLUMNS}
        scores = {k: Score(mine[0]["metric"], v, mine[0]["items"]) for k, v in value.items()}
        out.append(
            {**mine[0], **value, "seeds": len(mine),
             "within": near(get(name), scores["w16"], scores["trained"]),
             "w8_within": near(get(name), scores["w16"], scores["w8"])}
        )  # fmt: skip
    return out


def together(rows: Sequence[Row]) -> bool:
    """Whether the mean of every task is within an item."""
    return all(r["within"] for r in means(rows))
