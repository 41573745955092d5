# SPDX-License-Identifier: Apache-2.0
"""The picture of an exploration: cycles a frame on each machine, one axis for each rate."""

from __future__ import annotations

from typing import Any, Protocol

from csb_rnn.pictures import BLUE, GREY, drawing, styled


class Found(Protocol):
    """:class:`csb_rnn.api.explore.Exploration`."""

    @property
    def network(self) -> str: ...
    @property
    def points(self) -> tuple[Any, ...]: ...


def explored(found: Found) -> Any:
    """Bars of cycles a frame; each says its cycles and the unit that bounds it. A machine that is
    too small has no bar and says so.

    Args:
        found: as :func:`csb_rnn.explore` gives it.
    """
    groups: dict[tuple[float | None, int | None], list[Any]] = {}
    for point in found.points:
        groups.setdefault((point.rate, point.block), []).append(point)
    rows = max(len(points) for points in groups.values())
    with styled():
        figure = drawing().Figure(figsize=(7.5, (0.26 * rows + 0.9) * len(groups) + 0.4))
        axes = figure.subplots(len(groups), 1, squeeze=False, sharex=True)[:, 0]
        most = max((p.prediction.cycles for p in found.points if p.fits), default=1)
        for axis, ((rate, block), points) in zip(axes, groups.items(), strict=True):
            names = [f"{p.config.name}, {p.config.pes} PEs" for p in points]
            values = [p.prediction.cycles if p.fits else 0 for p in points]
            axis.barh(range(len(points)), values, color=BLUE, height=0.7)
            for n, p in enumerate(points):
                text = f"{p.prediction.cycles:g}  {p.prediction.bound}" if p.fits else "too small"
                colour = "black" if p.fits else GREY
                axis.text(values[n] + most / 100, n, text, va="center", size=8, color=colour)
            axis.set_yticks(range(len(points)), names)
            axis.invert_yaxis()
            axis.set_xlim(0, most * 1.2)
            axis.grid(visible=False, axis="y")
            at = "" if rate is None else f" at rate {rate:g}"
            axis.set_title(
                f"{found.network}{at}{'' if block is None else f', blocks of {block}'}",
                loc="left",
                size=9,
            )
        axes[-1].set_xlabel("cycles a frame; behind the bar: the unit that bounds it")
        figure.tight_layout()
    return figure
