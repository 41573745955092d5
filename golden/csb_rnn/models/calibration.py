# SPDX-License-Identifier: Apache-2.0
"""Calibration: the sizes of inputs, sums and vectors, seen on the user's frames.

Example: in 1,000 frames of a spectrum column 0 reaches 90 and column 39 only 0.4, h of
layer 0 has a mean square of 0.2, and no sum of drain ``i`` is beyond 31.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.machine.numerics import GRID_W
from csb_rnn.models import float_model
from csb_rnn.models.compensation import MOST, Moments
from csb_rnn.models.integer_layer import QuantError
from csb_rnn.network.network import Floats, Network

UNSEEN = 1.6  # how much larger than its own peak a column is taken for
FEW = 16  # non-zero values of a column at least, or its peak says nothing


@dataclasses.dataclass(frozen=True)
class Seen:
    """The findings on the frames.

    Attributes:
        x_peak: largest |x|.
        x_peaks: of each column ``[inputs]``, see :func:`column_peaks`.
        x_square: mean square of each column.
        peak: largest |value| of each unit of every node, ``NODE_lN``.
        square: mean square of the same.
        moments: of the inputs of each drain, ``NODE_lN``; none of a drain with too many.
    """

    x_peak: float
    x_peaks: Floats
    x_square: Floats
    peak: dict[str, Floats]
    square: dict[str, Floats]
    moments: dict[str, Moments]

    def largest(self, node: str) -> float:
        """Largest |value| of a node, ``NODE_lN``."""
        return float(self.peak[node].max())


def column_peaks(x: Floats) -> Floats:
    """Largest |x| to expect of each column of ``[frames, inputs]``.

    Few frames show a column's tail badly: it is taken for 1.6 times as large, and columns lend each
    other their tails, so the largest ratio of a peak to a root mean square holds for all, up to
    twice a column's own peak. No column is taken for larger than the largest value of all; one of
    few non-zero values for as large.
    """
    size = np.abs(x)
    top = float(size.max(initial=0.0))
    rms = np.sqrt(np.mean(x**2, axis=0))
    known = np.count_nonzero(x, axis=0) >= FEW
    own = size.max(axis=0)
    if not known.any():
        return np.full(x.shape[1], top)
    tail = float((own[known] / rms[known]).max())
    lent = np.maximum(UNSEEN * own, np.minimum(rms * tail, 2 * own))
    return np.where(known, np.minimum(lent, top), top)


def frames_of(network: Network, calibrate: ArrayLike) -> Floats:
    """The frames, checked: ``[frames, inputs]`` or ``[streams, frames, inputs]``.

    Raises:
        QuantError: another shape, NaN, infinity, or numbers beyond every input.
    """
    x = np.asarray(calibrate, np.float64)
    if x.ndim not in (2, 3) or x.shape[-1] != network.inputs or 0 in x.shape:
        raise QuantError(f"calibration has shape {x.shape}, not [frames, {network.inputs}]")
    if not np.isfinite(x).all():
        raise QuantError("calibration inputs hold NaN or infinity")
    peak = float(np.abs(x).max())
    if peak > 2.0 ** (GRID_W - 1):
        raise QuantError(
            f"calibration inputs reach {peak:.3g}, an input holds at most "
            f"{2 ** (GRID_W - 1)}: scale the inputs"
        )
    return x


def observe(
    network: Network, calibrate: ArrayLike, state: Mapping[str, ArrayLike] | None = None
) -> Seen:
    """Run the float model over the frames and keep the sizes of everything.

    Raises:
        QuantError: frames refused by :func:`frames_of`.
    """
    x = frames_of(network, calibrate)
    peak: dict[str, Floats] = {}
    total: dict[str, Floats] = {}
    count = 0

    def watch(key: str, value: Floats) -> None:
        rows = value.reshape(-1, value.shape[-1])
        top, square = np.abs(rows).max(axis=0), (rows**2).sum(axis=0)
        peak[key] = np.maximum(peak[key], top) if key in peak else top
        total[key] = total[key] + square if key in total else square

    moments = _run(network, x, state, watch)
    flat = x.reshape(-1, x.shape[-1])
    count = len(flat)
    return Seen(
        float(np.abs(x).max()),
        column_peaks(flat),
        np.mean(flat**2, axis=0),
        peak,
        {k: v / count for k, v in total.items()},
        moments,
    )


def _run(
    network: Network, x: Floats, state: Mapping[str, ArrayLike] | None, watch: float_model.Watch
) -> dict[str, Moments]:
    """All frames in float; ``watch`` gets every node's values. The moments of drains' inputs."""
    found: dict[tuple[int, tuple[str, ...]], Moments] = {}
    named: dict[str, Moments] = {}
    for n, layer in enumerate(network.layers):
        for d in layer.cell.drains:
            size = sum(layer.inputs[i] for i in d.inputs)
            if size <= MOST:
                named[f"{d.name}_l{n}"] = found.setdefault((n, d.inputs), Moments(size))
    current = {
        k: np.broadcast_to(np.asarray((state or {}).get(k, 0.0), np.float64), (*x.shape[:-2], size))
        for k, size in network.state_shapes().items()
    }
    for t in range(x.shape[-2]):
        v = x[..., t, :]
        for n, layer in enumerate(network.layers):
            cell = layer.cell
            own = {s: current[f"{s}_l{n}"] for s in cell.states}
            out, after, values = float_model.step_layer(layer, v, own)
            vectors = {"x": v}
            for name, kept in cell.vectors.items():
                vectors[name] = values[cell.writer(name).name] if kept is None else own[kept]
            for (where, inputs), moments in found.items():
                if where == n:
                    parts = [vectors[i] for i in inputs]
                    rows = np.concatenate(parts, axis=-1)
                    moments.add(rows.reshape(-1, rows.shape[-1]))
            current |= {f"{s}_l{n}": a for s, a in after.items()}
            v = out
            for name, value in values.items():
                watch(f"{name}_l{n}", value)
    return named
