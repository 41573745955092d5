# SPDX-License-Identifier: Apache-2.0
"""One training loop for every task, dense or under a pruner, deterministic under a seed.

Recipe of a pruned model: dense training; pruning epochs (error feedback, or ADMM), in which the
rate rises to its target; hard masks; masked retraining. Validation data choose nothing here.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from torch import nn

from csb_rnn.experiments.tasks.base import Recipe, Task
from csb_rnn.experiments.tasks.resume import Phase, Stateful
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.pruning.admm import AdmmPruner
from csb_rnn.pruning.feedback import FeedbackPruner
from csb_rnn.pruning.gradual import GradualPruner
from csb_rnn.pruning.matrices import PruningError, check_loss, gates_of
from csb_rnn.pruning.pruner import Pruner
from csb_rnn.pruning.schemes import Scheme
from csb_rnn.pruning.straight_through import StraightThrough

__all__ = [
    "fit",
    "orders_for_checkpoint",
    "progress_bar",
    "prune_model",
    "spread_rate",
    "to_checkpoint",
    "train_dense",
]

METHODS: dict[str, type[Pruner]] = {
    "admm": AdmmPruner,
    "feedback": FeedbackPruner,
    "gradual": GradualPruner,
}


@contextlib.contextmanager
def progress_bar(show: bool) -> Iterator[Callable[[str, int], Callable[[float], None]]]:
    """A rich progress display; gives ``start(label, steps) -> advance(loss)``."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, disable=not show, transient=True) as progress:

        def start(label: str, steps: int) -> Callable[[float], None]:
            bar = progress.add_task(label, total=steps, loss=math.nan)
            return lambda loss: progress.update(bar, advance=1, loss=loss)

        yield start


class Teacher(NamedTuple):
    """A trained model, and the share of the distance from its outputs in the loss."""

    model: nn.Module
    share: float


class Updates(NamedTuple):
    """How often in an epoch ``pruner.update`` is called; a function that is called before, with
    the share of the phase that was done at the last update and is done now, 0 to 1; whether the
    pruner watches the gradients and ranks by them."""

    an_epoch: int
    before: Callable[[float, float], None]
    sensitive: bool = False


