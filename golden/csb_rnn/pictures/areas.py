# SPDX-License-Identifier: Apache-2.0
"""The picture of kernel areas: how many blocks have a kernel of a size, network by network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csb_rnn.pictures import BLUE, ORANGE, drawing, styled

COLUMNS, BINS = 3, 20


def shares(areas: NDArray[Any], edges: NDArray[Any]) -> NDArray[np.float64]:
    """Share of blocks between each two edges. Example: areas 0, 0, 16, 40 between 0, 10, 50 are
    half and half."""
    return np.histogram(areas, edges)[0] / max(1, len(areas))


def areas(found: Mapping[str, Mapping[str, NDArray[Any]]]) -> Any:
    """An axis for each network: outlines of the shares of its kinds, each with its mean.

    Args:
        found: ``m * n`` of every block by kind, for example ``trained``, by network; two kinds.
    """
    rows = -(-len(found) // COLUMNS)
    with styled():
        figure = drawing().Figure(figsize=(10.5, 2.4 * rows), layout="constrained")
        axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axis, (name, kinds) in zip(axes, found.items(), strict=False):
            edges = np.linspace(0, max(a.max() for a in kinds.values()) + 1, BINS + 1)
            looks = zip(kinds.items(), ((BLUE, "-"), (ORANGE, "--")), (0.9, 0.78), strict=True)
            for (kind, values), (colour, line), height in looks:
                axis.stairs(
                    shares(values, edges), edges, color=colour, linestyle=line, linewidth=1.5
                )
                text = f"{kind} ({'solid' if line == '-' else 'dashed'}): mean {values.mean():.0f}"
                axis.text(0.97, height, text, size=8, color=colour, ha="right",
                          transform=axis.transAxes)  # fmt: skip
            axis.set_title(name, loc="left", size=9)
            axis.set_xlabel("kept weights of a block, m * n", size=8)
            axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        for axis in axes[len(found) :]:
            axis.set_axis_off()
        axes[0].set_ylabel("of the blocks")
    return figure
