# SPDX-License-Identifier: Apache-2.0
"""Kernels whose rows and columns are chosen together: a nearer CSB projection than the paper's.

The paper drops row segments first and column segments of the rest after, each at the same
share (:mod:`csb_rnn.pruning.projection`). A row is then judged by columns dropped later. Here
every block ``b`` looks for the rows ``R`` and columns ``C`` of the largest

    sum of w**2 over R x C  -  price * (|R| * |C| + mu * (|R| + |C|))

with one price for the whole matrix, the Lagrange multiplier of its budget of weights; ``mu`` is
the cost of an index entry, in weights, and keeps kernels near the square. Given the columns, the
best rows are those whose energy on them exceeds their cost, and the other way round: the two
steps alternate, neither can lower the sum. The price rises from next to nothing, where everything
is kept, to where the budget is met, so each pattern starts from a larger one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from csb_rnn.pruning.projection import ProjectionError, check
from csb_rnn.pruning.segments import NO_LABELS, LabelPair, Labels, squares

__all__ = ["joint_mask"]

GROW = 1.25  # of the price from one pattern to the next
HALVINGS = 12  # between the last price too low and the first too high
SWEEPS = 2  # of rows and columns at one price
INDEX = 0.2  # mu, as a share of the side of a square kernel of the rate


@dataclass
class _Kernels:
    """Kept rows and columns of all blocks: ``[block-rows, block-columns, R]`` and ``[.., C]``."""

    rows: Tensor
    cols: Tensor

    def sizes(self) -> tuple[Tensor, Tensor]:
        """``m`` and ``n`` of every block, as floats."""
        return self.rows.sum(-1).double(), self.cols.sum(-1).double()

    def weights(self) -> Tensor:
        """``m * n`` of every block."""
        m, n = self.sizes()
        return m * n

    def where(self, blocks: Tensor, other: _Kernels) -> _Kernels:
        """These kernels in some blocks, the other's in the rest."""
        at = blocks[..., None]
        rows = torch.where(at, self.rows, other.rows)
        return _Kernels(rows, torch.where(at, self.cols, other.cols))


def _worth_it(
    energy: Tensor, real: Tensor, cost: Tensor, group: int, labels: Labels | None = None
) -> Tensor:
    """Segments to keep: groups of ``group`` by falling energy whose sum exceeds their cost, or
    those of ``labels``.

    ``energy [.., n]``, ``real`` marks all but padding, ``cost [..]`` is of one segment.
    """
    if labels is not None:
        member, groups = labels.members(energy)
        total = energy.new_zeros(*energy.shape[:-1], groups).scatter_add_(-1, member, energy)
        members = torch.zeros_like(total).scatter_add_(-1, member, real.to(energy.dtype))
        return (total > cost[..., None] * members).gather(-1, member) & real
    if group == 1:
        return (energy > cost[..., None]) & real
    short = -energy.shape[-1] % group
    energy = torch.nn.functional.pad(energy, (0, short))
    real = torch.nn.functional.pad(real, (0, short))
    order = torch.sort(energy, dim=-1, descending=True, stable=True).indices
    shape = (*energy.shape[:-1], -1, group)
    total = energy.gather(-1, order).reshape(shape).sum(-1)
    members = real.gather(-1, order).reshape(shape).sum(-1)
    good = (total > cost[..., None] * members).repeat_interleave(group, -1)
    keep = torch.zeros_like(real).scatter_(-1, order, good) & real
    return keep[..., : keep.shape[-1] - short]


