# SPDX-License-Identifier: Apache-2.0
"""Pruning a checkpoint in one shot, without data or training."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.pruning.classes import model_classes
from csb_rnn.pruning.projection import RATE_TOLERANCE, ProjectionError
from csb_rnn.pruning.report import Pruned, kept_of
from csb_rnn.pruning.schemes import Csb

__all__ = ["prune_checkpoint"]

ORDERS = ("row_order", "col_order")


def prune_checkpoint(checkpoint: Checkpoint, scheme: Csb, rate: float) -> tuple[Checkpoint, Pruned]:
    """CSB-project every weight matrix of a checkpoint at one rate.

    Row and column orders in the metadata are respected: blocks are cut in this order. They do not
    go together with classes.

    Args:
        checkpoint: what :func:`csb_rnn.network.checkpoint.read_checkpoint` gives.
        scheme: block, alignment, and the machine or the number of classes.
        rate: weights / non-zeros, of every matrix as near as it can, of all within 1 %.

    Returns:
        The pruned checkpoint with its metadata, and the kept part of every matrix.

    Raises:
        ProjectionError: bad arguments, or matrices too small to meet the rate; names the matrix.
    """
    named = {
        name: torch.from_numpy(np.array(checkpoint.tensors[name])) for name in checkpoint.matrices()
    }
    if scheme.shared > 1:
        for key in ORDERS:
            if checkpoint.csb.get(key):
                raise ProjectionError(f"csb.{key}: units have an order of their own by class")
        hidden = {n: la.hidden for n, la in enumerate(checkpoint.layers)}
        classes = model_classes(named, scheme.block, scheme.machine, hidden)
        scheme = replace(scheme, classes=classes)
    orders = [checkpoint.csb.get(key) or {} for key in ORDERS]
    pruned, kept = {}, []
    for name, w in named.items():
        rows, cols = (
            torch.tensor(order.get(name, range(n)))
            for order, n in zip(orders, w.shape, strict=True)
        )
        try:
            ordered = scheme.project_named(name, w[rows][:, cols], rate)
        except ProjectionError as error:
            raise ProjectionError(f"{name}: {error}") from None
        left = torch.empty_like(w)
        left[rows[:, None], cols] = ordered
        pruned[name] = left.numpy()
        kept.append(kept_of(name, w, left))
    done = checkpoint.with_tensors(pruned, cell=checkpoint.cell, **scheme.metadata())
    if scheme.shared == 1:  # those of an earlier pruning say nothing any more
        for key in ("classes", "unit_class"):
            done.csb.pop(key, None)
    if math.isinf(rate):
        done.csb.pop("rate", None)
    else:
        if checkpoint.rate < rate and abs(done.rate / rate - 1) > RATE_TOLERANCE:
            raise ProjectionError(
                f"rate {rate:g}: the matrices are too small, the nearest pattern has"
                f" {done.rate:.4g}"
            )
        done = done.with_tensors({}, rate=round(done.rate, 4))
    return done, Pruned(tuple(kept), done.csb)
