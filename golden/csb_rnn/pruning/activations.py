# SPDX-License-Identifier: Apache-2.0
"""The vectors of a trained recurrent layer: inputs, states and pre-activations of calibration
frames.

A layer is read as sums, *drains*, behind a common activation: rows of a weight matrix times a
vector. A GRU's candidate has two of them, for its reset gate stands between the products with input
and state. The reconstruction of a layer needs no more than the vector of each row
(:mod:`csb_rnn.pruning.reconstruct`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from csb_rnn.errors import CsbError
from csb_rnn.network.checkpoint import Layer

__all__ = ["CELLS", "Drain", "Run", "Weights", "drains_of", "run_layer"]

CELLS = {"lstm": 4, "lstmp": 4, "gru": 3, "ligru": 2, "rnn": 1, "rnn_relu": 1}
"""Cells that can be pruned with data, and their gates."""

Weights = Mapping[str, Tensor]
"""Tensors of one direction of a layer by kind: ``ih``, ``hh``, ``hr``, ``bias_ih``, ``bias_hh``."""


class DataError(CsbError, ValueError):
    """Unusable calibration data or model; one line for the user."""


@dataclass(frozen=True)
class Drain:
    """Rows of the gates with sums of the same products.

    Attributes:
        rows: of the stacked gates.
        inputs: multiplied vectors, of ``x`` and ``h``, or ``m`` of a projection.
        bias: where the sum's bias is corrected.
    """

    rows: slice
    inputs: tuple[str, ...]
    bias: str

    @property
    def name(self) -> str:
        """Of its pre-activations in a :class:`Run`."""
        return "+".join(self.inputs) + f"@{self.rows.start}"


def drains_of(cell: str, layer: Layer) -> list[Drain]:
    """The drains of a layer's gates, and of its projection.

    Raises:
        DataError: of the cell too little is known.
    """
    if cell not in CELLS:
        known = ", ".join(CELLS)
        raise DataError(f"cell {cell}: pruning with data knows {known}")
    n = layer.hidden
    if cell == "gru":
        found = [Drain(slice(0, 2 * n), ("x", "h"), "bias_ih"),
                 Drain(slice(2 * n, 3 * n), ("x",), "bias_ih"),
                 Drain(slice(2 * n, 3 * n), ("h",), "bias_hh")]  # fmt: skip
    else:
        found = [Drain(slice(0, CELLS[cell] * n), ("x", "h"), "bias_ih")]
    if layer.proj:
        found.append(Drain(slice(0, layer.proj), ("m",), ""))
    return found


@dataclass
class Run:
    """One direction of a layer on ``B`` sequences of ``T`` frames.

    Attributes:
        vectors: ``x``, the ``h`` of the frame before, and ``m``: ``[B, T, n]``.
        outputs: ``[B, T, n]``.
        probes: zeros added to the pre-activations of a drain, by its name;
            their ``grad`` is how much the outputs mind them.
    """

    vectors: dict[str, Tensor]
    outputs: Tensor
    probes: dict[str, Tensor]


def _step(cell: str, s: dict[str, Tensor], h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """State after a frame from its sums: ``x+h``, of a GRU also the two of its candidate."""
    n = c.shape[-1]
    first = next(iter(s.values()))
    if cell in ("lstm", "lstmp"):
        i, f, g, o = first.split(n, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
    if cell == "gru":
        r, z = torch.sigmoid(first).split(n, -1)
        _, xn, hn = s.values()
        z_n = torch.tanh(xn + r * hn)
        return (1 - z) * z_n + z * h, c
    if cell == "ligru":
        a, z = first.split(n, -1)
        z = torch.sigmoid(z)
        return z * h + (1 - z) * torch.relu(a), c
    return (torch.tanh(first) if cell == "rnn" else torch.relu(first)), c


def run_layer(
    cell: str,
    layer: Layer,
    w: Weights,
    x: Tensor,
    *,
    probe: bool = False,
    reverse: bool = False,
    state: Tensor | None = None,
) -> Run:
    """Run one direction of a layer.

    Args:
        cell: one of :data:`CELLS`.
        layer: its sizes.
        w: tensors, float64.
        x: ``[B, T, inputs]``.
        probe: make probes; gradients then flow from outputs to them.
        reverse: frames run from the last to the first.
        state: ``h`` before the first frame, ``[B, n]``; zero if None, as ``c`` is always.
    """
    batch, frames = x.shape[:2]
    drains = drains_of(cell, layer)
    sums = [d for d in drains if d.inputs != ("m",)]
    probes = {
        d.name: torch.zeros(frames, batch, d.rows.stop - d.rows.start, dtype=x.dtype,
                            requires_grad=probe)
        for d in drains
    }  # fmt: skip
    h = x.new_zeros(batch, layer.proj or layer.hidden) if state is None else state
    c = x.new_zeros(batch, layer.hidden)
    bias = {k: w[k] for k in ("bias_ih", "bias_hh") if k in w}
    before, inner, outputs = [], [], []
    for t in reversed(range(frames)) if reverse else range(frames):
        before.append(h)
        s = {}
        for d in sums:
            total = probes[d.name][t]
            for vector, kind in (("x", "ih"), ("h", "hh")):
                if vector in d.inputs:
                    total = total + (x[:, t] if vector == "x" else h) @ w[kind][d.rows].T
                    total = total + (bias[f"bias_{kind}"][d.rows] if bias else 0)
            s[d.name] = total
        h, c = _step(cell, s, h, c)
        if layer.proj:
            inner.append(h)
            h = h @ w["hr"].T + probes[drains[-1].name][t]
        outputs.append(h)

    def stacked(values: list[Tensor]) -> Tensor:
        return torch.stack(values[::-1] if reverse else values, 1)

    vectors = {"x": x, "h": stacked(before)}
    if inner:
        vectors["m"] = stacked(inner)
    return Run(vectors, stacked(outputs), probes)
