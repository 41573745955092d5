# SPDX-License-Identifier: Apache-2.0
"""Pruning a checkpoint in one shot, without data or training."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from csb_rnn.machine.config import Config
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.pruning.classes import model_classes
from csb_rnn.pruning.projection import RATE_TOLERANCE, ProjectionError, csb_mask
from csb_rnn.pruning.schemes import Csb

__all__ = ["prune_checkpoint"]


def prune_checkpoint(
    checkpoint: Checkpoint,
    block: int,
    rate: float,
    align: tuple[int, int] = (1, 1),
    machine: Config | int = 1,
) -> Checkpoint:
    """CSB-project every weight matrix of a checkpoint at one rate.

    Row and column orders in the metadata are respected: blocks are cut in that order. They do not
    go together with classes.

    Args:
        checkpoint: what :func:`csb_rnn.network.checkpoint.read_checkpoint` gives.
        block: side of a block.
        rate: weights / non-zeros, of every matrix as near as it can, of all within 1 %.
        align: rows are kept in groups of P, columns in groups of Q.
        machine: a configuration with shared columns, or a number of classes: kernels keep as many
            rows of each class (:mod:`csb_rnn.pruning.classes`), ``align`` counts for columns only.

    Raises:
        ProjectionError: bad arguments, or matrices too small to meet the rate; names the matrix.
    """
    pruned: dict[str, np.ndarray] = {}
    named = {name: torch.from_numpy(np.array(checkpoint.tensors[name]))
             for name in checkpoint.matrices()}  # fmt: skip
    scheme = Csb(block, align, machine=machine)
    if scheme.shared > 1:
        for key in ("row_order", "col_order"):
            if checkpoint.csb.get(key):
                raise ProjectionError(f"csb.{key}: units have an order of their own by class")
        hidden = {n: la.hidden for n, la in enumerate(checkpoint.layers)}
        classes = model_classes(named, block, machine, hidden)
        scheme = replace(scheme, classes=classes)
    for name in checkpoint.matrices():
        w = named[name]
        rows = torch.tensor((checkpoint.csb.get("row_order") or {}).get(name, range(w.shape[0])))
        cols = torch.tensor((checkpoint.csb.get("col_order") or {}).get(name, range(w.shape[1])))
        try:
            if scheme.shared > 1:
                pruned[name] = scheme.project_named(name, w, rate).numpy()
                continue
            ordered = csb_mask(w[rows][:, cols], block, rate, align, tolerance=None)
        except ProjectionError as error:
            raise ProjectionError(f"{name}: {error}") from None
        mask = torch.empty_like(ordered)
        mask[rows[:, None], cols[None, :]] = ordered
        pruned[name] = torch.where(mask, w, torch.zeros_like(w)).numpy()
    done = checkpoint.with_tensors(pruned, cell=checkpoint.cell, **scheme.metadata())
    if scheme.shared == 1:  # those of an earlier pruning say nothing any more
        for key in ("classes", "unit_class"):
            done.csb.pop(key, None)
    if math.isinf(rate):
        done.csb.pop("rate", None)
        return done
    if checkpoint.rate < rate and abs(done.rate / rate - 1) > RATE_TOLERANCE:
        raise ProjectionError(
            f"rate {rate:g}: the matrices are too small, the nearest pattern has {done.rate:.4g}"
        )
    return done.with_tensors({}, rate=round(done.rate, 4))
