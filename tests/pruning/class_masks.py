# SPDX-License-Identifier: Apache-2.0
"""Masks of pruned matrices whose units have classes."""

from __future__ import annotations

import numpy as np


def check(mask: np.ndarray, classes: np.ndarray, shared: int, columns: int, block: int) -> int:
    """Every kernel of every gate keeps as many rows of all classes of a part; its columns are a
    multiple of ``columns``. Returns the number of kernels. Units and columns fill blocks."""
    units, kernels = len(classes), 0
    for gate in np.split(mask, len(mask) // units):
        for i in range(0, units, block):
            for j in range(0, mask.shape[1], block):
                kernel = gate[i : i + block, j : j + block]
                kept = np.bincount(classes[i : i + block][kernel.any(1)], minlength=shared)
                for part in np.split(kept, len(kept) // shared):
                    assert len(set(part.tolist())) == 1, (i, j, kept)
                assert kernel.any(0).sum() % columns == 0
                assert np.array_equal(kernel, kernel.any(1)[:, None] & kernel.any(0))
                kernels += kernel.any()
    return int(kernels)
