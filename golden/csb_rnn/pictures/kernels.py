# SPDX-License-Identifier: Apache-2.0
"""The picture of pruned matrices: blocks, the kernel of each, kept weights.

Example: in a block of 4 x 4 whose kernel is rows 0 and 2, columns 1 and 3, four weights are dark.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csb_rnn.errors import UsageError
from csb_rnn.pictures import GREY, drawing, styled

DROPPED, ZERO, KEPT = 0, 1, 2
SHADES = ("white", "#f6cf9e", "#12385f")  # of those three
SIDE = 256  # drawn rows and columns of a matrix: its upper left corner
COLUMNS = 3  # of the picture
MOST = 6  # matrices of a picture, the largest


def cells(w: NDArray[Any], block: int) -> NDArray[np.int8]:
    """DROPPED, ZERO (in a kernel, but 0) or KEPT for each weight of a matrix.

    Example: ``cells(np.eye(2), 2)`` is ``[[KEPT, ZERO], [ZERO, KEPT]]``: two rows and two columns
    stay, so the kernel has four places.
    """
    kept = np.asarray(w) != 0
    height, width = kept.shape
    padded = np.pad(kept, ((0, -height % block), (0, -width % block)))
    parts = padded.reshape(padded.shape[0] // block, block, padded.shape[1] // block, block)
    inside = (parts.any(3, keepdims=True) & parts.any(1, keepdims=True)).reshape(padded.shape)
    return (inside.astype(np.int8) + padded)[:height, :width]


def title(name: str, w: NDArray[Any], block: int) -> str:
    """Lines over a matrix. Example: ``weight_hh_l0: 96 x 32`` and ``768 kept, 1 of 4``."""
    found = cells(w, block)
    kept, inside = int((found == KEPT).sum()), int((found != DROPPED).sum())
    full = "" if kept > 0.995 * inside else f"\nfill {kept / inside:.0%} of the kernels"
    rate = f"1 of {w.size / kept:.3g}" if kept else "none"
    return f"{name}: {w.shape[0]} x {w.shape[1]}\n{kept:,} kept, {rate}{full}"


def kernels(matrices: Mapping[str, NDArray[Any]], block: int | Mapping[str, int]) -> Any:
    """Kept weights of up to 6 matrices, the largest, on the grid of their blocks.

    A weight is dark if it is kept, light if it is a zero of a kernel, white if it was dropped. A
    matrix beyond 256 x 256 is cut to its upper left corner.

    Args:
        matrices: each ``[rows, columns]``, by name.
        block: side of a block, of all or of each by its name.

    Raises:
        UsageError: no matrix, or a block without a side.
    """
    by_size = sorted(matrices, key=lambda name: -np.asarray(matrices[name]).size)[:MOST]
    chosen = [name for name in matrices if name in by_size]
    if not chosen or any(np.ndim(matrices[name]) != 2 for name in chosen):
        raise UsageError("kernels: expected matrices [rows, columns], at least one")
    sides = {name: block if isinstance(block, int) else block[name] for name in chosen}
    if min(sides.values()) < 1:
        raise UsageError("kernels: a block has at least 1 row")
    rows = -(-len(chosen) // COLUMNS)
    with styled():
        from matplotlib.colors import ListedColormap

        figure = drawing().Figure(figsize=(10.5, 4.1 * rows), layout="constrained")
        axes = figure.subplots(rows, min(COLUMNS, len(chosen)), squeeze=False).ravel()
        for axis, name in zip(axes, chosen, strict=False):
            w, side = np.asarray(matrices[name]), sides[name]
            shown = cells(w, side)[:SIDE, :SIDE]
            axis.imshow(shown, cmap=ListedColormap(SHADES), vmin=0, vmax=2, interpolation="nearest")
            for edge in range(side, max(shown.shape), side):
                line = {"color": GREY, "linewidth": 0.4}
                if edge < shown.shape[0]:
                    axis.axhline(edge - 0.5, **line)
                if edge < shown.shape[1]:
                    axis.axvline(edge - 0.5, **line)
            cut = "" if shown.shape == w.shape else "; upper left {} x {}".format(*shown.shape)
            axis.set_title(title(name, w, side), loc="left", size=9)
            axis.set_xlabel(f"blocks of {side} x {side}{cut}", size=8)
            axis.set_xticks([0, shown.shape[1] - 1])
            axis.set_yticks([0, shown.shape[0] - 1])
            axis.grid(visible=False)
            axis.spines[["top", "right"]].set_visible(True)
        for axis in axes[len(chosen) :]:
            axis.set_axis_off()
    return figure
