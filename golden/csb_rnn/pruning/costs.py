# SPDX-License-Identifier: Apache-2.0
"""The storage of pruned matrices, by scheme: values, indices and sizes, in entries and bits.

Example: a kernel of 8 x 12 in a block of 32 x 32 stores 96 values, 20 indices and 2 sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from csb_rnn.network.kernels import kernel_stats
from csb_rnn.pruning.order import Order
from csb_rnn.pruning.rivals import BankBalanced, BlockCirculant, RowBalanced, RowColumn
from csb_rnn.pruning.schemes import Csb, Scheme

__all__ = ["stored_bits"]


def _bits(count: int) -> int:
    """Bits of an index of ``count`` values."""
    return max(1, math.ceil(math.log2(count)))


def _circulant_values(w: Tensor, k: int) -> int:
    """Stored values of a matrix in k x k circulant blocks; edge blocks may need fewer than k."""
    height, width = w.shape
    i, j = np.arange(height)[:, None], np.arange(width)[None, :]
    block = (i // k) * (-(-width // k)) + j // k
    return len(np.unique(block * k + (i - j) % k))


def stored_bits(
    scheme: Scheme,
    matrices: Mapping[str, Tensor],
    rates: Mapping[str, float],
    width: int = 16,
    orders: Mapping[str, Order] | None = None,
    gates: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Cost of a pruned model's matrices.

    Args:
        scheme: of their pruning.
        matrices: name -> ``[H, W]``, pruned.
        rates: name -> the wanted rate.
        width: bits of a weight.
        orders: name -> order of rows and columns of the blocks; costs nothing.
        gates: name -> gates pruned by themselves; row/column stores each of them.

    Returns:
        ``weights``, ``kept`` (non-zeros; stored values for block-circulant), ``achieved``
        (weights / kept), ``stored`` (values stored, zeros inside kernels included),
        ``value_bits``, ``index_bits`` (CSB: row and column indices; unstructured: CSR's columns
        and row pointers), ``size_bits`` (CSB: kernel sizes), ``nio`` and ``csr_nio`` (index
        entries / kept), and for CSB ``kernel`` (mean, standard deviation / mean of ``m * n``, and
        share of empty kernels).
    """
    total = kept = stored = index = size = entries = csr_entries = csr_bits = 0
    areas = []
    for name, w in matrices.items():
        height, columns = w.shape
        nonzeros = int(torch.count_nonzero(w))
        total += w.numel()
        csr_entries += nonzeros + height + 1
        csr = nonzeros * _bits(columns) + (height + 1) * _bits(w.numel() + 1)
        csr_bits += csr
        if isinstance(scheme, BlockCirculant):
            nonzeros = _circulant_values(w, round(rates[name]))
            stored += nonzeros
        elif isinstance(scheme, (Csb, RowColumn)):
            if orders and name in orders:
                w = w[orders[name][0]][:, orders[name][1]]
            parts = (gates or {}).get(name, 1) if isinstance(scheme, RowColumn) else 1
            for part in w.chunk(parts):
                block = scheme.block if isinstance(scheme, Csb) else max(part.shape)
                stats = kernel_stats(part, block)
                stored += stats.stored
                entries += stats.index_entries
                index += stats.index_bits
                size += stats.size_bits
                areas.append((stats.m * stats.n).ravel())
        else:
            stored += nonzeros
            entries += nonzeros
            if isinstance(scheme, BankBalanced):
                index += nonzeros * _bits(min(scheme.bank, columns))
            elif isinstance(scheme, RowBalanced):
                index += nonzeros * _bits(columns)
            else:
                entries += height + 1
                index += csr
        kept += nonzeros
    result: dict[str, Any] = {
        "weights": total,
        "kept": kept,
        "achieved": round(total / kept, 4) if kept else None,
        "stored": stored,
        "value_bits": stored * width,
        "index_bits": index,
        "size_bits": size,
        "nio": round(entries / kept, 4) if kept else None,
        "csr_nio": round(csr_entries / kept, 4) if kept else None,
        "csr_index_bits": csr_bits,
    }
    if isinstance(scheme, Csb):
        area = np.concatenate(areas).astype(float)
        result["kernel"] = {
            "mean": round(float(area.mean()), 3),
            "cv": round(float(area.std() / area.mean()), 4) if area.any() else None,
            "empty": round(float((area == 0).mean()), 4),
        }
    return result
