# SPDX-License-Identifier: Apache-2.0
"""Kept weights of a pruned network moved by gradients until its outputs are nearest the dense ones.

Least squares serve one layer's sums; through time and through the layers behind them errors add up
in other ways. So the whole network runs on the calibration frames, its outputs are compared with
those of the dense network, and Adam moves all weights but zeros. No label is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from csb_rnn.network.checkpoint import Layer
from csb_rnn.pruning.activations import run_layer

__all__ = ["Direction", "outputs_of", "refined"]

RATE = 3e-3  # of Adam, at first
Direction = tuple[Layer, bool, dict[str, Tensor]]
"""A layer, whether it runs backwards, its tensors by kind."""


def outputs_of(
    cell: str,
    layers: Sequence[Sequence[Direction]],
    x: Tensor,
    state: Tensor | None = None,
) -> Tensor:
    """Outputs ``[B, T, n]`` of all layers on ``x [B, T, inputs]``, one direction beside another.

    ``state`` is that of every layer before the first frame, zero if None.
    """
    for row in layers:
        ways = [run_layer(cell, la, w, x, reverse=back, state=state) for la, back, w in row]
        x = torch.cat([way.outputs for way in ways], -1)
    return x


def refined(
    cell: str,
    layers: Sequence[Sequence[Direction]],
    x: Tensor,
    wanted: Tensor,
    used: Tensor,
    steps: int,
    state: Tensor | None = None,
) -> tuple[list[list[dict[str, Tensor]]], float, float]:
    """Tensors of all layers, best on the data; zeros of matrices stay.

    Args:
        cell: of all layers.
        layers: as they are pruned.
        x: ``[B, T, inputs]``.
        wanted: outputs of the dense network ``[B, T, n]``.
        used: ``[B, T]`` counted frames.
        steps: of Adam, on all the data.
        state: of every layer before the first frame, zero if None.

    Returns:
        The tensors, and the error before and after: of outputs over their size.
    """
    x, wanted = x.float(), wanted.float()
    state = None if state is None else state.float()
    now = [[(la, back, {k: v.float().clone().requires_grad_() for k, v in w.items()})
            for la, back, w in row] for row in layers]  # fmt: skip
    moved = [v for row in now for *_, w in row for v in w.values()]
    kept = [(v != 0) if v.ndim == 2 else torch.ones_like(v, dtype=torch.bool) for v in moved]
    size = wanted[used].square().mean().clamp(min=1e-30)
    optimizer = torch.optim.Adam(moved, RATE)
    best, first = [v.detach().clone() for v in moved], math.inf
    least = math.inf
    for step in range(steps + 1):
        loss = (outputs_of(cell, now, x, state) - wanted)[used].square().mean() / size
        value = float(loss.detach())
        first = value if step == 0 else first
        if value < least:
            least, best = value, [v.detach().clone() for v in moved]
        optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / (steps + 1)))
        optimizer.zero_grad()
        loss.backward()
        for v, mask in zip(moved, kept, strict=True):
            assert v.grad is not None
            v.grad.masked_fill_(~mask, 0)
        optimizer.step()
    found = iter(best)
    tensors = [[{k: next(found).double() for k in w} for *_, w in row] for row in now]
    return tensors, math.sqrt(first), math.sqrt(least)
