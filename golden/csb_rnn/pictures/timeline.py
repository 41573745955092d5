# SPDX-License-Identifier: Apache-2.0
"""The picture of a timeline: who worked when over some frames, and why the others waited."""

from __future__ import annotations

import dataclasses
from typing import Any

from csb_rnn.errors import UsageError
from csb_rnn.execution.trace import Timeline, trace_events
from csb_rnn.pictures import drawing, styled

FRAMES = 3
LETTERS = 175  # of one row's width, in the size of its labels
WORK, FRAME, WAIT = "#8db9de", "#a9d3a9", "#f4dcb8"


@dataclasses.dataclass(frozen=True)
class Slice:
    """A piece of a row: ``name`` is work or a wait, from ``begin`` to ``end`` in cycles."""

    row: str
    name: str
    begin: int
    end: int

    @property
    def waits(self) -> bool:
        return self.name.startswith("wait")


def window(t: Timeline, frames: int = FRAMES) -> tuple[int, int]:
    """First and last cycle of some frames from the middle of the run on."""
    ends = t.times.last_out
    first = max(0, t.iterations // 2 - 1)
    begin, end = int(ends[first]), int(ends[min(first + frames, t.iterations - 1)])
    return (begin, end) if end > begin else (0, int(ends[-1]) + 1)


def slices(t: Timeline, frames: int = FRAMES) -> list[Slice]:
    """Everything in the window, cut at its edges; the order of rows is the picture's."""
    events = trace_events(t)["traceEvents"]
    names = {
        (e["pid"], e["tid"]): e["args"]["name"] for e in events if e.get("name") == "thread_name"
    }
    begin, end = window(t, frames)
    found = [
        ((e["pid"], e["tid"]), e["name"], max(begin, e["ts"]), min(end, e["ts"] + e["dur"]))
        for e in events
        if e["ph"] == "X" and e["ts"] < end and e["ts"] + e["dur"] > begin
    ]
    return [Slice(names[track], *rest) for track, *rest in sorted(found)]


def timeline(t: Timeline, frames: int = FRAMES) -> Any:
    """A row for each PEGroup, unit and stream; waits are hatched and say for which event.

    Args:
        t: of :func:`csb_rnn.execution.trace.timeline`.
        frames: drawn from the middle of the run on, at least 1.

    Raises:
        UsageError: no frame.
    """
    if frames < 1:
        raise UsageError("timeline: expected at least 1 frame")
    found, (begin, end) = slices(t, frames), window(t, frames)
    rows = list(dict.fromkeys(s.row for s in found))
    with styled():
        figure = drawing().Figure(figsize=(13, 0.42 * len(rows) + 1.2), layout="constrained")
        axis = figure.subplots()
        for s in found:
            colour = WAIT if s.waits else FRAME if s.name.startswith("frame") else WORK
            y, width = rows.index(s.row), s.end - s.begin
            axis.barh(
                y, width, left=s.begin, height=0.8, color=colour,
                hatch="////" if s.waits else None, edgecolor="white", linewidth=0.8,
            )  # fmt: skip
            name = s.name.removeprefix("multiply by ").removeprefix("wait for ")
            if width / (end - begin) * LETTERS > len(name):
                axis.text(s.begin + width / 2, y, name, ha="center", va="center", fontsize=7)
        axis.set_yticks(range(len(rows)), rows, fontsize=8)
        axis.invert_yaxis()
        axis.set_xlim(begin, end)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel("cycle; plain: work, by the vector that is multiplied; hatched: waits")
    return figure
