# SPDX-License-Identifier: Apache-2.0
"""Weights rounded so that the sums of calibration change least, not each weight.

A row's error is ``e . v`` for the rounding errors e of its weights and the inputs v of a frame. Its
mean square over the calibration is ``e C e``, C the second moments of v. Inputs go together: where
v1 and v2 are nearly equal, rounding one weight down and the other up costs nothing. So weights are
rounded one after the other, and those still to come take over the error (GPTQ, Frantar et al.,
ICLR 2023, after optimal brain surgeon); then single units are moved as long as this helps. The
error's mean goes into the bias, whose unit is fine. Example: the weights of a tanh RNN of 64 units
cost 1.4 units of 2^-14 instead of 2.1.

Zeros stay zeros and others stay others, so the program has the same words. A weight of several
words stays as it is.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from csb_rnn.machine.numerics import Ints
from csb_rnn.network.network import Floats

MOST = 2048  # inputs of a drain: beyond, moments would take too much memory and time
BATCH = 512  # rows of inputs that are added up together
LEAST_SHRINKAGE = 0.01  # of the moments towards their diagonal
FRAMES = 4  # frames for one input that shrink the moments by about a fifth
SWEEPS = 4  # of single units
BLOCK = 64  # columns whose error is handed on together


class Moments:
    """Mean and second moments of the inputs of a drain, added up frame by frame."""

    def __init__(self, size: int) -> None:
        self.count = 0
        self._sum, self._products = np.zeros(size), np.zeros((size, size))
        self._rows: list[Floats] = []

    def add(self, rows: Floats) -> None:
        """Inputs ``[rows, size]`` of some streams."""
        self._rows.append(rows)
        if sum(map(len, self._rows)) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            rows = np.concatenate(self._rows)
            self._rows = []
            self.count += len(rows)
            self._sum += rows.sum(axis=0)
            self._products += rows.T @ rows

    @functools.cached_property
    def seen(self) -> tuple[Floats, Floats]:
        """Mean ``[size]`` and covariance ``[size, size]``, shrunk towards its diagonal.

        Few frames say little about inputs that go together: the share that is taken away is a
        hundredth, and more by ``n / (n + 4 frames)`` for n inputs.
        """
        self._flush()
        mean = self._sum / max(1, self.count)
        found = self._products / max(1, self.count) - np.outer(mean, mean)
        size = len(mean)
        less = min(1.0, LEAST_SHRINKAGE + size / (size + FRAMES * self.count))
        diagonal = np.maximum(np.diag(found), 0.0)
        found = (1 - less) * found
        found[np.diag_indices(size)] = diagonal + 1e-4 * diagonal.mean() + 1e-30
        return mean, found


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Inputs of a drain in units of products: integers per unit of value, moments.

    Attributes:
        scale: ``[size]`` size of an integer weight's unit times the input, in units of the sum.
        moments: of the values.
    """

    scale: Floats
    moments: Moments

    @property
    def mean(self) -> Floats:
        """Change of the sum by one unit of each weight, on average."""
        return self.scale * self.moments.seen[0]

    @property
    def products(self) -> Floats:
        """Covariance of these changes."""
        return self.moments.seen[1] * np.outer(self.scale, self.scale)


def _nearest(v: Floats, top: int, sign: Floats) -> Floats:
    """Rounded, limited, and never zero: then a unit of the sign."""
    q = np.clip(np.floor(v + 0.5), -top, top)
    return np.where(q == 0, sign, q)


def _one_by_one(exact: Floats, nearest: Floats, kept: Floats, cov: Floats, top: int) -> Floats:
    """Columns in their order, each error handed on to the columns behind it."""
    size = len(cov)
    chain = np.linalg.cholesky(np.linalg.inv(cov)).T
    left, out, sign = exact.copy(), nearest.copy(), np.sign(nearest)
    for a in range(0, size, BLOCK):
        b = min(a + BLOCK, size)
        errors = np.zeros((len(exact), b - a))
        for j in range(a, b):
            q = _nearest(left[:, j], top, sign[:, j])
            out[:, j] = np.where(kept[:, j], q, nearest[:, j])
            error = (left[:, j] - out[:, j]) / chain[j, j]
            errors[:, j - a] = error
            left[:, j + 1 : b] -= np.outer(error, chain[j, j + 1 : b]) * kept[:, j + 1 : b]
        left[:, b:] -= (errors @ chain[a:b, b:]) * kept[:, b:]
    return out


def _unit_by_unit(q: Floats, exact: Floats, kept: Floats, cov: Floats, top: int) -> Floats:
    """Single weights moved while it helps."""
    slope, diagonal = (q - exact) @ cov, np.diag(cov)
    for _ in range(SWEEPS):
        moved = False
        for j in range(len(cov)):
            step = np.where(kept[:, j], -np.round(slope[:, j] / diagonal[j]), 0.0)
            now = q[:, j] + step
            step = np.where((np.abs(now) > top) | (now == 0), 0.0, step)
            rows = np.flatnonzero(step)
            if len(rows):
                moved = True
                q[rows, j] += step[rows]
                slope[rows] += np.outer(step[rows], cov[j])
        if not moved:
            break
    return q


def compensated(exact: Floats, nearest: Ints, inputs: Inputs, top: int) -> tuple[Ints, Floats]:
    """The rows of a drain, and the mean change of their sums, which the bias takes back.

    Args:
        exact: weights ``[rows, size]`` in their units.
        nearest: the same, each rounded to nearest.
        inputs: moments.
        top: largest weight of one word.
    """
    cov = inputs.products
    order = np.argsort(-np.diag(cov), kind="stable")
    cov, near, w = cov[np.ix_(order, order)], nearest[:, order].astype(np.float64), exact[:, order]
    kept = (near != 0) & (np.abs(near) <= top)
    q = _one_by_one(w, near, kept, cov, top)
    q = _unit_by_unit(q, w, kept, cov, top)
    out = np.empty_like(q)
    out[:, order] = q
    return out.astype(np.int64), (out - exact) @ inputs.mean
