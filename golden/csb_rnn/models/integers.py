# SPDX-License-Identifier: Apache-2.0
"""Integers of a layer's weights, biases and constants, and why there are none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.cells.graph import Drain
from csb_rnn.machine.config import LANE_FRAC, Config
from csb_rnn.machine.isa import MUL_W
from csb_rnn.machine.numerics import GRID_W, Ints, limits
from csb_rnn.models.choice import SUM_MARGIN
from csb_rnn.models.compensation import Inputs, Moments, compensated
from csb_rnn.models.integer_layer import QDrain, QuantError
from csb_rnn.models.lift import sum_fracs
from csb_rnn.models.outliers import MOST_WORDS, fit
from csb_rnn.models.wide_constants import MOST_DOUBLED, copy_of
from csb_rnn.network.network import Floats, Layer


def make_drain(
    layer: Layer,
    d: Drain,
    fracs: Mapping[str, int],
    cfg: Config,
    where: str,
    sums: Floats | None = None,
    lift: int = 0,
    seen: Moments | None = None,
    gain: Floats | None = None,
    several: bool = False,
) -> tuple[QDrain, dict[str, Ints], dict[str, int]]:
    """Integers of one drain: (QDrain, weights by input, weight fractions by input).

    Args:
        sums: largest |sum| of each row that calibration has seen, if it has.
        lift: of the drain's values.
        seen: moments of its inputs; without them each weight is rounded to nearest.
        gain: of each column of x, which the layer's weights have taken; the moments have not.
        several: a few weights may take several words.
    """
    dropped = GRID_W - cfg.weight_w
    top = limits(cfg.weight_w)[1]
    bias = np.zeros(layer.units(d.gate))
    for i in d.bias_of:
        bias = bias + layer.biases.get((d.gate, i), 0.0)

    largest = {i: float(np.abs(layer.weights[d.gate, i]).max()) for i in d.inputs}
    bad, reason = "", ""
    fits = sum_fracs(lift)
    for total in reversed(fits):
        weights = {}
        for i in d.inputs:
            frac = total - fracs[i] - dropped
            bad = i
            if largest[i] * 2.0**frac > MOST_WORDS * (top + 1):
                break
            w = to_int(layer.weights[d.gate, i], frac)
            if not fit(w, top, several):
                break
            weights[i] = w
        if len(weights) < len(d.inputs):
            continue
        unit = total - dropped - (GRID_W - cfg.data_w)
        b = to_int(bias, unit)
        if seen is not None:
            rounded = {i: total - fracs[i] - dropped for i in d.inputs}
            weights, change = _compensated(layer, d, weights, rounded, top, seen, gain)
            b = to_int(bias - change, unit)
        load = sum(np.abs(w).sum(axis=1) for w in weights.values()) << (cfg.data_w - 1)
        if sums is not None:
            load = np.minimum(load, to_int(SUM_MARGIN * sums, unit))
        over = np.flatnonzero(load + np.abs(b) >= 1 << (cfg.acc_w - 1))
        if len(over):
            reason = _overflows(int(over[0]), bias, cfg, fits[0], sums is not None)
            continue
        return (
            QDrain(b, total - fits[0], total),
            weights,
            {i: total - fracs[i] for i in weights},
        )
    reason = reason or _too_large(layer, d, bad, fracs[bad], fits[0])
    raise QuantError(f"{where}, drain {d.name}: {reason}")


def _compensated(
    layer: Layer,
    d: Drain,
    nearest: Mapping[str, Ints],
    fracs: Mapping[str, int],
    top: int,
    seen: Moments,
    gain: Floats | None,
) -> tuple[dict[str, Ints], Floats]:
    """The weights of a drain, rounded together, and the mean change of its sums.

    Args:
        nearest: each weight rounded on its own, by input.
        fracs: fraction bits of a stored weight, by input.
        top: largest stored weight of one word.
    """
    sizes = [nearest[i].shape[1] for i in d.inputs]
    scale = np.repeat([2.0 ** -fracs[i] for i in d.inputs], sizes)
    if gain is not None and "x" in d.inputs:
        at = sum(sizes[: d.inputs.index("x")])
        scale[at : at + len(gain)] *= gain
    exact = [np.ldexp(layer.weights[d.gate, i], fracs[i]) for i in d.inputs]
    stacked = np.concatenate([nearest[i] for i in d.inputs], axis=1)
    w, change = compensated(np.concatenate(exact, axis=1), stacked, Inputs(scale, seen), top)
    parts = np.split(w, np.cumsum(sizes)[:-1], axis=1)
    return dict(zip(d.inputs, parts, strict=True)), change


def _too_large(layer: Layer, d: Drain, i: str, frac: int, least: int) -> str:
    """Why a weight does not fit even with the fewest fraction bits: it, or its input."""
    w = np.abs(layer.weights[d.gate, i])
    row, column = np.unravel_index(int(w.argmax()), w.shape)
    reach, most = 2.0 ** (GRID_W - 1 - frac), 2.0 ** (2 * GRID_W - 2 - least)
    kind = "input" if reach > float(w.max()) else "weight"
    others = np.sort(w, axis=None)[:-1].max(initial=0.0)
    advice = {
        "input": "scale the inputs down, or clip their outliers, and calibrate with them",
        "weight": f"look at this weight, the others reach {others:.4g}",
    }
    return (
        f"weight {w.max():.4g} of W[{d.gate}, {i}] is too large (row {row}, column {column}): with "
        f"{i} to {reach:g} its product may reach more than {most:g}. The {kind} is the larger "
        f"one: {advice[kind]}"
    )


def _overflows(row: int, bias: Floats, cfg: Config, least: int, calibrated: bool) -> str:
    """Why a row does not fit even with the fewest fraction bits: its bias, or its products."""
    top = 2.0 ** (cfg.acc_w - 1 - (least - 2 * GRID_W + cfg.data_w + cfg.weight_w))
    text = f"row {row} overflows the {cfg.acc_w}-bit accumulator, which holds less than {top:g}"
    if abs(bias[row]) >= top / 2:
        return f"{text}: the bias {bias[row]:.4g} is the reason"
    if calibrated:
        return f"{text}: its sums are that large in calibration; scale the inputs down"
    return f"{text}: calibrate with real inputs, whose sums may be smaller than the worst case"


def make_constants(layer: Layer, cfg: Config, where: str) -> dict[str, Ints]:
    """Constants as fine state words.

    Raises:
        QuantError: one does not fit the state memory, or the narrow operand of its copy.
    """
    out = {}
    for k, v in layer.constants.items():
        copies = [n.name for n in layer.cell.elems if n.memory == (f"const:{k}",)]
        narrow = {op for n in layer.cell.elems for op in (n.m0, n.m1)}
        top = limits(MUL_W if narrow & set(copies) else cfg.state_w)[1]
        out[k] = to_int(v, LANE_FRAC)
        if np.abs(out[k]).max(initial=0) > top:
            most = (top + 1) / 2**LANE_FRAC
            most *= 2**MOST_DOUBLED if copy_of(layer.cell, k) else 1
            raise QuantError(
                f"{where}: constant {k} reaches {np.abs(v).max():.4g}, it holds less than {most:g}"
            )
    return out


def to_int(x: ArrayLike, frac: int) -> Ints:
    """``x * 2^frac`` as int64, to nearest with ties towards plus infinity.

    Not saturated, but values beyond all formats become +-2^62.
    """
    scaled = np.floor(np.ldexp(np.asarray(x, np.float64), frac) + 0.5)
    return np.clip(scaled, -(2.0**62), 2.0**62).astype(np.int64)
