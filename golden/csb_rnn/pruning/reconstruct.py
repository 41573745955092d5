# SPDX-License-Identifier: Apache-2.0
"""One layer's matrices pruned with the least change of its sums: pattern by ADMM, weights by
solving.

For rows ``w0`` with vectors ``z`` (``zd`` in the dense model, ``z`` behind the layers
pruned before) the error of new rows ``w`` is

    |w0 zd - w z|**2 + damping * |w - w0|**2      summed over rows, each times its sensitivity

which second moments of ``z`` alone decide (SparseGPT; with ``zd`` other than ``z`` as in GPTAQ).
The pattern is found by ADMM, as in ALPS (Meng et al., NeurIPS 2024): the rows of least error
plus distance from a member of the set, and the member nearest to them, in turn, while the distance
counts more and more. The projection is any scheme's, so blocks with or without classes and
all rivals are served. Then every row is solved for exactly on its kept weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Moments", "Problem", "find_pattern", "row_errors", "solve_rows"]

DAMPING = 0.05  # of the mean square of an input
STEPS = 24  # of ADMM
BATCH = 32  # rows solved together
FIRST, LAST = 0.03, 10.0  # weight of the distance, at the first and at the last step


@dataclass
class Moments:
    """Second moments of the rows' vectors: means over the calibration frames.

    Attributes:
        seen: ``[n, n]`` of z with itself.
        wanted: ``[n, n]`` of zd with z.
    """

    seen: Tensor
    wanted: Tensor

    @classmethod
    def of(cls, dense: Tensor, now: Tensor, used: Tensor) -> Moments:
        """Of vectors ``[B, T, n]``, over the frames marked in ``used [B, T]``."""
        zd, z = dense[used], now[used]
        return cls(z.T @ z / len(z), zd.T @ z / len(z))


@dataclass
class Problem:
    """Rows with the same vectors.

    Attributes:
        start: ``[rows, n]`` dense weights, the bias as last column if there is one.
        moments: of the vectors, a constant 1 with the bias.
        sense: ``[rows]`` how much the model's outputs mind an error of a row.
        free: unpruned columns at the end.
    """

    start: Tensor
    moments: Moments
    sense: Tensor
    free: int

    def __post_init__(self) -> None:
        seen = self.moments.seen
        damping = DAMPING * float(seen.diagonal().mean())
        n = len(seen)
        self.matrix = seen + damping * torch.eye(n, dtype=seen.dtype)
        self.right = self.start @ (self.moments.wanted + damping * torch.eye(n, dtype=seen.dtype))
        self.scale = self.matrix.diagonal().sqrt()

    def root(self) -> Tensor:
        """Factor of every weight ``[rows, n]`` by which its square is about its error."""
        return self.sense.sqrt()[:, None] * self.scale


class _Nearer:
    """Rows of least error plus distance, at any weight of the distance."""

    def __init__(self, p: Problem) -> None:
        self.p = p
        scaled = p.matrix / p.scale[:, None] / p.scale
        self.values, self.vectors = torch.linalg.eigh(scaled)
        self.right = (p.right / p.scale) @ self.vectors

    def __call__(self, target: Tensor, rho: float) -> Tensor:
        """In scaled units, weights times ``scale``; ``target`` likewise."""
        right = self.right + rho * (target @ self.vectors)
        return (right / (self.values.clamp(min=0) + rho)) @ self.vectors.T


def find_pattern(
    problems: list[Problem],
    split: Callable[[list[Tensor]], dict[str, Tensor]],
    project: Callable[[str, Tensor], Tensor],
    join: Callable[[dict[str, Tensor]], list[Tensor]],
) -> dict[str, Tensor]:
    """Masks of a layer's matrices.

    Args:
        problems: all rows of the layer.
        split: rows of the problems, without free columns, as matrices by name.
        project: a matrix, weighed by the importance of its weights, onto the scheme's set.
        join: matrices as rows of the problems again.
    """
    solvers = [_Nearer(p) for p in problems]
    senses = [p.sense.sqrt()[:, None] for p in problems]
    start = [p.start * p.scale for p in problems]

    def projected(rows: list[Tensor]) -> tuple[list[Tensor], dict[str, Tensor]]:
        seen = [r[:, : r.shape[1] - p.free] * s
                for r, p, s in zip(rows, problems, senses, strict=True)]  # fmt: skip
        matrices = {name: project(name, w) for name, w in split(seen).items()}
        masks = {name: w != 0 for name, w in matrices.items()}
        kept = []
        for r, m, p in zip(rows, join({n: k.to(rows[0]) for n, k in masks.items()}), problems,
                           strict=True):  # fmt: skip
            full = torch.ones_like(r)
            full[:, : r.shape[1] - p.free] = m
            kept.append(r * full)
        return kept, masks

    target, masks = projected(start)
    dual = [torch.zeros_like(r) for r in start]
    for step in range(STEPS):
        rho = FIRST * (LAST / FIRST) ** (step / (STEPS - 1))
        rows = [solve(t - d, rho) for solve, t, d in zip(solvers, target, dual, strict=True)]
        moved = [r + d for r, d in zip(rows, dual, strict=True)]
        target, masks = projected(moved)
        dual = [m - t for m, t in zip(moved, target, strict=True)]
    return masks


def solve_rows(p: Problem, mask: Tensor) -> Tensor:
    """Weights ``[rows, n]`` of least error on the kept ones of every row; free columns are kept.

    Columns that all rows keep, of an uncut matrix or the bias, are eliminated once for all rows (a
    Schur complement), so each row costs as much as its other weights.
    """
    rows, n = p.start.shape
    full = torch.ones(rows, n, dtype=torch.bool)
    full[:, : mask.shape[1]] = mask
    common = full.all(0)
    if not bool(common.any()):
        return _each_row(p.matrix, p.right, full)
    matrix = torch.cat([p.matrix[common], p.matrix[~common]])
    many = int(common.sum())
    whole, mixed, others = matrix[:many, common], matrix[:many, ~common], matrix[many:, ~common]
    root = torch.linalg.cholesky(whole)
    moved, first = p.right[:, common], torch.cholesky_solve(mixed, root)
    out = torch.zeros(rows, n, dtype=p.start.dtype)
    rest = _each_row(
        others - mixed.T @ first, p.right[:, ~common] - moved @ first, full[:, ~common]
    )
    out[:, ~common] = rest
    out[:, common] = torch.cholesky_solve(moved.T, root).T - rest @ first.T
    return out


def _each_row(matrix: Tensor, right: Tensor, full: Tensor) -> Tensor:
    """Each row's solution on its own columns."""
    rows, n = full.shape
    # A place of its own, beyond the last, for rows with less weights than others of the batch.
    matrix, right = (torch.nn.functional.pad(matrix, (0, 1, 0, 1)),
                     torch.nn.functional.pad(right, (0, 1)))  # fmt: skip
    out = torch.zeros(rows, n + 1, dtype=matrix.dtype)
    count = full.sum(1)
    order = torch.argsort(count, descending=True)
    for some in order.split(BATCH):
        most = int(count[some[0]])
        places = torch.where(full[some], torch.arange(n), n).sort(1).values[:, :most]
        part = matrix[places[:, :, None], places[:, None, :]]
        part.diagonal(dim1=1, dim2=2)[places == n] = 1
        found = torch.cholesky_solve(
            right[some[:, None], places][..., None], torch.linalg.cholesky(part)
        )
        out[some[:, None], places] = found[..., 0]
    return out[:, :n]


def row_errors(p: Problem, rows: Tensor) -> float:
    """Weighed error of rows, up to a constant of the dense ones: 0 for these if z is zd."""
    change = rows - p.start
    return float(((change @ p.matrix) * change).sum(1) @ p.sense)