class _Problem:
    """One matrix in block form."""

    def __init__(
        self,
        w: Tensor,
        block: int,
        align: tuple[int, int],
        mu: float,
        labels: LabelPair = NO_LABELS,
    ) -> None:
        height, width = w.shape
        scaled = (w / w.abs().max()).float()  # squares stay in the type's range
        # [block-rows, block-columns, R, C]
        self.power = squares(scaled[None], min(block, height), min(block, width))[0]
        self.align, self.mu = align, mu
        rows, self.col_labels = labels
        # Blocks of rows are the first axis here, those of columns the second.
        self.row_labels = rows and Labels(rows.kind[:, None], rows.part, rows.size)
        self.all = _Kernels(self.power.sum(-1) > 0, self.power.sum(-2) > 0)

    def energy(self, kernels: _Kernels) -> Tensor:
        """Of every block's kernel."""
        part = torch.matmul(self.power, kernels.cols.to(self.power)[..., None])[..., 0]
        return (part * kernels.rows).sum(-1).double()

    def better(self, kernels: _Kernels, price: float) -> _Kernels:
        """Rows for the columns, columns for the rows; segments without profit are left out."""
        for _ in range(SWEEPS):
            cols = kernels.cols.to(self.power)
            energy = torch.matmul(self.power, cols[..., None])[..., 0]
            cost = price * (cols.sum(-1) + self.mu)
            rows = _worth_it(energy, self.all.rows, cost, self.align[0], self.row_labels)
            taken = rows.to(self.power)
            energy = torch.matmul(taken[..., None, :], self.power)[..., 0, :]
            cost = price * (taken.sum(-1) + self.mu)
            cols = _worth_it(energy, self.all.cols, cost, self.align[1], self.col_labels)
            kernels = _Kernels(rows, cols)
        m, n = kernels.sizes()
        pays = self.energy(kernels) > price * (m * n + self.mu * (m + n))
        return kernels.where(pays, _Kernels(kernels.rows & False, kernels.cols & False))

    def solve(self, target: float) -> _Kernels:
        """Kernels of about ``target`` weights."""
        price = float(self.power.mean()) / 16
        over = self.all
        while True:
            under = self.better(over, price)
            if float(under.weights().sum()) <= target:
                break
            over, price = under, price * GROW
        start, low, high = over, price / GROW, price
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            found = self.better(start, middle)
            if float(found.weights().sum()) <= target:
                under, high = found, middle
            else:
                over, low = found, middle
        return self._between(under, over, target)

    def _between(self, under: _Kernels, over: _Kernels, target: float) -> _Kernels:
        """Block by block from the one to the other, most energy a weight first."""
        more = (over.weights() - under.weights()).flatten()
        gain = (self.energy(over) - self.energy(under)).flatten()
        order = torch.argsort(gain / more.clamp(min=1), descending=True, stable=True)
        order = order[more[order] > 0]
        total = under.weights().sum() + torch.nn.functional.pad(more[order], (1, 0)).cumsum(0)
        taken = torch.zeros_like(more, dtype=torch.bool)
        taken[order[: int((total - target).abs().argmin())]] = True
        return over.where(taken.reshape(under.rows.shape[:2]), under)


def joint_mask(
    w: Tensor,
    block: int,
    rate: float,
    align: tuple[int, int] = (1, 1),
    index: float = INDEX,
    labels: LabelPair = NO_LABELS,
) -> Tensor:
    """Mask of the nearer projection of a matrix onto the CSB set.

    Args:
        w: weights ``[H, W]``, any float type.
        block: side of a block.
        rate: weights / non-zeros, 1 to infinity; met as nearly as whole steps of a block allow.
        align: ``(P, Q)``: rows are kept in groups of P, columns in groups of Q.
        labels: as in :func:`csb_rnn.pruning.projection.csb_mask`.
        index: ``mu`` over the side ``block / sqrt(rate)`` of a square kernel at this rate.

    Returns:
        Boolean tensor, true where a weight stays. A matrix already sparser than the rate keeps all
        its non-zeros.

    Raises:
        ProjectionError: as :func:`csb_rnn.pruning.projection.csb_mask`, and for a stack of
            matrices.
    """
    rate = float(rate)
    w = w.detach()
    check(w, block, rate, align)
    if w.ndim != 2:
        raise ProjectionError(f"expected one matrix, got shape {tuple(w.shape)}")
    target = w.numel() / rate
    if int(torch.count_nonzero(w)) <= target:
        return w != 0
    if target < 1:
        return torch.zeros(w.shape, dtype=torch.bool, device=w.device)
    height, width = w.shape
    kernels = _Problem(w, block, align, index * block / rate**0.5, labels).solve(target)
    full = kernels.rows[..., :, None] & kernels.cols[..., None, :]
    full = full.transpose(1, 2).reshape(full.shape[0] * full.shape[2], -1)
    return full[:height, :width] & (w != 0)
