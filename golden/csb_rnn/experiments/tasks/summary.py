# SPDX-License-Identifier: Apache-2.0
"""Figures of the pruning report, from records and committed checkpoints alone."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.plans import Plan
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.table import lossless, mean_result, mean_target, next_try
from csb_rnn.experiments.tasks.training import spread_rate
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.kernels import kernel_sizes
from csb_rnn.pruning.matrices import recurrent_matrices
from csb_rnn.pruning.projection import csb_mask

__all__ = [
    "Result",
    "efficiency",
    "geometric_mean",
    "knee",
    "matrices_in_order",
    "pruned_index",
    "result_of",
    "seeds_of",
    "synthetic",
]


@dataclass(frozen=True)
class Result:
    """Results of one scheme on one task."""

    scheme: str
    seeds: tuple[int, ...]
    rate: int | None  # largest lossless rate of the ladder, None if none tried is
    capped: bool  # nothing above it was tried
    knee: float | None  # achieved rate where the line from this rate to the next meets the target
    each: dict[int, int | None]  # the same with one seed alone, against its own dense model
    achieved: float | None  # at ``rate``, mean over the seeds: less for blocks cut at an edge
    each_achieved: dict[int, float | None]
    valid: float | None
    test: float | None
    fixed: float | None  # mean over the seeds measured
    fixed_gap: float | None  # largest |fixed - float| of a seed, on test data
    engine: dict[str, Any] | None
    cost: dict[str, Any] | None  # of the first seed's try
    curve: dict[float, tuple[float, float, int]]  # rate -> mean valid, mean test, seeds


def seeds_of(records: Records, plan: Plan, scheme: str) -> tuple[int, ...]:
    """All seeds of the plan if the scheme's search over them has ended, the first one otherwise."""
    task = get(records.task)
    whole = len(plan.seeds) > 1 and records.dense(plan.seeds) is not None
    if whole and next_try(task, records, scheme, plan, plan.seeds) is None:
        return plan.seeds
    return plan.seeds[:1]


def knee(
    records: Records, scheme: str, seeds: tuple[int, ...], rate: int | None, ladder: tuple[int, ...]
) -> float | None:
    """Rate, as asked for, where the line between two rungs' means crosses the target."""
    task = get(records.task)
    limit = mean_target(task, records, seeds)
    if rate is None or limit is None:
        return None
    here = mean_result(records, scheme, rate, seeds)
    above = [r for r in ladder if r > rate]
    results = [(r, mean_result(records, scheme, r, seeds)) for r in above]
    means = [(r, value) for r, value in results if value is not None]
    if not means or here is None:
        return None
    far, there = means[0]
    if there == here:
        return float(rate)
    share = min(1.0, max(0.0, (here - limit) / (here - there)))
    return rate * (far / rate) ** share


def result_of(records: Records, plan: Plan, scheme: str) -> Result | None:
    """The result of a scheme, None if nothing was tried."""
    task, done = get(records.task), records.results(scheme)
    if not done or not records.dense(plan.seeds[:1]):
        return None
    seeds = seeds_of(records, plan, scheme)
    rate = lossless(task, records, scheme, seeds, plan.ladder)
    curve = {}
    for r in sorted({r for r, _ in done}):
        lines = [line for (rr, _), line in done.items() if rr == r]
        curve[r] = (
            float(np.mean([line["valid"] for line in lines])),
            float(np.mean([line["test"] for line in lines])),
            len(lines),
        )
    each, each_achieved = {}, {}
    for seed in plan.seeds:
        if any(s == seed for _, s in done) and records.dense((seed,)):
            alone = each[seed] = lossless(task, records, scheme, (seed,), plan.ladder)
            each_achieved[seed] = None if alone is None else done[alone, seed]["achieved"]
    cost = achieved = valid = test = fixed = gap = engine = None
    crossing = knee(records, scheme, seeds, rate, plan.ladder)
    if rate is not None:
        lines = [done[rate, seed] for seed in seeds]
        cost = lines[0]
        achieved = float(np.mean([line["achieved"] for line in lines]))
        crossing = crossing and crossing * achieved / rate
        valid = float(np.mean([line["valid"] for line in lines]))
        test = float(np.mean([line["test"] for line in lines]))
        measured = [
            line
            for line in records.of("measure", scheme=scheme, rate=rate)
            if line["seed"] in seeds and "fixed" in line
        ]
        if measured:
            fixed = float(np.mean([line["fixed"] for line in measured]))
            gap = max(abs(line["fixed"] - line["test"]) for line in measured)
            engine = next((line["engine"] for line in measured if "engine" in line), None)
    return Result(
        scheme=scheme,
        seeds=seeds,
        rate=rate,
        capped=rate is not None and max(r for r, _ in done) == rate,
        knee=crossing,
        each=each,
        achieved=achieved,
        each_achieved=each_achieved,
        valid=valid,
        test=test,
        fixed=fixed,
        fixed_gap=gap,
        engine=engine,
        cost=cost,
        curve=curve,
    )


