# SPDX-License-Identifier: Apache-2.0
"""Processor time of pruning: projections, each option of a training step, pruning with data.

A share is a ratio of two times of one process, so it holds on any machine: a projection's against a
sort of its matrix, an option's against the training step of Z1 that it is added to. An update of
the pattern counts for the 46 steps between two updates of Z1.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from csb_rnn.experiments.tasks.z1_words import STEPS, VOCABULARY, WordLstm
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.pruning.admm import AdmmPruner
from csb_rnn.pruning.feedback import FeedbackPruner
from csb_rnn.pruning.post_training import prune_with_data
from csb_rnn.pruning.projection import csb_project
from csb_rnn.pruning.schemes import Csb
from csb_rnn.pruning.straight_through import StraightThrough

__all__ = ["NAME", "large", "steps"]

NAME = "pruning_costs"
BATCH = 64
STEPS_PER_UPDATE = 46  # Z1: 368 steps an epoch, 8 updates
SORT_LIMIT, STEP_LIMIT = 0.25, 0.01  # of a sort; of a training step
SIDE, PROJECTION_LIMIT = 10_000, 20  # of a matrix; processor seconds of its projection
UNITS, DATA_LIMIT = 512, 300  # LSTM 512 -> 512, 2.1 M weights; seconds of its pruning with data
FRAMES = 1000

Row = dict[str, Any]


def _seconds(work: Callable[[], Any], repeat: int) -> float:
    """Median processor time of a call, after an uncounted one."""
    work()
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def _row(what: str, seconds: float, limit: float, of: float | None = None) -> Row:
    share = None if of is None else round(seconds / of, 4)
    value = seconds if share is None else share
    return {
        "what": what,
        "cpu_seconds": float(f"{seconds:.3g}"),
        "share": share,
        "limit": limit,
        "within": value <= limit,
    }


def steps(repeat: int) -> Iterator[Row]:
    """The options of a training step, and a projection beside a sort."""
    torch.manual_seed(0)
    model, words = WordLstm(), torch.randint(VOCABULARY, (BATCH, STEPS))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        logits = model(words, True)
        nn.functional.cross_entropy(logits.flatten(0, 1), words.flatten()).backward()
        optimizer.step()

    whole = _seconds(step, repeat)
    few = max(3, repeat // 4)
    admm = AdmmPruner(model, Csb(32, (4, 4)), 8)
    every = _seconds(admm.add_gradients, repeat)
    update = _seconds(admm.update, few) / STEPS_PER_UPDATE
    yield _row("ADMM", every + update, STEP_LIMIT, whole)
    yield _row("gradients watched", _seconds(admm.observe, repeat), STEP_LIMIT, whole)
    feedback = FeedbackPruner(model, Csb(32, (4, 4)), 8)
    every = _seconds(feedback.constrain, repeat)
    update = _seconds(feedback.update, few) / STEPS_PER_UPDATE
    yield _row("feedback", every + update, STEP_LIMIT, whole)
    joint = FeedbackPruner(model, Csb(32, (4, 4), joint=True), 8)
    more = _seconds(joint.update, few) / STEPS_PER_UPDATE - update
    yield _row("joint projection, beyond feedback", max(more, 0.0), STEP_LIMIT, whole)
    bits = StraightThrough(feedback.params, 8)

    def rounded() -> None:
        bits.show()
        bits.restore()

    yield _row("8-bit weights", _seconds(rounded, repeat), STEP_LIMIT, whole)
    feedback.harden()
    yield _row("masked retraining", _seconds(feedback.constrain, repeat), STEP_LIMIT, whole)
    w = torch.randn(1500, 6000)
    sort = _seconds(lambda: w.abs().flatten().sort(), few)
    for align in ((1, 1), (4, 4)):
        seconds = _seconds(partial(csb_project, w, 32, 12, align), few)
        yield _row("projection of 1500x6000, {}x{}, beside a sort".format(*align), seconds,
                   SORT_LIMIT, sort)  # fmt: skip


def large() -> Iterator[Row]:
    """100 million weights projected, 2.1 million pruned with data."""
    w = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    for align in ((1, 1), (4, 4)):
        begin = time.process_time()
        csb_project(w, 32, 12, align)
        yield _row("projection of 100 M weights, {}x{}".format(*align),
                   time.process_time() - begin, PROJECTION_LIMIT)  # fmt: skip
    torch.manual_seed(0)
    dense = from_state_dict(nn.LSTM(UNITS, UNITS).state_dict(), "")
    data = np.random.default_rng(0).standard_normal((10, FRAMES // 10, UNITS)).astype(np.float32)
    begin = time.process_time()
    prune_with_data(dense, Csb(32, (4, 4), joint=True), 4, data)
    yield _row("pruning with 1,000 frames, LSTM 512 -> 512, 4x",
               time.process_time() - begin, DATA_LIMIT)  # fmt: skip
