# SPDX-License-Identifier: Apache-2.0
"""Rival schemes: other patterns of the literature behind the same interface.

The number kept is the nearest one of the pattern.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from csb_rnn.pruning.scheme import Masking, check_matrix, largest

__all__ = [
    "BankBalanced",
    "BlockCirculant",
    "Column",
    "RowBalanced",
    "RowColumn",
    "Unstructured",
]

SKEWS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 2.0)  # of rows against columns, tried by joint row/column
SWEEPS = 6  # of its rows and columns


class Unstructured(Masking):
    """The largest weights of the matrix, wherever they are."""

    name = "unstructured"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
        return largest(w.detach().abs().flatten(), round(w.numel() / rate)).reshape(w.shape)


@dataclass
class RowColumn(Masking):
    """Whole rows, then whole columns of the rest, the same fraction of each.

    ``joint`` chooses both together: rows by the kept columns and columns by the kept rows in turn,
    for some ratios of their fractions, the one with most kept.
    """

    joint: bool = False
    name = "rowcol"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
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
            rows = largest((power * cols).sum(1), count)
            cols = largest((power * rows[:, None]).sum(0), columns)
        return rows[:, None] & cols[None, :]

    def describe(self) -> dict[str, object]:
        return super().describe() | ({"projection": "joint"} if self.joint else {})


class Column(Masking):
    """Whole columns."""

    name = "column"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
        cols = largest(w.detach().square().sum(0), round(w.shape[1] / rate))
        return cols[None, :].expand(w.shape).clone()


@dataclass
class BankBalanced(Masking):
    """Each row in banks of ``bank`` weights, an equal number kept in each (Cao et al., FPGA 2019).

    The number is ``bank / rate``; where this is no integer, banks take it cumulatively rounded,
    so the matrix meets the rate and banks differ by at most one.
    """

    bank: int = 32
    name = "bank"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
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


class RowBalanced(Masking):
    """An equal number kept in each row (Han et al., FPGA 2017); rows differ by at most one."""

    name = "row"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
        return BankBalanced(bank=w.shape[1]).mask(w, rate)


class BlockCirculant:
    """k x k circulant blocks (Wang et al., FPGA 2018); k is the rate, rounded.

    The projection is exact: every wrapped diagonal is replaced with its mean. Blocks cut short by
    the matrix's edge average their part.
    """

    name = "circulant"
    masks = False
    project_named = Masking.project_named
    for_model = Masking.for_model
    metadata = Masking.metadata

    def project(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
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
