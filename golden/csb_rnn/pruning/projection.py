# SPDX-License-Identifier: Apache-2.0
"""Projection of a weight matrix onto the compressed-structured-block (CSB) pattern.

A matrix of ``H`` rows by ``W`` columns is cut into blocks that start at row 0, column 0; the last
block of a row or column is short. Inside each block whole rows and whole columns are removed, and
the rest is the block's *kernel* of ``m`` rows by ``n`` columns (Shi et al., ICS 2020, 3.1).

The projection has two passes (3.2, Algorithm 1). For each *block-column* the row segments of all
its blocks are ranked together by L2 norm and the weakest dropped; then for each *block-row* the
column segments of the rest. The paper gives both passes the fraction ``1 - sqrt(1/rate)``,
which misses the rate (12 gives 11.6) because strong rows meet strong columns; here the two
fractions are solved for, kept alike, so ``weights / non-zeros`` *is* the rate.

Definition, exactly (the tests repeat it as plain loops):

* a *segment group* is up to ``P`` row segments (``Q`` column segments) of one block, taken in order
  of falling energy (sum of squares), ties to the lower index; ``P = Q = 1`` is the paper's form;
* groups are ranked by summed energy, ties to the upper (left) block;
* ``row_groups`` groups are kept over the whole matrix: each of ``N`` block-columns keeps
  ``row_groups // N`` and the first ``row_groups % N`` of them one more, never more than it has;
  ``col_groups`` likewise over the block-rows; segments without energy are never kept.

Everything is batched over leading dimensions and runs without a Python loop over blocks.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from csb_rnn.errors import CsbError
from csb_rnn.pruning.segments import NO_LABELS, LabelPair, Ranked, rank_segments, squares

__all__ = [
    "ProjectionError",
    "achieved_rate",
    "csb_mask",
    "csb_mask_counts",
    "csb_project",
]

RATE_TOLERANCE = 0.01
"""Largest relative difference between the rate asked for and the rate achieved."""

_GOOD_ENOUGH = 0.002  # stop refining here: a fifth of the tolerance
_MAX_REFINE = 24  # neighbours of the row count tried for a matrix too small to hit the rate at once


class ProjectionError(CsbError, ValueError):
    """A block, alignment, rate or matrix beyond the projection, in one line."""


def check(w: Tensor, block: int, rate: float, align: tuple[int, int]) -> None:
    """Arguments of any projection onto blocks.

    Raises:
        ProjectionError: one of them makes no sense; the message names it.
    """
    if w.ndim < 2 or w.shape[-1] == 0 or w.shape[-2] == 0:
        raise ProjectionError(f"expected a matrix of at least 1 x 1, got shape {tuple(w.shape)}")
    if not (isinstance(block, int) and block >= 1):
        raise ProjectionError(f"block must be a positive integer, got {block!r}")
    if block > max(w.shape[-2:]):
        raise ProjectionError(
            f"block {block} is larger than the matrix, {w.shape[-2]} x {w.shape[-1]}"
        )
    if len(align) != 2 or any(not isinstance(a, int) or a < 1 for a in align):
        raise ProjectionError(f"align must be two positive integers (P, Q), got {align!r}")
    if max(align) > block:
        raise ProjectionError(f"align {align[0]}x{align[1]} does not fit in a block of {block}")
    if math.isnan(rate) or rate < 1:
        raise ProjectionError(f"rate must be at least 1 (weights / non-zeros), got {rate}")
    # The sum is a fast test: finite for every finite matrix but one beyond its type's range.
    if not math.isfinite(float(w.detach().sum())) and not bool(torch.isfinite(w).all()):
        raise ProjectionError("matrix holds NaN or infinity")


class _Problem:
    """One batch of matrices in block form, and the two passes on it."""

    def __init__(
        self, w: Tensor, block: int, align: tuple[int, int], labels: LabelPair = NO_LABELS
    ) -> None:
        self.shape = w.shape
        self.labels = labels
        height, width = w.shape[-2:]
        flat = w.detach().reshape(-1, height, width)
        if flat.dtype not in (torch.float32, torch.float64):
            flat = flat.float()
        self.block_h, self.block_w = min(block, height), min(block, width)
        self.rows, self.cols = -(-height // self.block_h), -(-width // self.block_w)
        self.batch, self.weights = flat.shape[0], height * width
        power = squares(flat, self.block_h, self.block_w)
        nonzeros = int(torch.count_nonzero(power))
        underflow = nonzeros < flat.numel() and nonzeros < int(torch.count_nonzero(flat))
        if underflow or not math.isfinite(float(power.sum())):  # squares out of the type's range
            power = squares(flat.double() / flat.abs().max(), self.block_h, self.block_w)
            nonzeros = int(torch.count_nonzero(power))
        self.power = power  # [B, block-rows, block-columns, R, C]
        self.nonzero = self.filled = None  # only for a matrix with zeros
        if nonzeros < flat.numel():
            self.nonzero = flat != 0
            self.filled = (power > 0).to(power.dtype)
        self.align = align
        row_energy = power.sum(-1)  # [B, block-rows, block-columns, R]
        self.row_rank = rank_segments(row_energy.transpose(1, 2).contiguous(), align[0], labels[0])

    def row_groups(self) -> int:
        return self.row_rank.lines * self.row_rank.groups

    def columns(self, row_totals: Tensor) -> tuple[Tensor, Ranked, Tensor]:
        """Pass 1 with ``row_totals [B]`` groups, then the ranking of pass 2.

        Returns the row mask ``[B, block-rows, block-columns, R]``, the ranked column segments,
        and ``count [B, T + 1]``: the non-zeros of ``0..T`` column groups.
        """
        rows = self.row_rank.keep(row_totals).transpose(1, 2)
        as_float = rows.to(self.power.dtype)[..., None, :]
        energy = torch.matmul(as_float, self.power)[..., 0, :]  # [B, block-rows, block-columns, C]
        ranked = rank_segments(energy, self.align[1], self.labels[1])
        if self.filled is None:
            cost = as_float.sum(-1).expand(energy.shape)
        else:
            cost = torch.matmul(as_float, self.filled)[..., 0, :]
        # A segment of rank k enters when its line's share exceeds k: at total k * lines + line + 1.
        lines = torch.arange(self.rows, device=energy.device)[None, :, None, None]
        top = ranked.groups * self.rows
        enters = (ranked.rank * self.rows + lines + 1).clamp(max=top + 1)
        count = torch.zeros(self.batch, top + 2, dtype=torch.float64, device=energy.device)
        count.scatter_add_(1, enters.reshape(self.batch, -1), cost.reshape(self.batch, -1).double())
        return rows, ranked, count[:, : top + 1].cumsum(1)

    def mask(self, rows: Tensor, ranked: Ranked, col_totals: Tensor) -> Tensor:
        """Boolean mask of the matrices' own shape."""
        cols = ranked.keep(col_totals)  # [B, block-rows, block-columns, C]
        full = rows.transpose(2, 3)[..., None] & cols[:, :, None, :, :]
        full = full.reshape(self.batch, self.rows * self.block_h, self.cols * self.block_w)
        full = full[:, : self.shape[-2], : self.shape[-1]]
        if self.nonzero is not None:
            full = full & self.nonzero
        return full.reshape(self.shape)


