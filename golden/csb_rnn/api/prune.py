# SPDX-License-Identifier: Apache-2.0
"""Pruning of a module in one shot, in place."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import torch

from csb_rnn.pruning.admm import AdmmPruner as Pruner
from csb_rnn.pruning.admm import recurrent_matrices
from csb_rnn.pruning.projection import ProjectionError, csb_mask

__all__ = ["Kept", "Pruned", "Pruner", "prune"]


@dataclasses.dataclass(frozen=True)
class Kept:
    """One matrix after pruning.

    Attributes:
        name: of the parameter.
        weights: elements of the matrix.
        kept: of them that are not zero.
        energy: share of the sum of squares that is left.
    """

    name: str
    weights: int
    kept: int
    energy: float

    @property
    def rate(self) -> float:
        """Weights / kept weights."""
        return self.weights / self.kept if self.kept else math.inf


@dataclasses.dataclass(frozen=True)
class Pruned:
    """All pruned matrices of a module."""

    matrices: tuple[Kept, ...]

    def __iter__(self) -> Iterator[Kept]:
        return iter(self.matrices)

    @property
    def rate(self) -> float:
        """Weights / kept weights of all matrices together."""
        kept = sum(m.kept for m in self)
        return sum(m.weights for m in self) / kept if kept else math.inf

    def __str__(self) -> str:
        lines = [f"{'matrix':<28} {'weights':>9} {'kept':>9} {'rate':>7} {'energy':>7}"]
        lines += [
            f"{m.name:<28} {m.weights:>9} {m.kept:>9} {m.rate:>7.2f} {m.energy:>7.3f}" for m in self
        ]
        return "\n".join(lines)


def prune(
    module: torch.nn.Module,
    *,
    rate: float,
    block: int = 32,
    align: tuple[int, int] = (1, 1),
) -> Pruned:
    """Set weights of all recurrent matrices of a module to zero, by magnitude, in CSB blocks.

    Without training this loses accuracy beyond small rates; :class:`Pruner` prunes in training.

    Args:
        module: whatever holds ``weight_ih``, ``weight_hh``, ``weight_hr`` parameters.
        rate: weights / kept weights, at least 1.
        block: side of a block.
        align: rows are kept in groups of P, columns in groups of Q: ``(P, Q)`` of the machine.

    Returns:
        Kept weights and energy by matrix; ``print`` shows a table.

    Raises:
        PruningError: no recurrent matrix.
        ProjectionError: bad arguments; names the matrix.
    """
    done = []
    masks = {}
    for name, parameter in recurrent_matrices(module).items():
        try:
            masks[name] = csb_mask(parameter.detach(), block, rate, align, tolerance=None)
        except ProjectionError as error:
            raise ProjectionError(f"{name}: {error}") from None
    for name, parameter in recurrent_matrices(module).items():
        with torch.no_grad():
            before = float(parameter.double().square().sum())
            parameter.mul_(masks[name])
            after = float(parameter.double().square().sum())
        kept = int(torch.count_nonzero(parameter))
        done.append(Kept(name, parameter.numel(), kept, after / before if before else 1.0))
    return Pruned(tuple(done))
