# SPDX-License-Identifier: Apache-2.0
"""Pruning of the tasks' dense models without training: by size in one shot, and with data.

Calibration data are inputs of the training split, 1,000 frames drawn with the seed of the model, no
labels. Z7's decoder is pruned behind its encoder, on the phonemes that the dense model speaks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from csb_rnn.experiments.tasks import z7_pronunciation as z7
from csb_rnn.experiments.tasks.base import Frames, Score, Task, float_outputs
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.pruning.oneshot import prune_checkpoint
from csb_rnn.pruning.post_training import prune_with_data
from csb_rnn.pruning.schemes import Csb

__all__ = ["FRAMES", "METHODS", "calibration", "loss", "pruned", "row"]

FRAMES = 1000
ITEMS = 1000  # of the training split, of which the frames are drawn
BLOCK, ALIGN = 32, (4, 4)
METHODS: dict[str, dict[str, Any] | None] = {
    "one-shot": None,
    "data": {},
    "data, refined": {"refine": 200},
}
"""Name -> options of :func:`csb_rnn.pruning.post_training.prune_with_data`; None: by size."""

Prune = Callable[[Checkpoint, Frames, Any], Checkpoint]
"""Checkpoint, calibration sequences, states before their first frames (or None) -> pruned."""


def drawn(task: Task, dense: Checkpoint, frames: int, seed: int) -> tuple[list[int], Frames]:
    """Items of the training split, drawn until there are enough frames, and their inputs."""
    every = task.frames(dense, "train", ITEMS)
    order = np.random.default_rng(seed).permutation(len(every))
    chosen: list[int] = []
    out: Frames = []
    for i in order.tolist():
        if frames <= 0:
            break
        chosen.append(i)
        out.append(every[i][:frames])
        frames -= len(out[-1])
    return chosen, out


def calibration(task: Task, dense: Checkpoint, frames: int = FRAMES, seed: int = 0) -> Frames:
    """Inputs of the recurrent layers, so many frames in all."""
    return drawn(task, dense, frames, seed)[1]


def loss(score: Score, dense: Score) -> float:
    """The worsening of a result: of a perplexity's logarithm, of points, of R2."""
    if score.metric == "perplexity":
        return math.log(score.value / dense.value)
    return abs(score.value - dense.value) * (1 if _worse(score, dense) else -1)


def _worse(score: Score, dense: Score) -> bool:
    falls = score.metric in ("accuracy", "R2")
    return score.value < dense.value if falls else score.value > dense.value


def _pair(task: z7.Pronunciation, dense: Checkpoint, prune: Prune, seed: int) -> Checkpoint:
    """Encoder and decoder of Z7, one after the other."""
    _, letters = drawn(task, dense, FRAMES, seed)
    encoder = prune(dense, letters, None)
    before, now = (np.stack([y[-1] for y in float_outputs(c, letters)]) for c in (dense, encoder))
    spoken = task.decode(dense, before)
    table = dense.extras["dec_embed.weight"].astype(np.float32)
    heard = [table[[z7.START, *phonemes]] for phonemes in spoken]
    total = np.cumsum([len(x) for x in heard])
    count = int(np.searchsorted(total, FRAMES)) + 1
    decoder = z7.decoder_checkpoint(dense)
    found = prune(decoder, heard[:count], (before[:count], now[:count]))
    extras = {f"dec.{short}": found.tensors[name] for short, name in z7.PAIRS}
    return replace(encoder, extras={**encoder.extras, **extras})


def pruned(task: Task, dense: Checkpoint, prune: Prune, seed: int = 0) -> Checkpoint:
    """All recurrent layers of a task's model pruned by a function."""
    if isinstance(task, z7.Pronunciation):
        return _pair(task, dense, prune, seed)
    return prune(dense, calibration(task, dense, seed=seed), None)


def by(method: str, rate: float, log: Callable[[str], None] = lambda line: None) -> Prune:
    """A method of :data:`METHODS` at a rate."""
    options = METHODS[method]

    def prune(checkpoint: Checkpoint, data: Frames, state: Any) -> Checkpoint:
        if options is None:
            return prune_checkpoint(checkpoint, Csb(BLOCK, ALIGN), rate)[0]
        scheme = Csb(BLOCK, ALIGN, joint=True)
        return prune_with_data(checkpoint, scheme, rate, data, state=state, log=log, **options)[0]

    return prune


def row(
    task: Task,
    dense: Checkpoint,
    method: str,
    rate: float,
    seed: int = 0,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Results of one model by one method at one rate, on both held-out splits."""
    torch.manual_seed(seed)
    begin = time.process_time()
    found = dense if rate == 1 else pruned(task, dense, by(method, rate, log), seed)
    seconds = time.process_time() - begin
    valid, test = (task.evaluate(found, split) for split in ("valid", "test"))
    return {
        "task": task.id,
        "seed": seed,
        "method": method,
        "rate": rate,
        "metric": valid.metric,
        "valid": valid.value,
        "valid_items": valid.items,
        "test": test.value,
        "test_items": test.items,
        "kept_rate": round(found.rate, 4),
        "cpu_seconds": round(seconds, 1),
    }
