# SPDX-License-Identifier: Apache-2.0
"""The formats of the inputs of a layer's sums: a choice by their error.

All products of a drain share the fraction F of their sum, so one input pays for another: with
inputs to 8 and weights to 1/4, F is at most 29, and a recurrent matrix for an h of 15
fraction bits has 14, although its largest weight is 1/8. With 14 fraction bits for h it has 15, and
the sum is better. So each promising format of a vector is tried, columns of the network's input
get a scale of their own within the room left by F, and the smallest error is taken.

The error is of rounding, in units of the layer's output: a share of the mean variance of the
drains, 0.4 of a single one and 0.1 of four gates, which damp each other, plus the output's.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from csb_rnn.cells.graph import Drain
from csb_rnn.machine.config import Config
from csb_rnn.machine.numerics import GRID_W
from csb_rnn.models.lift import best_lift, lifted, sum_fracs
from csb_rnn.models.outliers import ENOUGH, limiting
from csb_rnn.network.network import Floats, Layer

MARGIN = 1.25  # room above the largest value seen in calibration
SUM_MARGIN = 4.0  # room above the largest sum seen, if a row's worst case leaves none
SLOPE = 0.4  # of an error in a sum, squared, on its way to the output of a cell of one drain
FEWER = range(3)  # most fraction bits to give up in a vector


@dataclasses.dataclass(frozen=True)
class Columns:
    """An input of a layer's sums.

    Attributes:
        square: mean square of each column.
        peak: largest value to expect of each column of the network's input, whose scale can be
            chosen; None if its format is given.
    """

    square: Floats
    peak: Floats | None = None


@dataclasses.dataclass(frozen=True)
class Choice:
    """Formats of a layer's inputs.

    Attributes:
        fracs: fraction bits of each input vector of sums.
        scale: integers per unit of each column of the network's input, on the 16-bit grid; None if
            the format of x was given.
        error: the variance behind the choice.
        several: whether a few weights take several words.
    """

    fracs: dict[str, int]
    scale: Floats | None
    error: float
    several: bool = False


@dataclasses.dataclass(frozen=True)
class _Matrix:
    """Sizes of the weights of a (drain, input): columns' largest, mean square, share kept."""

    largest: Floats
    square: Floats
    kept: Floats
    size: Floats  # |W|


def _matrix(w: Floats) -> _Matrix:
    size = np.abs(w)
    return _Matrix(
        size.max(axis=0, initial=0.0), np.mean(w**2, axis=0), np.mean(w != 0, axis=0), size
    )


def round_scale(scale: Floats, low: Floats) -> Floats:
    """Scales of 5 significant bits, at most ``scale``, and at least ``low`` if one lies between."""
    exponent = np.floor(np.log2(scale)) - 4
    down = np.floor(np.ldexp(scale, -exponent.astype(int)))
    down = np.ldexp(down, exponent.astype(int))
    return np.where(down < low, scale, down)