def pruned_index(records: Records, plan: Plan, line: dict[str, Any], block: int) -> float:
    """NIO of a CSB try over ``sqrt(rate) / (block / 2)``, of the pruned matrices.

    A matrix without a zero (Z5's input, of one column) has no choice of rows and columns to
    store; whole rows of one weight would cost an index entry each.
    """
    recipe = plan.recipe_of(line["scheme"])
    matrices = _matrices(records.task)
    rates = spread_rate(
        {n: p.numel() for n, p in matrices.items()}, line["rate"], recipe.input_factor
    )
    entries, kept, weights = line["nio"] * line["kept"], line["kept"], line["weights"]
    for name, rate in rates.items():
        if rate == 1:
            height, width = matrices[name].shape
            entries -= height * -(-width // block) + width * -(-height // block)
            kept, weights = kept - height * width, weights - height * width
    return entries / kept / (math.sqrt(weights / kept) / (block / 2))


@functools.cache
def _matrices(task: str) -> dict[str, nn.Parameter]:
    return recurrent_matrices(get(task).model())


def geometric_mean(values: list[float]) -> float | None:
    """None of nothing."""
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else None


# --- kernels and balance --------------------------------------------------------------------------
def matrices_in_order(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Weight matrices with rows and columns as blocks are cut."""
    found = {}
    for name in checkpoint.matrices():
        w = checkpoint.tensors[name]
        for axis, key in enumerate(("row_order", "col_order")):
            places = (checkpoint.csb.get(key) or {}).get(name)
            w = w if places is None else np.take(w, places, axis=axis)
        found[name] = w
    return found


def synthetic(
    shape: tuple[int, int], block: int, rate: float, align: tuple[int, int], seed: int = 0
) -> np.ndarray:
    """The generator's matrix: ``g exp(0.3 a_i) exp(0.3 b_j)``, all normal, projected at a rate."""
    rng = np.random.default_rng(seed)
    rows, cols = np.exp(0.3 * rng.normal(size=shape[0])), np.exp(0.3 * rng.normal(size=shape[1]))
    w = torch.from_numpy((rng.normal(size=shape) * rows[:, None] * cols).astype(np.float32))
    return torch.where(csb_mask(w, block, rate, align, tolerance=None), w, 0).numpy()


def efficiency(
    matrices: list[np.ndarray],
    block: int,
    tile: tuple[int, int] = (4, 4),
    grid: tuple[int, int] = (4, 4),
) -> dict[str, float]:
    """Share of PEGroup time in use when nothing is shared, matrices one after the other.

    A block takes ``ceil(m/P) * ceil(n/Q)`` cycles. ``barrier``: ``K x L`` neighbouring blocks start
    together and wait for the slowest. ``decoupled``: block (i, j) belongs to PEGroup (i mod K,
    j mod L), which waits only at the end of a matrix. Also ``cv`` and ``mean`` of ``m * n``.
    """
    work = barrier = decoupled = 0.0
    areas = []
    for w in matrices:
        m, n = kernel_sizes(w, block)
        areas.append((m * n).ravel())
        cycles = -(-m // tile[0]) * -(-n // tile[1])
        rows, cols = (-(-s // g) * g for s, g in zip(cycles.shape, grid, strict=True))
        full = np.zeros((rows, cols))
        full[: cycles.shape[0], : cycles.shape[1]] = cycles
        sets = full.reshape(rows // grid[0], grid[0], cols // grid[1], grid[1])
        work += cycles.sum()
        barrier += sets.max((1, 3)).sum()
        decoupled += sets.sum((0, 2)).max()
    area = np.concatenate(areas).astype(float)
    groups = grid[0] * grid[1]
    return {
        "barrier": float(work / (groups * barrier)) if barrier else 0.0,
        "decoupled": float(work / (groups * decoupled)) if decoupled else 0.0,
        "cv": float(area.std() / area.mean()) if area.any() else 0.0,
        "mean": float(area.mean()),
    }
