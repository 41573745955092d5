# SPDX-License-Identifier: Apache-2.0
"""The picture of results against pruning rates: one axis for each way of pruning.

Each axis shows its own line dark and labelled, and the lines of the others in grey behind it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from csb_rnn.errors import UsageError
from csb_rnn.pictures import BLUE, GREY, ORANGE, drawing, styled

COLUMNS = 4
TICKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclasses.dataclass(frozen=True)
class Curve:
    """Results of one way of pruning.

    Attributes:
        name: over its axis.
        values: rate -> result on the judged data.
        test: rate -> result on other data; none if there is none.
        reached: the largest rate within the target; None if there is none.
    """

    name: str
    values: Mapping[float, float]
    test: Mapping[float, float] = dataclasses.field(default_factory=dict)
    reached: float | None = None


def _line(axis: Any, values: Mapping[float, float], **style: Any) -> None:
    found = sorted(values)
    axis.plot(found, [values[rate] for rate in found], **style)


def _label(axis: Any, values: Mapping[float, float], text: str, colour: str, above: bool) -> None:
    """Text beside the last point of a line."""
    last = max(values)
    axis.annotate(
        text, (last, values[last]), (4, 5 if above else -8), textcoords="offset points", size=8,
        color=colour, annotation_clip=False,
    )  # fmt: skip


def _span(values: Sequence[float]) -> tuple[float, float]:
    room = 0.12 * ((max(values) - min(values)) or abs(values[0]) or 1)
    return min(values) - room, max(values) + room


def heading(curve: Curve, target: float | None) -> str:
    """The name of a curve, and below it the largest rate within the target."""
    if target is None:
        return curve.name
    met = "not met" if curve.reached is None else f"met up to {curve.reached:g}x"
    return f"{curve.name}\ntarget {met}"


def rates(
    curves: Sequence[Curve],
    metric: str,
    target: float | None = None,
    dense: float | None = None,
    name: str = "",
) -> Any:
    """Result against rate, an axis for each curve; the reached rate is in its title.

    Args:
        curves: at least one, each with a point at least.
        metric: of the results, beside the axis. Example: ``accuracy, %``.
        target: worst result that counts as reached.
        dense: result without pruning.
        name: of the task, over the picture.

    Raises:
        UsageError: no curve, or one without a point.
    """
    if not curves or not all(c.values for c in curves):
        raise UsageError("rates: expected curves with at least one point each")
    columns = min(COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    every = [v for c in curves for v in (*c.values.values(), *c.test.values())]
    every += [v for v in (target, dense) if v is not None]
    points = sorted({rate for c in curves for rate in (*c.values, *c.test)})
    ticks = [t for t in TICKS if points[0] <= t <= points[-1]] or points[:1]
    with styled():
        figure = drawing().Figure(figsize=(2.75 * columns + 0.6, 2.3 * rows + 0.7))
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for n, (axis, curve) in enumerate(zip(axes, curves, strict=False)):
            for other in curves:
                if other is not curve:
                    _line(axis, other.values, color="0.85", linewidth=1)
            known = {"target": target, "dense": dense}
            lines = sorted((v, text) for text, v in known.items() if v is not None)
            for (value, text), side in zip(lines, ("top", "bottom")[-len(lines) :], strict=False):
                axis.axhline(value, color=GREY, linewidth=0.9, linestyle=":")
                if n % columns == 0:
                    axis.text(points[0] / 1.1, value, text, size=7.5, va=side, color="0.35")
            _line(axis, curve.values, color=BLUE, marker="o", markersize=3.5, linewidth=1.6)
            high = True
            if curve.test:
                style = {"color": ORANGE, "linewidth": 1.1, "linestyle": "--", "markersize": 3.5}
                _line(axis, curve.test, marker="s", markerfacecolor="white", **style)
                high = curve.values[max(curve.values)] >= curve.test[max(curve.test)]
                _label(axis, curve.test, "test", ORANGE, not high)
                _label(axis, curve.values, "valid", BLUE, high)
            axis.set_title(heading(curve, target), loc="left", size=8.5)
            if curve.reached is not None:
                axis.axvline(curve.reached, color=BLUE, linewidth=0.7, linestyle="-", alpha=0.5)
            axis.set(xscale="log", ylim=_span(every), xlim=(points[0] / 1.15, points[-1] * 1.55))
            axis.minorticks_off()
            axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
            axis.tick_params(labelbottom=True, labelsize=8)
            if n % columns == 0:
                axis.set_ylabel(metric)
            if n + columns >= len(curves):
                axis.set_xlabel("rate: weights / kept weights", size=8)
        for axis in axes[len(curves) :]:
            axis.set_axis_off()
        figure.suptitle(name, x=0.01, ha="left", size=11, fontweight="bold")
        figure.tight_layout()
    return figure