def fit(
    task: Task,
    model: nn.Module,
    epochs: int,
    lr: float,
    seed: int,
    *,
    pruner: Pruner | None = None,
    updates: Updates | None = None,
    weight_bits: int = 0,
    clip: float = 1.0,
    teacher: Teacher | None = None,
    label: str = "",
    keep: Path | None = None,
) -> float:
    """Train with Adam under a one-cycle schedule; returns the last epoch's mean loss.

    Args:
        pruner: its penalty is added and, once hardened, its masks are kept.
        updates: of the pruner until it is hardened; none without.
        weight_bits: of the pruner's weights while the model computes; 0 for whole ones.
        teacher: whose outputs count in the loss.
        label: of the progress display; none is shown without.
        keep: file of the phase; if it exists the training goes on from it.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    steps = task.steps()
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps * epochs + 1)
    every = max(1, steps // updates.an_epoch) if updates else 0
    bits = None
    if weight_bits and pruner is not None:
        bits = StraightThrough(pruner.params, weight_bits)
    parts: dict[str, Stateful] = {"model": model, "optimizer": optimizer, "schedule": schedule}
    if pruner is not None:
        parts["pruner"] = pruner
    phase = Phase(keep, parts, generator)
    values = phase.load()
    mean, last = values.get("mean", math.nan), values.get("last", 0.0)
    with progress_bar(bool(label)) as start:
        advance = start(f"{task.id} {label}", steps * epochs)
        for epoch in range(int(values.get("epochs", 0)), epochs):
            model.train()
            losses = []
            for step, batch in enumerate(task.batches(generator)):
                optimizer.zero_grad(set_to_none=True)
                if bits is not None:
                    bits.show()
                logits = task.logits(model, batch)
                loss = task.loss(logits, batch)
                if teacher is not None and teacher.share > 0:
                    with torch.no_grad():
                        wanted = task.logits(teacher.model, batch)
                    distance = task.distillation(logits, wanted)
                    if distance is not None:
                        loss = (1 - teacher.share) * loss + teacher.share * distance
                value = float(loss.detach())
                check_loss(value)
                loss.backward()
                if bits is not None:
                    bits.restore()
                if pruner is not None and updates and updates.sensitive:
                    pruner.observe()
                nn.utils.clip_grad_norm_(model.parameters(), clip)
                if pruner is not None:
                    pruner.add_gradients()
                optimizer.step()
                if pruner is not None:
                    if pruner.hardened or pruner.every_step:
                        pruner.constrain()
                    if updates and not pruner.hardened and (step + 1) % every == 0:
                        done = (epoch * steps + step + 1) / (epochs * steps)
                        updates.before(last, done)
                        pruner.update()
                        last = done
                if epoch * steps + step < steps * epochs:
                    schedule.step()
                losses.append(value)
                advance(value)
            mean = float(np.mean(losses))
            phase.save(epochs=epoch + 1, mean=mean, last=last)
    return mean


def train_dense(
    task: Task, seed: int = 0, epochs: int = 0, show: bool = False, keep: Path | None = None
) -> nn.Module:
    """A dense model of the task, by its defaults (0: its epochs); ``keep`` as in :func:`fit`."""
    torch.manual_seed(seed)
    model = task.model()
    label = "dense" if show else ""
    fit(task, model, epochs or task.epochs, task.lr, seed, label=label, keep=keep)
    return model


def spread_rate(sizes: Mapping[str, int], rate: float, input_factor: float) -> dict[str, float]:
    """Rates by matrix under one budget: the first input matrix gets ``rate / input_factor``.

    It may take up half of the kept weights, no more. The others share one rate by which all
    together have ``rate``; factor 1 is the paper's way. ``sizes``: weights of each matrix.
    """
    first = next((name for name in sizes if name.endswith("weight_ih_l0")), None)
    total = sum(sizes.values())
    if first is None or input_factor == 1 or math.isinf(rate) or sizes[first] >= total / 2:
        return dict.fromkeys(sizes, rate)
    kept = min(sizes[first] / rate * input_factor, sizes[first], total / rate / 2)
    others = (total - sizes[first]) / (total / rate - kept)
    return {name: sizes[first] / kept if name == first else max(1.0, others) for name in sizes}


def prune_model(
    task: Task,
    model: nn.Module,
    scheme: Scheme,
    rate: float,
    recipe: Recipe,
    seed: int = 0,
    start_rate: float = 1.0,
    teacher: nn.Module | None = None,
    show: bool = False,
    on_hard: Callable[[Pruner], None] = lambda pruner: None,
    keep: Path | None = None,
) -> Pruner:
    """Prune a trained model in place: ADMM or error feedback, hard masks, masked retraining.

    The rate rises from ``start_rate`` on a cubic curve over the first half of the pruning epochs;
    the penalty's weight rises linearly. ``on_hard`` is called between pruning and retraining. A
    training with a folder ``keep`` goes on in it after a stop.

    Returns:
        The pruner, hardened.
    """
    kind = METHODS.get(recipe.method)
    if kind is None:
        raise PruningError(f"unknown method {recipe.method!r}; known: {', '.join(METHODS)}")
    gates = gates_of(dict(model.named_parameters())) if recipe.by_gate else None
    pruner = kind(model, scheme, max(1.0, start_rate), rho=recipe.rho / 10, gates=gates)
    if isinstance(pruner, FeedbackPruner):
        pruner.leak = recipe.leak
    master = None
    if teacher is not None:
        master = Teacher(teacher.eval().requires_grad_(False), recipe.distil)

    sizes = {name: p.numel() for name, p in pruner.params.items()}
    wanted = spread_rate(sizes, rate, recipe.input_factor)
    if recipe.reorder:
        pruner.reorder(wanted)
    again = (0.25, 0.5) if recipe.reorder else ()

    def on_step(last: float, done: float) -> None:
        if any(last < share <= done for share in again):
            pruner.reorder(wanted)
        ramp = min(1.0, 2 * done)
        kept = 1 / start_rate + (1 / rate - 1 / start_rate) * (1 - (1 - ramp) ** 3)
        now = max(1.0, 1 / kept) if ramp < 1 else rate
        pruner.set_rate(spread_rate(sizes, now, recipe.input_factor))
        pruner.rho = recipe.rho * max(0.1, done)

    fit(
        task,
        model,
        recipe.admm_epochs,
        recipe.lr,
        seed + 1,
        pruner=pruner,
        updates=Updates(recipe.updates_per_epoch, on_step, recipe.sensitive),
        weight_bits=recipe.weight_bits,
        clip=recipe.clip,
        teacher=master,
        label=f"{recipe.method} {rate:g}x" if show else "",
        keep=keep and keep / "prune.pt",
    )
    pruner.set_rate(wanted)
    pruner.harden()
    on_hard(pruner)
    fit(
        task,
        model,
        recipe.retrain_epochs,
        recipe.retrain_lr,
        seed + 2,
        pruner=pruner,
        weight_bits=recipe.weight_bits,
        clip=recipe.clip,
        teacher=master,
        label=f"retrain {rate:g}x" if show else "",
        keep=keep and keep / "retrain.pt",
    )
    return pruner


def orders_for_checkpoint(pruner: Pruner) -> dict[str, Any]:
    """``row_order`` and ``col_order`` of a checkpoint's metadata, empty if there are none."""
    names = {
        name: name.removeprefix("rnn.") for name in pruner.orders if name.startswith("rnn.weight")
    }
    if not names:
        return {}
    return {
        key: {short: pruner.orders[name][axis].tolist() for name, short in names.items()}
        for axis, key in enumerate(("row_order", "col_order"))
    }


def to_checkpoint(task: Task, model: nn.Module, **csb: Any) -> Checkpoint:
    """A trained model as a checkpoint, with metadata."""
    model.eval()
    cell = getattr(model, "cell", None)
    own = getattr(model, "checkpoint_state", None)  # a wrapper names its network's tensors
    state = model.state_dict() if own is None else own()
    checkpoint = from_state_dict(state, "rnn.", {"cell": cell} if cell else None)
    return checkpoint.with_tensors(
        {}, cell=checkpoint.cell, task=task.id, rate=round(checkpoint.rate, 4), **csb
    )
