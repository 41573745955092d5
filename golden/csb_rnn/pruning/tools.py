# SPDX-License-Identifier: Apache-2.0
"""Patterns as the public pruning tools of torch choose them, behind the interface of a scheme.

``torch.nn.utils.prune`` cuts single weights or whole rows, ``torch.ao.pruning`` dense blocks of
weights. Both hook into modules; an ``nn.LSTM`` hands its kernel the unhooked weights, so each
matrix is given to the tool in a module of its own, and the mask is taken from there.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.ao.pruning import WeightNormSparsifier
from torch.nn.utils import prune

from csb_rnn.pruning.scheme import Masking, check_matrix

__all__ = ["TOOLS", "TorchBlocks", "TorchRows", "TorchWeights"]


class _Holder(nn.Module):
    """A module with one matrix, for tools that know modules alone."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(w.detach().clone())


class TorchWeights(Masking):
    """``torch.nn.utils.prune.l1_unstructured``: the largest weights stay."""

    name = "torch_weights"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
        holder = prune.l1_unstructured(_Holder(w), "weight", w.numel() - round(w.numel() / rate))
        return holder.weight_mask.bool()


class TorchRows(Masking):
    """``torch.nn.utils.prune.ln_structured``: the rows of the largest 2-norm stay."""

    name = "torch_rows"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
        cut = w.shape[0] - round(w.shape[0] / rate)
        return prune.ln_structured(_Holder(w), "weight", cut, n=2, dim=0).weight_mask.bool()


@dataclass
class TorchBlocks(Masking):
    """``torch.ao.pruning.WeightNormSparsifier``: dense blocks of the largest 2-norm stay.

    Attributes:
        shape: rows and columns of a block, of which the matrix has a whole number.
    """

    shape: tuple[int, int] = (4, 4)
    name = "torch_blocks"

    def mask(self, w: Tensor, rate: float) -> Tensor:
        check_matrix(w, rate)
        holder = _Holder(w)
        tool = WeightNormSparsifier(1 - 1 / rate, self.shape, self.shape[0] * self.shape[1], norm=2)
        tool.prepare(holder, [{"tensor_fqn": "weight"}])
        tool.step()
        return dict(holder.named_buffers())["parametrizations.weight.0.mask"].bool()

    def describe(self) -> dict[str, object]:
        return super().describe() | {"block": list(self.shape)}


TOOLS = {tool.name: tool for tool in (TorchWeights, TorchRows, TorchBlocks)}
"""Name -> scheme."""
