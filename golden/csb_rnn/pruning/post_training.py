# SPDX-License-Identifier: Apache-2.0
"""Pruning a trained network with calibration data: no labels, no training, minutes on a CPU.

Layer by layer, the pattern is the one with the least change of a layer's sums on the data, and kept
weights and biases are solved for (:mod:`csb_rnn.pruning.reconstruct`). Errors of earlier layers,
and of earlier frames, are in the inputs of later ones. Rates are dealt over the matrices under one
budget, by the error of each at some rates, weighed by the network's outputs: gradients of
random sums of the outputs say so, and need no labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.pruning.activations import DataError, run_layer
from csb_rnn.pruning.classes import model_classes
from csb_rnn.pruning.parts import Part, dense_parts, join, problems_of, settle, split
from csb_rnn.pruning.rates import deal_rates
from csb_rnn.pruning.reconstruct import find_pattern
from csb_rnn.pruning.refine import refined
from csb_rnn.pruning.report import Pruned, kept_of
from csb_rnn.pruning.scheme import Scheme
from csb_rnn.pruning.schemes import Csb

__all__ = ["prune_with_data"]

REPEATS = 3  # of solving, with the pruned layer's states


def _sequences(data: np.ndarray | Sequence[np.ndarray], inputs: int) -> tuple[Tensor, Tensor]:
    """``[B, T, inputs]`` and the mask of real frames ``[B, T]``; shorter ones are filled up.

    Raises:
        DataError: another shape, or infinite numbers or NaN.
    """
    if isinstance(data, np.ndarray):
        data = list(data) if data.ndim == 3 else [data]
    arrays = [np.asarray(x, np.float64) for x in data]
    if not arrays or any(a.ndim != 2 or a.shape[1] != inputs or not len(a) for a in arrays):
        shapes = [list(a.shape) for a in arrays[:3]]
        raise DataError(f"data: expected [frames, {inputs}] or [batch, frames, {inputs}],"
                        f" got {shapes}")  # fmt: skip
    if not all(np.isfinite(a).all() for a in arrays):
        raise DataError("data: NaN or infinity")
    longest = max(map(len, arrays))
    x = np.zeros((len(arrays), longest, inputs))
    used = np.zeros((len(arrays), longest), bool)
    for i, a in enumerate(arrays):
        x[i, : len(a)], used[i, : len(a)] = a, True
    return torch.from_numpy(x), torch.from_numpy(used)


def _states(
    checkpoint: Checkpoint, state: tuple[np.ndarray, np.ndarray] | None, batch: int
) -> tuple[Tensor | None, Tensor | None]:
    """The two states before the first frame as tensors.

    Raises:
        DataError: another shape, or a network of several layers.
    """
    if state is None:
        return None, None
    layer = checkpoint.layers[0]
    if len(checkpoint.layers) > 1 or layer.bidirectional:
        raise DataError("state: only networks of one layer and direction take a state")
    shape = (batch, layer.outputs)
    both = [np.asarray(part, np.float64) for part in state]
    if any(part.shape != shape for part in both):
        raise DataError(f"state: expected {list(shape)}, got {list(both[0].shape)}")
    dense, now = (torch.from_numpy(part) for part in both)
    return dense, now


def _prune_part(
    cell: str,
    p: Part,
    x: Tensor,
    used: Tensor,
    scheme: Scheme,
    rates: dict[str, float],
    state: Tensor | None,
) -> Tensor:
    """Prune one direction of a layer with ``x`` as its input now; returns its outputs."""
    seen = p.run.vectors | {"x": x}
    masks = find_pattern(
        problems_of(p, seen, used),
        lambda rows: split(p, rows),
        lambda name, w: scheme.project_named(name, w, rates[name]),
        lambda matrices: join(p, matrices),
    )
    best, least = p.run.outputs, np.inf
    for _ in range(1 + REPEATS):
        tensors = settle(p, problems_of(p, seen, used), masks)
        run = run_layer(cell, p.layer, tensors, x, reverse=p.reverse, state=state)
        gap = float((run.outputs - p.run.outputs)[used].square().mean())
        if gap < least:
            p.now, best, least = tensors, run.outputs, gap
        seen = run.vectors  # with the errors of earlier frames
    return best


@torch.enable_grad()
def prune_with_data(
    checkpoint: Checkpoint,
    scheme: Scheme,
    rate: float,
    data: np.ndarray | Sequence[np.ndarray],
    *,
    state: tuple[np.ndarray, np.ndarray] | None = None,
    deal: bool = True,
    refine: int = 0,
    seed: int = 0,
    log: Callable[[str], None] = lambda line: None,
) -> tuple[Checkpoint, Pruned]:
    """Prune a trained network with the least change of its outputs on some data.

    Args:
        checkpoint: what :func:`csb_rnn.network.checkpoint.read_checkpoint` gives.
        scheme: the set of patterns; any scheme with masks.
        rate: weights / kept weights of all matrices together.
        data: inputs, ``[frames, inputs]``, ``[batch, frames, inputs]`` or sequences of any length;
            a thousand frames will do.
        state: ``h`` before the first frame, ``[batch, hidden]``: as the dense network has it, and
            as it is behind whatever was pruned before; of networks of one layer. Zero if None.
        deal: rates differ by matrix; otherwise all have the same.
        refine: steps of gradients on the outputs' distance from the dense ones, at the end.
        seed: of the random sums of outputs.
        log: takes a line for each layer.

    Returns:
        The pruned checkpoint with its metadata, and the kept part of every matrix; its energy
        falls below the energy of a cut by size, and its error on the data as well.

    Raises:
        DataError: data of a wrong shape, or a cell with too little knowledge of it.
        ProjectionError: bad arguments.
    """
    x, used = _sequences(data, checkpoint.layers[0].inputs)
    tensors = {n: torch.from_numpy(np.array(checkpoint.tensors[n])) for n in checkpoint.matrices()}
    if isinstance(scheme, Csb) and scheme.shared > 1:
        hidden = {n: la.hidden for n, la in enumerate(checkpoint.layers)}
        classes = model_classes(tensors, scheme.block, scheme.machine, hidden)
        scheme = replace(scheme, classes=classes)
    before, now = _states(checkpoint, state, len(x))
    parts = dense_parts(checkpoint, x, used, seed, before)
    rates = dict.fromkeys(tensors, float(rate))
    if deal:
        rates = deal_rates(parts, used, rate, scheme.project_named)
        log("rates: " + ", ".join(f"{name} {r:.3g}" for name, r in rates.items()))
    first = x
    for row in parts:
        outputs = []
        for p in row:
            outputs.append(_prune_part(checkpoint.cell, p, x, used, scheme, rates, now))
            size = p.run.outputs[used].square().mean().clamp(min=1e-30)
            off = float((outputs[-1] - p.run.outputs)[used].square().mean() / size) ** 0.5
            log(f"layer {p.end[2:]}: outputs differ by {100 * off:.2g} % of their size")
        x = torch.cat(outputs, -1)
    if refine:
        wanted = torch.cat([p.run.outputs for p in parts[-1]], -1)
        layers = [[(p.layer, p.reverse, p.now) for p in row] for row in parts]
        moved, *gaps = refined(checkpoint.cell, layers, first, wanted, used, refine, now)
        for row, tensors_of_row in zip(parts, moved, strict=True):
            for p, found in zip(row, tensors_of_row, strict=True):
                p.now = found
        log("refined: outputs differ by {1:.2g} %, before by {0:.2g} %".format(
            *(100 * gap for gap in gaps)))  # fmt: skip
    done = {
        k + p.end if k.startswith("bias") else f"weight_{k}{p.end}": v.float().numpy()
        for row in parts
        for p in row
        for k, v in p.now.items()
    }
    new = checkpoint.with_tensors(done, cell=checkpoint.cell, **scheme.metadata())
    new = new.with_tensors({}, rate=round(new.rate, 4))
    kept = tuple(kept_of(n, w, torch.where(torch.from_numpy(done[n]) != 0, w, 0))
                 for n, w in tensors.items())  # fmt: skip
    return new, Pruned(kept, new.csb)