class Chooser:
    """The choice for one layer."""

    def __init__(
        self,
        layer: Layer,
        cfg: Config,
        columns: Mapping[str, Columns],
        sums: Mapping[str, Floats],
        largest: float | None = None,
    ) -> None:
        """
        Args:
            layer: in float.
            columns: of each input of its sums.
            sums: largest |sum| of each row seen in calibration, by drain.
            largest: lifted value that is not a neuron; None if there is no lift.
        """
        self.layer, self.columns, self.sums = layer, columns, sums
        self.x_unit = 2.0 ** (GRID_W - cfg.data_w)  # of a stored number, in units of the grid
        self.w_unit = 2.0 ** (GRID_W - cfg.weight_w)
        self.acc = 2.0 ** (cfg.acc_w - 1) * self.x_unit * self.w_unit
        self.top_x = 2.0 ** (GRID_W - 1) - self.x_unit
        self.top_w = 2.0 ** (GRID_W - 1) - self.w_unit
        self.several = False
        self.drains = layer.cell.drains
        self.cfg, self.largest = cfg, largest
        self.lifted = lifted(layer.cell)
        self.matrices = {
            (d.gate, i): _matrix(layer.weights[d.gate, i]) for d in self.drains for i in d.inputs
        }

    def choose(
        self, limits: Mapping[str, Sequence[int]], x_frac: int | None, out: str | None
    ) -> Choice:
        """The formats of least error.

        Args:
            limits: range of fraction bits of each vector.
            x_frac: fraction bits of x, if they are given.
            out: the vector returned by the layer.
        """
        plain = self._best(limits, x_frac, out)
        if self.cfg.shared_cols != 1 or plain.error < ENOUGH**2:
            return plain
        self.several = True
        found = self._best(limits, x_frac, out)
        return found if found.error < plain.error else plain

    def _best(
        self, limits: Mapping[str, Sequence[int]], x_frac: int | None, out: str | None
    ) -> Choice:
        """The choice with weights of one word, or of several."""
        best: Choice | None = None
        for fracs in itertools.product(*limits.values()):
            own = dict(zip(limits, fracs, strict=True))
            found = self._with(own, x_frac, out)
            if best is None or found.error < best.error * 0.999:
                best = found
        assert best is not None
        return best

    def _units(self, fracs: Mapping[str, int], scale: Floats | None) -> dict[str, Floats]:
        units = {v: np.array(2.0**-f) for v, f in fracs.items()}
        return units if scale is None else units | {"x": 1.0 / scale}

    def _with(self, fracs: dict[str, int], x_frac: int | None, out: str | None) -> Choice:
        """The choice with these vectors' formats."""
        free = self.columns["x"].peak if x_frac is None else None
        given = fracs if x_frac is None else {**fracs, "x": x_frac}
        hardest = None if free is None else self.top_x / (np.maximum(free, 1e-30) * MARGIN)
        fits = {d.name: sum_fracs(self._lift(d, fracs, out)) for d in self.drains}
        totals = {
            d.name: self._total(d, self._units(given, hardest), fits[d.name]) for d in self.drains
        }
        scale = None
        if free is not None and hardest is not None:
            for _ in range(3):  # a row may overflow with the scale of its weights
                scale = self._scale(free, hardest, totals)
                units = self._units(given, scale)
                now = {
                    d.name: min(totals[d.name], self._total(d, units, fits[d.name]))
                    for d in self.drains
                }
                if now == totals:
                    break
                totals = now
        return Choice(fracs, scale, self._error(given, scale, totals, out), self.several)

    def _lift(self, d: Drain, fracs: Mapping[str, int], out: str | None) -> int:
        """Lift of a drain's values."""
        if self.largest is None or d.name not in self.lifted:
            return 0
        return best_lift(fracs[str(out)], self.largest, self.cfg)

    def _total(self, d: Drain, units: Mapping[str, Floats], fits: range) -> int:
        """F of a drain: the most with which its weights and its rows fit."""
        top = float(fits[-1])
        load = np.zeros(self.layer.units(d.gate))
        for i in d.inputs:
            m = self.matrices[d.gate, i]
            need = limiting(m.size * units[i]) if self.several else (m.largest * units[i]).max()
            if need:
                top = min(top, float(np.log2(self.top_w / need)))
            reach = np.broadcast_to(units[i] * 2.0 ** (GRID_W - 1), m.largest.shape)
            load += m.size @ reach
        bias = sum((np.abs(self.layer.biases.get((d.gate, i), 0.0)) for i in d.bias_of), 0.0)
        if d.name in self.sums:
            load = np.minimum(load, self.sums[d.name] * SUM_MARGIN)
        most = float(np.max(load + bias))
        if most:
            top = min(top, float(np.log2(self.acc / most)))
        return max(int(np.floor(top + 1e-9)), fits[0])

    def _scale(self, peak: Floats, hardest: Floats, totals: Mapping[str, int]) -> Floats:
        """Scale of each column of x: as its errors and those of its weights are least together."""
        value = weight = np.zeros(len(peak))
        low = np.zeros(len(peak))
        for d in self.drains:
            if "x" not in d.inputs:
                continue
            m, one = self.matrices[d.gate, "x"], 2.0 ** totals[d.name]
            value = value + m.square * self.x_unit**2
            weight = weight + self.columns["x"].square * m.kept * (self.w_unit / one) ** 2
            low = np.maximum(low, m.largest * one / self.top_w)
        best = np.where((value > 0) & (weight > 0), value, 1.0)
        best = (best / np.where((value > 0) & (weight > 0), weight, 1.0)) ** 0.25
        best = np.where((value > 0) & (weight > 0), best, hardest)
        chosen = np.maximum(np.minimum(best, hardest), np.minimum(low, hardest))
        return round_scale(chosen, np.minimum(low, hardest))

    def _error(
        self,
        fracs: Mapping[str, int],
        scale: Floats | None,
        totals: Mapping[str, int],
        out: str | None,
    ) -> float:
        """Variance of the output by rounding of values and of weights."""
        units, total = self._units(fracs, scale), 0.0
        for d in self.drains:
            for i in d.inputs:
                m, square = self.matrices[d.gate, i], self.columns[i].square
                value = m.square * (units[i] * self.x_unit) ** 2
                weight = m.kept * square * (2.0 ** -totals[d.name] / units[i] * self.w_unit) ** 2
                total += float(np.sum(value + weight)) / 12
        spread = SLOPE * total / len(self.drains) ** 2
        return spread + (0.0 if out is None else (2.0 ** -fracs[out] * self.x_unit) ** 2 / 12)


def allowed(most: int, fracs: range) -> list[int]:
    """Fraction bits that a vector may have, the most first."""
    return [most - n for n in FEWER if most - n in fracs]
