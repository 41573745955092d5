# SPDX-License-Identifier: Apache-2.0
"""Kernels of a pruned matrix: how many rows and columns each block keeps, and the cost of indices.

An example: a block of 4 x 4 whose non-zeros lie in rows 0 and 2, columns 1, 2 and 3 has a kernel of
2 x 3. The CSB format stores its 6 values, 5 indices and 2 sizes.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from csb_rnn.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


def _array(w: Tensor | np.ndarray) -> np.ndarray:
    """A matrix or a tensor, of whatever device, as an array."""
    return w if isinstance(w, np.ndarray) else w.detach().cpu().numpy()


def kernel_sizes(w: Tensor | np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``m`` and columns ``n`` of each block's kernel, int64 ``[block-rows, block-columns]``.

    A kernel is the rows and the columns with a non-zero, so any matrix has one.
    """
    a = _array(w)
    if a.ndim != 2:
        raise UsageError(f"expected one matrix, got shape {a.shape}")
    height, width = a.shape
    kept = np.pad(a != 0, ((0, -height % block), (0, -width % block)))
    kept = kept.reshape(kept.shape[0] // block, block, kept.shape[1] // block, block)
    return kept.any(3).sum(1, dtype=np.int64), kept.any(1).sum(2, dtype=np.int64)


@dataclasses.dataclass(frozen=True)
class KernelStats:
    """The CSB form of one matrix. Counts in entries, costs in bits."""

    block: int
    m: np.ndarray  # kernel rows of each block, [block-rows, block-columns]
    n: np.ndarray  # kernel columns
    weights: int  # H * W
    nonzeros: int
    stored: int  # sum of m * n: the values in the format, zeros in kernels included
    index_entries: int  # sum of m + n over blocks with a kernel
    index_bits: int  # row and column indices
    size_bits: int  # (m, n) of every block
    weight_bits: int  # non-zeros * bits of a weight
    csr_index_entries: int  # non-zeros + rows + 1
    csr_index_bits: int

    @property
    def rate(self) -> float:
        return self.weights / self.nonzeros if self.nonzeros else math.inf

    @property
    def nio(self) -> float:
        """Normalised index overhead: index entries / kept weights (3.1)."""
        return self.index_entries / self.nonzeros if self.nonzeros else 0.0

    @property
    def overhead_bits(self) -> float:
        """Index and size bits / bits of the kept weights."""
        return (self.index_bits + self.size_bits) / self.weight_bits if self.weight_bits else 0.0

    @property
    def csr_nio(self) -> float:
        return self.csr_index_entries / self.nonzeros if self.nonzeros else 0.0


def kernel_stats(w: Tensor | np.ndarray, block: int, weight_bits: int = 16) -> KernelStats:
    """Kernel sizes and index cost of a matrix ``[H, W]`` in blocks of ``block``.

    An index takes ``ceil(log2(block))`` bits, a size ``ceil(log2(block + 1))``.
    """
    a = _array(w)
    m, n = kernel_sizes(a, block)
    nonzeros = int(np.count_nonzero(a))
    height, width = a.shape
    entries = int((m + n).sum())
    csr_entries = nonzeros + height + 1
    return KernelStats(
        block=block,
        m=m,
        n=n,
        weights=height * width,
        nonzeros=nonzeros,
        stored=int((m * n).sum()),
        index_entries=entries,
        index_bits=entries * max(1, math.ceil(math.log2(block))),
        size_bits=m.size * 2 * math.ceil(math.log2(block + 1)),
        weight_bits=nonzeros * weight_bits,
        csr_index_entries=csr_entries,
        csr_index_bits=nonzeros * max(1, math.ceil(math.log2(width)))
        + (height + 1) * math.ceil(math.log2(height * width + 1)),
    )
