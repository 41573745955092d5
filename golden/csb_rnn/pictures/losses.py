# SPDX-License-Identifier: Apache-2.0
"""The picture of lost cycles: a bar for each cause, with its share of all PE time."""

from __future__ import annotations

from typing import Any

from csb_rnn.execution.trace import Timeline, lost_cycles
from csb_rnn.pictures import BLUE, ORANGE, drawing, styled

LEAST = 5e-5  # least share of a drawn cause


def causes(t: Timeline) -> list[dict[str, Any]]:
    """Causes with their ``share`` and ``cycles_per_frame``; ``useful`` is one of them."""
    return [c for c in lost_cycles.losses(t).record()["causes"] if abs(c["share"]) > LEAST]


def losses(t: Timeline) -> Any:
    """Bars of shares; the text behind each is the share and its cycles a frame.

    Args:
        t: of :func:`csb_rnn.execution.trace.timeline`.
    """
    record, found = lost_cycles.losses(t).record(), causes(t)
    shares = [c["share"] for c in found]
    with styled():
        figure = drawing().Figure(figsize=(8, 0.4 * len(found) + 1.1), layout="constrained")
        axis = figure.subplots()
        for y, c in enumerate(found):
            axis.barh(y, c["share"], color=BLUE if c["cause"] == "useful" else ORANGE, height=0.7)
            text = f"{c['share']:.1%}, {c['cycles_per_frame']:.1f} cycles a frame"
            axis.text(max(c["share"], 0) + 0.01, y, text, va="center", fontsize=8)
        axis.set_yticks(range(len(found)), [c["cause"] for c in found], fontsize=8)
        axis.invert_yaxis()
        axis.set_xlim(min(0.0, *shares), 1.5 * max(shares))
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axis.grid(visible=False, axis="y")
        axis.set_title(
            f"time of {record['pes']} PEs, {record['cycles_per_frame']:g} cycles a frame",
            loc="left", size=10,
        )  # fmt: skip
    return figure