def _solve(problem: _Problem, target: float) -> tuple[Tensor, Ranked, Tensor, Tensor]:
    """Find row and column totals, with fractions alike, whose non-zeros come nearest ``target``.

    Returns the row mask, the ranked columns, the column totals and the relative errors.
    """
    device = problem.power.device
    groups = problem.row_groups()

    def attempt(totals: Tensor) -> tuple[Tensor, Ranked, Tensor, Tensor]:
        rows, ranked, count = problem.columns(totals)
        above = torch.searchsorted(
            count, torch.full((count.shape[0], 1), target, device=device, dtype=count.dtype)
        )
        above = above.clamp(max=count.shape[1] - 1)
        below = (above - 1).clamp(min=0)
        near = torch.where(
            (count.gather(1, above) - target).abs() <= (count.gather(1, below) - target).abs(),
            above,
            below,
        )
        return rows, ranked, near[:, 0], (count.gather(1, near)[:, 0] - target).abs() / target

    fraction = torch.full(
        (problem.batch,), math.sqrt(target / problem.weights), dtype=torch.float64, device=device
    )
    totals = (fraction * groups).round().clamp(1, groups).long()
    rows, ranked, cols, error = attempt(totals)
    # Bring the two fractions together: their geometric mean, and solve again.
    fraction = (totals / groups * cols / (ranked.groups * ranked.lines)).sqrt()
    totals = (fraction * groups).round().clamp(1, groups).long()
    rows, ranked, cols, error = attempt(totals)
    best = totals
    # A small matrix has few patterns: look at the neighbours of the row count as well.
    for step in range(1, _MAX_REFINE + 1):
        if bool((error <= (_GOOD_ENOUGH if step < 3 else RATE_TOLERANCE / 2)).all()):
            break
        for near in (totals + step, totals - step):
            near = near.clamp(1, groups)
            near_error = attempt(near)[3]
            better = near_error < error * 0.999
            best, error = torch.where(better, near, best), torch.where(better, near_error, error)
    if not torch.equal(best, totals):
        rows, ranked, cols, error = attempt(best)
    return rows, ranked, cols, error


