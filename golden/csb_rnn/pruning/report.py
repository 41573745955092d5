# SPDX-License-Identifier: Apache-2.0
"""Kept weights, matrix by matrix, and the pruned module as a file to load back."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from csb_rnn.network.pruned_file import save_state
from csb_rnn.network.stacking import torch_cell
from csb_rnn.pruning.matrices import PruningError, module_of
from csb_rnn.pruning.order import Order
from csb_rnn.pruning.scheme import Scheme

__all__ = ["LITTLE", "Kept", "Pruned", "kept_of", "metadata_of"]

LITTLE = 0.6
"""A one-shot cut that keeps less energy than this share ruins most networks without training."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """One matrix after pruning.

    Attributes:
        name: of the parameter.
        weights: elements of the matrix.
        kept: weights other than zero.
        size: sum of squares of all elements.
        energy: share of it left.
    """

    name: str
    weights: int
    kept: int
    size: float
    energy: float

    @property
    def rate(self) -> float:
        """Weights / kept weights."""
        return self.weights / self.kept if self.kept else math.inf


def kept_of(name: str, whole: Tensor, kept: Tensor, energy: float | None = None) -> Kept:
    """Figures of one matrix from its weights before and after pruning, of one shape.

    ``energy`` is the share left, if it is known.
    """

    def squares(w: Tensor) -> float:
        return float(w.detach().double().square().sum())

    size = squares(whole)
    if energy is None:
        energy = squares(kept) / size if size else 1.0
    return Kept(name, kept.numel(), int(torch.count_nonzero(kept)), size, energy)


@dataclasses.dataclass(frozen=True)
class Pruned:
    """All pruned matrices of a module.

    Attributes:
        matrices: one for each, in the order of the module.
        metadata: the pattern as in a file (``csb.block``, ``csb.unit_class``, ...).
        module: the pruned one, if it was a module.
    """

    matrices: tuple[Kept, ...]
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    module: nn.Module | None = dataclasses.field(default=None, repr=False, compare=False)

    def __iter__(self) -> Iterator[Kept]:
        return iter(self.matrices)

    @property
    def rate(self) -> float:
        """Weights / kept weights of all matrices together."""
        kept = sum(m.kept for m in self)
        return sum(m.weights for m in self) / kept if kept else math.inf

    @property
    def energy(self) -> float:
        """Share left of the sum of squares of all matrices together."""
        size = sum(m.size for m in self)
        return sum(m.energy * m.size for m in self) / size if size else 1.0

    @property
    def warning(self) -> str | None:
        """One line if too little energy is left without training; else None."""
        if self.energy >= LITTLE:
            return None
        return (
            f"rate {self.rate:.3g} in one shot keeps {self.energy:.0%} of the energy of the"
            " weights: without training results will be far worse; prune in the training loop"
            " (docs/use/pruning.md) or at a lower rate"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the module's state dict, which loads with ``strict=True``, metadata beside it.

        Raises:
            PruningError: parameters were pruned, not a module.
            CheckpointError: the file cannot be written.
        """
        if self.module is None:
            raise PruningError("parameters were pruned, not a module: there is no state dict")
        save_state(path, self.module.state_dict(), {**self.metadata, "rate": round(self.rate, 4)})

    def __str__(self) -> str:
        def line(name: str, m: Kept | Pruned, weights: int, kept: int) -> str:
            return f"{name:<28} {weights:>9} {kept:>9} {m.rate:>7.2f} {m.energy:>7.3f}"

        lines = [f"{'matrix':<28} {'weights':>9} {'kept':>9} {'rate':>7} {'energy':>7}"]
        lines += [line(m.name, m, m.weights, m.kept) for m in self]
        if len(self.matrices) > 1:
            sums = sum(m.weights for m in self), sum(m.kept for m in self)
            lines.append(line("all", self, *sums))
        return "\n".join(lines)


def _cell(module: nn.Module | None, names: Iterable[str]) -> dict[str, str]:
    """The cell of the one recurrent module of torch among those names, if there is one."""
    homes = {module_of(name) for name in names}
    if module is None or len(homes) != 1:
        return {}
    found = module.get_submodule(homes.pop().removesuffix("."))
    return {"cell": torch_cell(found)} if isinstance(found, nn.RNNBase) else {}


def metadata_of(
    module: nn.Module | None, names: Iterable[str], scheme: Scheme, orders: Mapping[str, Order]
) -> dict[str, Any]:
    """A pattern as metadata of a file.

    Args:
        module: the owner of the matrices, if it is known.
        names: of the matrices. If they are of one module, names in the metadata have no prefix.
        scheme: with its classes.
        orders: of rows and columns, by name.
    """
    found = _cell(module, names) | scheme.metadata()
    homes = {module_of(name) for name in names}
    only = homes.pop() if len(homes) == 1 else ""
    for axis, key in enumerate(("row_order", "col_order") if orders else ()):
        found[key] = {name.removeprefix(only): o[axis].tolist() for name, o in orders.items()}
    return found
