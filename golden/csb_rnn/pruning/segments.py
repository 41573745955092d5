# SPDX-License-Identifier: Apache-2.0
"""Segments of blocks, ranked: the choice of every projection onto compressed structured blocks.

A segment is one row or one column of a block. Segments make groups, and groups of a line of blocks
are ranked by their energy. The segments of a group are free (the P best of a block), or
:class:`Labels` say it (one of each class). Example: energies 9, 3, 8, 1 in groups of two are the
groups (9, 8) and (3, 1); with classes 0, 1, 0, 1 the groups (9, 3) and (8, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["NO_LABELS", "LabelPair", "Labels", "Ranked", "rank_segments", "squares"]


def _ranks(key: Tensor) -> Tensor:
    """Rank (0 = largest) of each element along the last axis; ties to the lower index."""
    order = torch.sort(key, dim=-1, descending=True, stable=True).indices
    rank = torch.empty_like(order)
    rank.scatter_(-1, order, torch.arange(key.shape[-1], device=key.device).expand_as(order))
    return rank


@dataclass
class Ranked:
    """Segments of one pass, ranked.

    ``rank[line, block, i]`` is the rank, along its line of blocks (a block-column for rows, a
    block-row for columns), of the group of segment ``i`` of a block.
    """

    rank: Tensor  # [B, lines, blocks, segments per block]
    lines: int
    groups: int  # ranked slots of a line, those without energy included

    def keep(self, totals: Tensor) -> Tensor:
        """Boolean ``[B, lines, blocks, segments]``: the segments kept; ``totals`` is ``[B]``."""
        line = torch.arange(self.lines, device=totals.device)
        limit = totals[:, None] // self.lines + (line < totals[:, None] % self.lines)
        return self.rank < limit[:, :, None, None]


@dataclass(frozen=True)
class Labels:
    """Segments of possible groups, along one side of a matrix of whole blocks.

    Attributes:
        kind: int64 ``[.., n]``, of every block; segments are ranked among those of their kind.
        part: int64 ``[kinds]``: segments of the same rank, of all kinds of a part, are a group.
        size: so many ranks in a row are one group.

    Rows by class: kind = part * C + class, ``part`` says so, ``size`` 1: a group has the best row
    of every class, then the second best. Columns: kind = part, ``size`` Q.
    """

    kind: Tensor
    part: Tensor
    size: int

    def members(self, energy: Tensor) -> tuple[Tensor, int]:
        """Group of every segment in its block, of ``energy [.., n]``, and their number."""
        kind = self.kind.expand(energy.shape)
        order = torch.sort(energy, dim=-1, descending=True, stable=True).indices
        by_kind = torch.sort(kind.gather(-1, order), dim=-1, stable=True).indices
        order = order.gather(-1, by_kind)
        kinds = len(self.part)
        count = torch.nn.functional.one_hot(self.kind, kinds).sum(-2)  # [.., kinds]
        start = (count.cumsum(-1) - count).expand(*energy.shape[:-1], kinds)
        shown = kind.gather(-1, order)
        within = torch.arange(energy.shape[-1]) - start.gather(-1, shown)
        each = -(-int(count.max()) // self.size)
        group = self.part[shown] * each + torch.div(within, self.size, rounding_mode="floor")
        out = torch.empty_like(order).scatter_(-1, order, group)
        return out, (int(self.part.max()) + 1) * each


def rank_segments(energy: Tensor, group: int, labels: Labels | None = None) -> Ranked:
    """Rank segments ``energy [B, lines, blocks, n]`` in groups of ``group`` along each line, or in
    those of ``labels``."""
    batch, lines, blocks, n = energy.shape
    if group == 1 and labels is None:
        rank = _ranks(energy.reshape(batch, lines, blocks * n)).reshape(energy.shape)
        groups = blocks * n
    else:
        if labels is None:
            per_block = -(-n // group)
            member = torch.div(_ranks(energy), group, rounding_mode="floor")  # inside the block
        else:
            member, per_block = labels.members(energy)
        total = energy.new_zeros(batch, lines, blocks, per_block)
        total.scatter_add_(-1, member, energy)
        rank_of_group = _ranks(total.reshape(batch, lines, blocks * per_block))
        rank = torch.gather(rank_of_group.reshape(total.shape), -1, member)
        groups = blocks * per_block
    # A segment without energy (padding is one) is never kept, however much room there is.
    rank = torch.where(energy > 0, rank, torch.full_like(rank, groups * lines + 1))
    return Ranked(rank, lines, groups)


def squares(x: Tensor, block_h: int, block_w: int) -> Tensor:
    """Squares of ``x [B, H, W]`` as ``[B, block-rows, block-columns, R, C]``, padded with 0."""
    batch, height, width = x.shape
    rows, cols = -(-height // block_h), -(-width // block_w)
    short = height % block_h or width % block_w
    out = (torch.zeros if short else torch.empty)(
        (batch, rows, cols, block_h, block_w), dtype=x.dtype, device=x.device
    )
    view = out.permute(0, 1, 3, 2, 4)  # [B, block-rows, R, block-columns, C]
    for h0, h1, r in ((0, height // block_h, block_h), (height // block_h, rows, height % block_h)):
        for w0, w1, c in (
            (0, width // block_w, block_w),
            (width // block_w, cols, width % block_w),
        ):
            if h1 > h0 and w1 > w0:  # whole blocks, short columns, short rows, the corner
                part = x[:, h0 * block_h : h0 * block_h + (h1 - h0) * r]
                part = part[:, :, w0 * block_w : w0 * block_w + (w1 - w0) * c]
                part = part.reshape(batch, h1 - h0, r, w1 - w0, c)
                torch.mul(part, part, out=view[:, h0:h1, :r, w0:w1, :c])
    return out


LabelPair = tuple[Labels | None, Labels | None]
"""Of rows and of columns."""
NO_LABELS: LabelPair = (None, None)