def csb_mask(
    w: Tensor,
    block: int,
    rate: float,
    align: tuple[int, int] = (1, 1),
    *,
    tolerance: float | None = RATE_TOLERANCE,
    labels: LabelPair = NO_LABELS,
) -> Tensor:
    """Mask of the CSB projection of ``w`` at a rate.

    Args:
        w: weights, ``[..., H, W]``, any float type, any device; leading dimensions are a batch of
            matrices, projected one by one at the same rate.
        block: side of a block, in weights. It may exceed one side of the matrix, not both.
        rate: weights / non-zeros of the result, 1 to infinity. It is met within ``tolerance``.
        align: ``(P, Q)``: rows are kept in groups of P and columns in groups of Q, so kernels
            fill P x Q tiles (only a block's last, short group may be smaller).
        tolerance: largest relative error of the rate; ``None`` takes the nearest pattern.
        labels: rows and columns of each group, instead of any P or Q of a block; the matrix
            has whole blocks then.

    Returns:
        Boolean tensor of ``w``'s shape, true where a weight stays. A matrix already
        sparser than the rate keeps all its non-zeros.

    Raises:
        ProjectionError: bad argument, NaN or infinity, or a rate no pattern of this matrix
            meets within the tolerance.
    """
    rate = float(rate)
    check(w, block, rate, align)
    if math.isinf(rate):
        return torch.zeros(w.shape, dtype=torch.bool, device=w.device)
    if rate == 1:
        return w != 0
    if tolerance is not None and w.ndim == 2 and round(w.numel() / rate) == 0:
        raise ProjectionError(
            f"rate {rate:g}: a matrix of {w.shape[-2]} x {w.shape[-1]} cannot keep less"
            " than one weight"
        )
    problem = _Problem(w, block, align, labels)
    target = problem.weights / rate
    rows, ranked, cols, error = _solve(problem, target)
    mask = problem.mask(rows, ranked, cols)
    if (
        problem.nonzero is not None and problem.filled is not None
    ):  # sparser than asked for: nothing to drop
        sparse = problem.filled.flatten(1).sum(1) <= target
        flat = mask.reshape(problem.nonzero.shape)
        mask = torch.where(sparse[:, None, None], problem.nonzero, flat).reshape(w.shape)
        error = torch.where(sparse, torch.zeros_like(error), error)
    if tolerance is not None and bool((error > tolerance).any()):
        raise ProjectionError(
            f"rate {rate:g}: no pattern of a {w.shape[-2]} x {w.shape[-1]} matrix in blocks of"
            f" {block}, aligned {align[0]}x{align[1]}, comes within {tolerance:.1%}"
            f" (nearest is off by {float(error.max()):.1%})"
        )
    return mask


def csb_mask_counts(
    w: Tensor, block: int, row_groups: int, col_groups: int, align: tuple[int, int] = (1, 1)
) -> Tensor:
    """The two passes alone, as this module's docstring defines them, for given numbers of groups.

    Args:
        w: as for :func:`csb_mask`.
        block: side of a block.
        row_groups: row segment groups kept over the whole matrix.
        col_groups: column segment groups kept over the whole matrix.
        align: ``(P, Q)``, sizes of the groups.
    """
    check(w, block, 1.0, align)
    problem = _Problem(w, block, align)

    def full(count: int) -> Tensor:
        return torch.full((problem.batch,), count, dtype=torch.long, device=w.device)

    rows, ranked, _ = problem.columns(full(row_groups))
    return problem.mask(rows, ranked, full(col_groups))


def csb_project(
    w: Tensor,
    block: int,
    rate: float,
    align: tuple[int, int] = (1, 1),
    *,
    tolerance: float | None = RATE_TOLERANCE,
) -> Tensor:
    """Projection of ``w`` onto the CSB set: ``w`` where :func:`csb_mask` keeps, else 0."""
    mask = csb_mask(w, block, rate, align, tolerance=tolerance)
    return torch.where(mask, w.detach(), torch.zeros((), dtype=w.dtype, device=w.device))


def achieved_rate(w: Tensor | np.ndarray) -> float:
    """Weights / non-zeros of a matrix (or several, stacked); infinite for all zeros."""
    t = torch.as_tensor(w)
    kept = int(torch.count_nonzero(t))
    return t.numel() / kept if kept else math.inf
