# SPDX-License-Identifier: Apache-2.0
"""The table of schemes: its next try, and making it.

Every try starts from the dense model of its seed and has the same training, so tries do not depend
on each other and may be made in any order. The largest lossless rate of a scheme is looked for with
the first seed alone, in steps of two rungs of the ladder and then between; the other seeds are run
at the rungs around it, up or down until the mean of all seeds meets the target at one rung and
misses it at the next.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from csb_rnn.experiments.tasks.autoprune import dense_reference
from csb_rnn.experiments.tasks.base import Score, Task
from csb_rnn.experiments.tasks.lossless import limit as lossless_limit
from csb_rnn.experiments.tasks.lossless import meets
from csb_rnn.experiments.tasks.plans import Plan
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.resume import forget
from csb_rnn.experiments.tasks.scheme_names import scheme_named
from csb_rnn.experiments.tasks.training import (
    fit,
    orders_for_checkpoint,
    prune_model,
    to_checkpoint,
    train_dense,
)
from csb_rnn.network.checkpoint_files import write_checkpoint
from csb_rnn.pruning.costs import stored_bits
from csb_rnn.pruning.pruner import Pruner

__all__ = [
    "dense_as_long",
    "dense_model",
    "lossless",
    "make_try",
    "mean_result",
    "next_try",
    "tries_to_make",
]


def mean_result(
    records: Records, scheme: str, rate: float, seeds: tuple[int, ...], key: str = "valid"
) -> float | None:
    """Mean over all seeds, None while one is missing."""
    found = records.results(scheme)
    values = [found[rate, seed][key] for seed in seeds if (rate, seed) in found]
    return float(np.mean(values)) if len(values) == len(seeds) else None


def mean_target(task: Task, records: Records, seeds: tuple[int, ...]) -> float | None:
    """Target for the mean over seeds, None while a dense result is missing."""
    dense = records.dense(seeds)
    if dense is None:
        return None
    valid = float(np.mean([line["valid"] for line in dense]))
    return lossless_limit(task, Score(dense[0]["metric"], valid, dense[0]["valid_count"]))


def lossless(
    task: Task, records: Records, scheme: str, seeds: tuple[int, ...], ladder: tuple[int, ...]
) -> int | None:
    """Largest rate of the ladder whose mean over these seeds meets the target; None for none."""
    limit = mean_target(task, records, seeds)
    if limit is None:
        return None
    means = {rate: mean_result(records, scheme, rate, seeds) for rate in ladder}
    good = [
        rate for rate, value in means.items() if value is not None and meets(task, value, limit)
    ]
    return max(good, default=None)


def _walk(tried: dict[int, bool], start: int, last: int) -> int | None:
    """Next rung for the first seed: up or down by two, then between; None when it is found."""
    if not tried:
        return start
    best = max((rung for rung, good in tried.items() if good), default=-1)
    above = min((rung for rung in tried if rung > best), default=None)
    if best < 0:
        lowest = min(tried)
        return max(lowest - 2, 0) if lowest > 0 else None
    if above is None:
        return min(best + 2, last) if best < last else None
    return (best + above) // 2 if above - best > 1 else None


def next_try(
    task: Task, records: Records, scheme: str, plan: Plan, seeds: tuple[int, ...]
) -> tuple[int, int] | None:
    """``(rate, seed)`` of the next try of a scheme, None when there is none left."""
    ladder, last = plan.ladder, len(plan.ladder) - 1
    done = records.results(scheme)
    first = mean_target(task, records, seeds[:1])
    if first is None:
        return ladder[ladder.index(plan.first_rate(scheme))], seeds[0]
    tried = {
        rung: meets(task, done[rate, seeds[0]]["valid"], first)
        for rung, rate in enumerate(ladder)
        if (rate, seeds[0]) in done
    }
    rung = _walk(tried, ladder.index(plan.first_rate(scheme)), last)
    if rung is not None:
        return ladder[rung], seeds[0]
    if len(seeds) == 1:
        return None
    rung, direction = max((r for r, good in tried.items() if good), default=0), 0
    while 0 <= rung <= last:
        for seed in seeds:
            if (ladder[rung], seed) not in done:
                return ladder[rung], seed
        limit = mean_target(task, records, seeds)
        assert limit is not None
        result = mean_result(records, scheme, ladder[rung], seeds)
        assert result is not None
        good = meets(task, result, limit)
        step = 1 if good else -1
        if direction and step != direction:
            return None  # met here, missed at the next, or the other way round
        direction, rung = step, rung + step
    return None


def tries_to_make(
    task: Task, records: Records, plan: Plan, schemes: tuple[str, ...], seeds: tuple[int, ...]
) -> Iterator[tuple[str, int, int]]:
    """``(scheme, rate, seed)``, the first seed of all schemes before the others."""
    for some in (seeds[:1], seeds) if len(seeds) > 1 else (seeds,):
        for scheme in schemes:
            while (found := next_try(task, records, scheme, plan, some)) is not None:
                yield scheme, *found


def dense_model(
    task: Task, records: Records, plan: Plan, seed: int, states: Path, log: Callable[[str], None]
) -> nn.Module:
    """The dense model of a seed, trained as long in all as a pruned one; kept in ``states``.

    The better of the model before and after the further training, on validation data.
    """
    path = states / f"dense_s{seed}.pt"
    model = task.model()
    if path.is_file():
        model.load_state_dict(torch.load(path, weights_only=True))
    else:
        begin, keep = time.process_time(), states / f"dense_s{seed}"
        model = train_dense(task, seed, keep=keep / "dense.pt")
        short = task.evaluate(to_checkpoint(task, model), "valid").value
        task.share = plan.share
        longer = dense_reference(
            task, model, plan.recipe, seed, lr=plan.dense_lr, keep=keep / "longer.pt"
        )
        task.share = 1.0
        long = task.evaluate(to_checkpoint(task, longer), "valid").value
        if (long > short) == task.higher_is_better:
            model = longer
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)
        seconds = time.process_time() - begin + forget(keep)
    if not records.of("dense", seed=seed):
        checkpoint = to_checkpoint(task, model)
        valid, test = task.evaluate(checkpoint, "valid"), task.evaluate(checkpoint, "test")
        records.add(
            {
                "kind": "dense",
                "task": task.id,
                "seed": seed,
                "metric": valid.metric,
                "valid": valid.value,
                "valid_count": valid.items,
                "test": test.value,
                "test_count": test.items,
                "epochs": [task.epochs, plan.recipe.epochs * plan.share],
                "cpu_seconds": round(seconds, 1) if "seconds" in locals() else None,
            }
        )
        log(f"{task.id} dense, seed {seed}: valid {valid}, test {test}")
    return model


def dense_as_long(
    task: Task, records: Records, plan: Plan, scheme: str, seed: int, states: Path
) -> dict[str, Any]:
    """Record of the dense model to judge a scheme's variant by.

    The table's model, unless the variant trains longer: then the table's model, trained on for as
    long at the same rate, if it is better than the table's.
    """
    recipe, plain = plan.recipe_of(scheme), records.of("dense", seed=seed)[0]
    if recipe.epochs <= plan.recipe.epochs:
        return plain
    found = records.of("dense_long", scheme=scheme, seed=seed)
    if not found:
        model = dense_model(task, records, plan, seed, states, print)
        begin = time.process_time()
        task.share = plan.share
        fit(task, model, recipe.epochs, recipe.lr, seed + 1, clip=recipe.clip)
        task.share = 1.0
        checkpoint = to_checkpoint(task, model)
        valid, test = task.evaluate(checkpoint, "valid"), task.evaluate(checkpoint, "test")
        line = plain | {
            "kind": "dense_long",
            "scheme": scheme,
            "valid": valid.value,
            "test": test.value,
            "epochs": [*plain["epochs"], recipe.epochs * plan.share],
            "cpu_seconds": round(time.process_time() - begin, 1),
        }
        records.add(line)
        found = [line]
    longer = found[0]
    return longer if (longer["valid"] > plain["valid"]) == task.higher_is_better else plain


def make_try(
    task: Task,
    records: Records,
    plan: Plan,
    scheme: str,
    rate: float,
    seed: int,
    states: Path,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Prune, train, evaluate, record; the model is kept in ``states``, the phases of an unfinished
    try in a folder there."""
    chosen, recipe = scheme_named(scheme), plan.recipe_of(scheme)
    dense = dense_model(task, records, plan, seed, states, log)
    begin = time.process_time()
    model = copy.deepcopy(dense)
    teacher = dense if recipe.distil > 0 else None
    task.share = plan.share
    hard: dict[str, float] = {}

    def on_hard(pruner: Pruner) -> None:
        now = task.evaluate(to_checkpoint(task, model), "valid").value
        hard.update(valid=now, residual=round(pruner.residual, 4))
        model.train()

    keep = states / f"{scheme}_r{rate:g}_s{seed}"
    pruner = prune_model(
        task, model, chosen, rate, recipe, seed, teacher=teacher, on_hard=on_hard, keep=keep
    )
    task.share = 1.0
    meta = pruner.scheme.metadata() | orders_for_checkpoint(pruner)
    checkpoint = to_checkpoint(task, model, **meta)
    valid, test = task.evaluate(checkpoint, "valid"), task.evaluate(checkpoint, "test")
    line = {
        "kind": "try",
        "task": task.id,
        "scheme": scheme,
        "rate": rate,
        "seed": seed,
        "valid": valid.value,
        "test": test.value,
        **stored_bits(
            chosen,
            {n: p.detach() for n, p in pruner.params.items()},
            pruner.rates,
            orders=pruner.orders,
            gates=pruner.gates,
        ),
        "hard": hard,
        "recipe": recipe.describe(),
        "cpu_seconds": round(time.process_time() - begin + forget(keep), 1),
    }
    states.mkdir(parents=True, exist_ok=True)
    write_checkpoint(states / f"{scheme}_r{rate:g}_s{seed}.npz", checkpoint)
    records.add(line)
    log(
        f"{task.id} {scheme} {rate:g}x, seed {seed}: valid {valid.value:.4g}, test {test.value:.4g}"
        f" ({line['cpu_seconds']} s)"
    )
    return line
