# SPDX-License-Identifier: Apache-2.0
"""Pruning schemes under one interface: CSB and its rivals.

A scheme projects a matrix ``[H, W]`` onto its set at a *rate*, weights / stored weights. ``rate`` 1
keeps everything, infinity nothing. For the rivals the number kept is the nearest that the pattern
allows. Ties go to the lower index everywhere, so results do not depend on the device.

=================  ======================================================================  =========
name               pattern                                                                  source
=================  ======================================================================  =========
``csb``            compressed structured blocks, see :mod:`csb_rnn.pruning.projection`       CSB-RNN
``unstructured``   the largest weights of the matrix                                        --
``rowcol``         whole rows and whole columns of the matrix: CSB with one block           --
``column``         whole columns of the matrix                                              --
``bank``           every row cut in banks, the same number kept in each bank                BBS
``row``            the same number kept in each row                                         ESE
``circulant``      every k x k block is circulant, k stored values for each; k = rate       C-LSTM
=================  ======================================================================  =========
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from csb_rnn.machine.config import Config
from csb_rnn.pruning.classes import ModelClasses, class_mask, model_classes
from csb_rnn.pruning.joint import joint_mask
from csb_rnn.pruning.projection import ProjectionError, csb_mask

__all__ = ["SCHEMES", "Scheme", "make_scheme"]

SKEWS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 2.0)  # of rows against columns, tried by joint row/column
SWEEPS = 6  # of its rows and columns


class Scheme(Protocol):
    """What the pruner needs of a scheme."""

    name: str
    masks: bool  # the set is a fixed pattern of zeros once it has been chosen

    def project(self, w: Tensor, rate: float) -> Tensor:
        """Nearest member of the set (or the scheme's own approximation of it), detached."""
        ...

    def project_named(self, name: str, w: Tensor, rate: float) -> Tensor:
        """As :meth:`project`, for a matrix of that name."""
        ...

    def for_model(self, tensors: Mapping[str, Tensor]) -> Scheme:
        """The scheme for the matrices of a model, by name."""
        ...

    def metadata(self) -> dict[str, object]:
        """What a checkpoint says of its pattern."""
        ...

    def describe(self) -> dict[str, object]:
        """Settings, for records."""
        ...


def _check(w: Tensor, rate: float) -> None:
    if w.ndim != 2:
        raise ProjectionError(f"expected a matrix, got shape {tuple(w.shape)}")
    if math.isnan(rate) or rate < 1:
        raise ProjectionError(f"rate must be at least 1, got {rate}")
    if not bool(torch.isfinite(w).all()):
        raise ProjectionError("matrix holds NaN or infinity")


def _top(score: Tensor, keep: int) -> Tensor:
    """Boolean mask of the ``keep`` largest along the last axis, ties to the lower index."""
    order = torch.sort(score, dim=-1, descending=True, stable=True).indices
    mask = torch.zeros(score.shape, dtype=torch.bool, device=score.device)
    return mask.scatter_(-1, order[..., :keep], True)


class _Masking(ABC):
    """A scheme given by ``mask(w, rate)``."""

    masks = True
    name = ""

    @abstractmethod
    def mask(self, w: Tensor, rate: float) -> Tensor:
        """True where a weight stays."""

    def project(self, w: Tensor, rate: float) -> Tensor:
        w = w.detach()
        return torch.where(self.mask(w, rate), w, torch.zeros_like(w))

    def project_named(self, name: str, w: Tensor, rate: float) -> Tensor:
        """As :meth:`project`, for a matrix of that name."""
        return self.project(w, rate)

    def metadata(self) -> dict[str, object]:
        """What a checkpoint says of its pattern."""
        return {}

    def for_model(self, tensors: Mapping[str, Tensor]) -> Scheme:
        """The scheme for the matrices of a model: the same for every model."""
        return self

    def describe(self) -> dict[str, object]:
        return {"scheme": self.name}


@dataclass
class Csb(_Masking):
    """Compressed structured blocks, at the exact rate.

    With ``machine``, a configuration or a number of classes, kernels keep as many rows of each
    class (:mod:`csb_rnn.pruning.classes`); the rows of ``align`` do not matter then. Classes belong
    to a model: :meth:`for_model` gives the scheme that has them.
    """

    block: int = 32
    align: tuple[int, int] = (1, 1)
    joint: bool = False  # rows and columns chosen together, see csb_rnn.pruning.joint
    machine: Config | int = 1
    classes: ModelClasses | None = None
    name = "csb"

    @property
    def shared(self) -> int:
        """Classes of a part; 1: kernels are free."""
        return self.machine if isinstance(self.machine, int) else self.machine.shared_cols

    def for_model(self, tensors: Mapping[str, Tensor]) -> Csb:
        """The scheme with classes that suit these matrices; itself if it needs none or has them."""
        if self.shared == 1 or self.classes is not None:
            return self
        return replace(self, classes=model_classes(tensors, self.block, self.machine))

    def project_named(self, name: str, w: Tensor, rate: float) -> Tensor:
        """As :meth:`project`, for a matrix of that name or the rows of one of its gates."""
        if self.classes is None:
            return self.project(w, rate)
        if name not in self.classes.cuts:
            raise ProjectionError("no classes for this matrix")
        _check(w, rate)
        cut, columns = self.classes.cuts[name], self.align[1]
        mask = class_mask(w, rate, cut, self.block, columns, self.joint)
        return torch.where(mask, w.detach(), torch.zeros_like(w))

    def metadata(self) -> dict[str, object]:
        """What a checkpoint says of its pattern."""
        found = {"block": self.block, "align": list(self.align)}
        return found | (self.classes.metadata() if self.classes else {})

    def mask(self, w: Tensor, rate: float) -> Tensor:
        if self.joint:
            return joint_mask(w.detach(), self.block, rate, self.align)
        # The nearest pattern will do: a small matrix in a stack must not stop the training.
        return csb_mask(w.detach(), self.block, rate, self.align, tolerance=None)

    def describe(self) -> dict[str, object]:
        found = {"scheme": self.name, "block": self.block, "align": list(self.align)}
        found |= {"classes": self.shared} if self.shared > 1 else {}
        return found | ({"projection": "joint"} if self.joint else {})


class Unstructured(_Masking):
    """The largest weights of the matrix, wherever they are."""

    name = "unstructured"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        _check(w, rate)
        return _top(w.detach().abs().flatten(), round(w.numel() / rate)).reshape(w.shape)


@dataclass
class RowColumn(_Masking):
    """Whole rows, then whole columns of what is left, the same fraction of each.

    ``joint`` chooses both together: rows by the kept columns and columns by the kept rows in turn,
    for some ratios of their fractions, the one that keeps most.
    """

    joint: bool = False
    name = "rowcol"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        _check(w, rate)
        power = w.detach().square()
        found = [self._of_shape(power, rate, skew) for skew in (SKEWS if self.joint else (1.0,))]
        return max(found, key=lambda mask: float((power * mask).sum()))

    def _of_shape(self, power: Tensor, rate: float, skew: float) -> Tensor:
        """Mask of ``height * skew / sqrt(rate)`` rows, as many columns as the rate leaves."""
        height, width = power.shape
        count = min(height, round(height * skew / math.sqrt(rate)))
        columns = min(width, round(power.numel() / rate / max(count, 1)))
        cols = torch.ones(width, dtype=torch.bool, device=power.device)
        for _ in range(SWEEPS if self.joint else 1):
            rows = _top((power * cols).sum(1), count)
            cols = _top((power * rows[:, None]).sum(0), columns)
        return rows[:, None] & cols[None, :]

    def describe(self) -> dict[str, object]:
        return super().describe() | ({"projection": "joint"} if self.joint else {})


class Column(_Masking):
    """Whole columns."""

    name = "column"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        _check(w, rate)
        cols = _top(w.detach().square().sum(0), round(w.shape[1] / rate))
        return cols[None, :].expand(w.shape).clone()


@dataclass
class BankBalanced(_Masking):
    """Each row in banks of ``bank`` weights, an equal number kept in each (Cao et al., FPGA 2019).

    The number is ``bank / rate``; where that is no integer, banks take it cumulatively rounded,
    so that the matrix meets the rate and banks differ by at most one.
    """

    bank: int = 32
    name = "bank"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        _check(w, rate)
        height, width = w.shape
        bank = min(self.bank, width)
        padded = functional.pad(w.detach().abs(), (0, -width % bank), value=-1.0)
        score = padded.reshape(height, -1, bank)
        banks = score.shape[1]
        sizes = (score[0] >= 0).sum(-1).double().cpu().repeat(height)  # the last bank may be short
        edges = functional.pad(torch.round(sizes.cumsum(0) / rate), (1, 0))
        keep = edges.diff().reshape(height, banks, 1).to(w.device)
        order = torch.sort(score, dim=-1, descending=True, stable=True).indices
        rank = torch.empty_like(order).scatter_(
            -1, order, torch.arange(bank, device=w.device).expand_as(order)
        )
        return ((rank < keep) & (score >= 0)).reshape(height, -1)[:, :width]

    def describe(self) -> dict[str, object]:
        return {"scheme": self.name, "bank": self.bank}


class RowBalanced(_Masking):
    """An equal number kept in each row (Han et al., FPGA 2017); rows differ by at most one."""

    name = "row"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        _check(w, rate)
        return BankBalanced(bank=w.shape[1]).mask(w, rate)


class BlockCirculant:
    """k x k circulant blocks (Wang et al., FPGA 2018); k is the rate, rounded.

    The projection is exact: every wrapped diagonal is replaced with its mean. Blocks cut short by
    the matrix's edge average what they have.
    """

    name = "circulant"
    masks = False
    project_named = _Masking.project_named
    for_model = _Masking.for_model
    metadata = _Masking.metadata

    def project(self, w: Tensor, rate: float) -> Tensor:
        _check(w, rate)
        if math.isinf(rate):
            return torch.zeros_like(w)
        k = round(rate)
        height, width = w.shape
        rows, cols = -(-height // k), -(-width // k)
        i = torch.arange(height, device=w.device)[:, None]
        j = torch.arange(width, device=w.device)[None, :]
        block = (i // k) * cols + j // k
        slot = (block * k + (i - j) % k).flatten()
        total = torch.zeros(rows * cols * k, dtype=w.dtype, device=w.device)
        count = torch.zeros_like(total)
        total.scatter_add_(0, slot, w.detach().flatten())
        count.scatter_add_(0, slot, torch.ones_like(w).flatten())
        return (total / count.clamp(min=1))[slot].reshape(w.shape)

    def describe(self) -> dict[str, object]:
        return {"scheme": self.name}


SCHEMES: dict[str, Callable[..., Scheme]] = {
    "csb": Csb,
    "unstructured": Unstructured,
    "rowcol": RowColumn,
    "column": Column,
    "bank": BankBalanced,
    "row": RowBalanced,
    "circulant": BlockCirculant,
}


def make_scheme(
    name: str,
    block: int = 32,
    align: tuple[int, int] = (1, 1),
    joint: bool = False,
    machine: Config | int = 1,
) -> Scheme:
    """A scheme by name; ``block`` and ``align`` are for ``csb``, ``block`` also is a bank.

    ``joint`` has ``csb`` and ``rowcol`` choose rows and columns together. ``machine``, for ``csb``:
    a configuration, or a number of classes of which kernels keep as many rows each.
    """
    if name not in SCHEMES:
        raise ProjectionError(f"unknown scheme {name!r}; known: {', '.join(SCHEMES)}")
    if joint and name not in ("csb", "rowcol"):
        raise ProjectionError(f"scheme {name!r} has no rows and columns to choose together")
    if name != "csb" and machine != 1:
        raise ProjectionError(f"scheme {name!r} has no classes: only csb has")
    if name == "csb":
        return Csb(block, align, joint, machine)
    if name == "rowcol":
        return RowColumn(joint)
    if name == "bank":
        return BankBalanced(block)
    return SCHEMES[name]()
