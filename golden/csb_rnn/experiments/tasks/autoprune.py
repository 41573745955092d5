# SPDX-License-Identifier: Apache-2.0
"""From a task to a pruned checkpoint: dense training, search for the lossless rate, records.

The rule of lossless results on validation data is in :mod:`csb_rnn.experiments.tasks.lossless`. The
reported result is the test split's; nothing here chooses by it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from csb_rnn.experiments.tasks.base import Recipe, Task
from csb_rnn.experiments.tasks.lossless import limit, meets
from csb_rnn.experiments.tasks.training import fit, prune_model, to_checkpoint, train_dense
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.pruning.matrices import recurrent_matrices
from csb_rnn.pruning.schemes import Scheme
from csb_rnn.pruning.search import SearchResult, search_lossless

__all__ = ["autoprune", "dense_reference"]


def dense_reference(
    task: Task,
    model: nn.Module,
    recipe: Recipe,
    seed: int,
    show: bool = False,
    lr: float | None = None,
    keep: Path | None = None,
) -> nn.Module:
    """The dense model trained on for as long as a pruned one is, at a third of its learning rate or
    at ``lr``; ``keep`` is the file in which the training goes on after a stop."""
    longer = copy.deepcopy(model)
    fit(
        task,
        longer,
        recipe.epochs,
        recipe.lr / 3 if lr is None else lr,
        seed + 1,
        clip=recipe.clip,
        label="dense, as long" if show else "",
        keep=keep,
    )
    return longer


def autoprune(
    task: Task,
    scheme: Scheme,
    *,
    seed: int = 0,
    init_rate: float = 8.0,
    step: float = 8.0,
    cap: int = 8,
    recipe: Recipe | None = None,
    folder: Path | None = None,
    quick: bool = False,
    show: bool = False,
    log: Callable[[str], None] = print,
) -> tuple[Checkpoint | None, dict[str, Any], SearchResult]:
    """Search the largest lossless rate of a task.

    Args:
        task: for training and judging.
        scheme: the set to prune into.
        seed: of everything.
        init_rate, step, cap: of :func:`csb_rnn.pruning.search.search_lossless`.
        recipe: epochs and rates; the task's by default.
        folder: of the dense model and the tries; those in it are not repeated.
        quick: do not train the dense model on for as long as a pruned one is. The record says so.
        show: progress bars.
        log: takes a line for each step.

    Returns:
        The pruned checkpoint (None if no rate met the target), a record for reports, the search.
    """
    recipe = recipe or task.recipe
    dense_file = folder / "dense.pt" if folder else None
    if dense_file is not None and dense_file.is_file():
        model = task.model()
        model.load_state_dict(torch.load(dense_file, weights_only=True))
    else:
        model = train_dense(task, seed, show=show)
        if not quick:  # the better of the two is the reference
            longer = dense_reference(task, model, recipe, seed, show)
            scores = [task.evaluate(to_checkpoint(task, m), "valid").value for m in (model, longer)]
            if (scores[1] > scores[0]) == task.higher_is_better:
                model = longer
        if dense_file is not None:
            dense_file.parent.mkdir(parents=True, exist_ok=True)
            temporary = dense_file.with_suffix(".tmp")
            torch.save(model.state_dict(), temporary)
            temporary.replace(dense_file)
    dense = to_checkpoint(task, model)
    dense_valid, dense_test = task.evaluate(dense, "valid"), task.evaluate(dense, "test")
    target = limit(task, dense_valid)
    log(f"{task.id} dense: valid {dense_valid}, test {dense_test}; target {target:.2f}")

    # Classes are those of the dense model, whatever a try starts from.
    scheme = scheme.for_model(recurrent_matrices(model))

    def attempt(rate: float, warm: Any) -> tuple[float, Any, dict[str, Any]]:
        pruned = copy.deepcopy(model)
        start = 1.0
        if warm is not None and warm["rate"] < rate and scheme.masks:
            pruned.load_state_dict(warm["model"])
            start = warm["rate"]
        pruner = prune_model(
            task, pruned, scheme, rate, recipe, seed, start, copy.deepcopy(model), show
        )
        checkpoint = to_checkpoint(task, pruned)
        valid, test = task.evaluate(checkpoint, "valid"), task.evaluate(checkpoint, "test")
        details = {
            "achieved": pruner.achieved(),
            "valid": valid.value,
            "test": test.value,
            "metric": valid.metric,
            "test_count": test.items,
        }
        return valid.value, {"rate": rate, "model": pruned.state_dict()}, details

    found = search_lossless(
        attempt,
        lambda value: meets(task, value, target),
        init_rate,
        step,
        cap=cap,
        folder=folder,
        log=log,
    )
    record: dict[str, Any] = {
        "task": task.id,
        **scheme.describe(),
        "seed": seed,
        "quick": quick,
        "recipe": recipe.describe(),
        "metric": dense_valid.metric,
        "dense_valid": dense_valid.value,
        "dense_test": dense_test.value,
        "target_valid": target,
        "rate": found.rate,
        "capped": found.capped,
        "tries": [
            {"rate": t.rate, "met": t.met, "seconds": t.seconds, **t.details} for t in found.tries
        ],
    }
    if found.state is None:
        return None, record, found
    model.load_state_dict(found.state["model"])
    best = to_checkpoint(task, model, **scheme.metadata())
    return best, record, found
