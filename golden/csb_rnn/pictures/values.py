# SPDX-License-Identifier: Apache-2.0
"""The picture of values over frames: source and machine on the left, their difference right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from csb_rnn.pictures import BLUE, ORANGE, drawing, styled


class Track(NamedTuple):
    """One value over frames; ``source`` is missing if the folder holds no float model."""

    name: str
    machine: NDArray[np.float64]
    source: NDArray[np.float64] | None


def values(found: Sequence[Track]) -> Any:
    """A row for each value."""
    with styled():
        figure = drawing().Figure(figsize=(11, 1.5 * len(found) + 0.8), layout="constrained")
        axes = figure.subplots(len(found), 2, sharex=True, squeeze=False, width_ratios=(2, 1))
        for (left, right), track in zip(axes, found, strict=True):
            frames = np.arange(len(track.machine))
            left.plot(frames, track.machine, "o", color=ORANGE, markersize=3.5, fillstyle="none")
            left.set_ylabel(track.name, rotation=0, ha="right", va="center")
            if track.source is None:
                right.text(0.5, 0.5, "no float model", ha="center", transform=right.transAxes)
                continue
            left.plot(frames, track.source, "-", color=BLUE, linewidth=1)
            apart = track.machine - track.source
            right.plot(frames, apart, "-", color="black", linewidth=1)
            right.set_title(f"largest {np.abs(apart).max():.2g}", loc="right", fontsize=8)
        for axis in axes.flat:
            axis.tick_params(labelsize=8)
            axis.locator_params(axis="y", nbins=4)
        axes[0][0].set_title("line: source in float", color=BLUE, loc="left", fontsize=10)
        axes[0][0].set_title("circles: machine", color=ORANGE, loc="right", fontsize=10)
        axes[0][1].set_title("machine - source", loc="left", fontsize=10)
        for axis in axes[-1]:
            axis.set_xlabel("frame")
    return figure
