# SPDX-License-Identifier: Apache-2.0
"""A recorded prediction as intervals: what each unit did, and what each wait was for."""

from __future__ import annotations

import dataclasses

import numpy as np

from golden import isa, timing
from golden.program import Program
from golden.timing import Record, Timing


@dataclasses.dataclass(frozen=True)
class Stall:
    """A PEGroup word held by events: it could issue at ``begin`` and did at ``end`` or later.

    ``cause`` is the event that came last.
    """

    iteration: int
    word: int
    begin: int
    end: int
    cause: str


@dataclasses.dataclass(frozen=True)
class Segment:
    """Words ``first`` to ``last`` (not included) of a PEGroup, issued one a cycle from ``begin``.

    ``reads`` names the event that its first word waited for.
    """

    iteration: int
    first: int
    last: int
    begin: int
    reads: str


@dataclasses.dataclass
class Timeline:
    """What happened in ``iterations`` frames; times as in :class:`golden.timing.Timing`.

    Attributes:
        segments, stalls: of each PEGroup, in order; the last, unfinished iteration included.
    """

    program: Program
    iterations: int
    times: Timing
    record: Record
    segments: list[list[Segment]]
    stalls: list[list[Stall]]


def slot_layers(p: Program) -> list[int]:
    """Layer of each unit slot of an iteration, in the order in which they are drained."""
    layer, out = 0, []
    for w in p.drain:
        if w.get("wait_mark"):
            out.append(layer)
        layer += bool(w.get("evt_en"))
    return out


def event_names(p: Program) -> dict[int, tuple[str, int]]:
    """What each event of a program says: ("x", 0), ("drained", layer) or ("vector", layer)."""
    names = {isa.EVENT_X: ("x", 0)}
    for layer, w in enumerate(w for w in p.drain if w.get("evt_en")):
        names[w["evt"]] = ("drained", layer)
    layers, posts = slot_layers(p), 0
    for w in p.elem[p.elem_loop :]:
        posts += bool(w.get("pend"))
        if w.get("evt_en"):
            names[w["evt"]] = ("vector", layers[max(0, posts - 1)])
    return names


def cause(name: tuple[str, int], back: int) -> str:
    """A wait in words.

    Args:
        name: of the event, from :func:`event_names`.
        back: how many iterations ago it was to happen.
    """
    kind, layer = name
    if kind == "x":
        return "wait for input x"
    if kind == "drained":
        return f"wait for drained accumulators of layer {layer}"
    return f"wait for {'recurrent' if back else 'new'} vector of layer {layer}"


def _group(p: Program, g: int, record: Record) -> tuple[list[Segment], list[Stall]]:
    """Segments and stalls of one PEGroup."""
    names, ctl = event_names(p), p.groups[g].ctl
    segments, stalls = [], []
    waiting = np.flatnonzero(ctl["w0_en"] | ctl["w1_en"]).tolist()
    met: dict[tuple[int, int], list] = {}
    for wait in record.waits[g]:
        met.setdefault(wait[:2], []).append(wait)
    for n, start in enumerate(record.begins[g]):
        begin, at, reads = start, 0, ""
        for word in waiting:
            if word > at:
                segments.append(Segment(n, at, word, begin, reads))
            waits = met.get((n, word), ())
            if len(waits) < int(ctl["w0_en"][word]) + int(ctl["w1_en"][word]):
                break  # the end of the recording: its events never come
            free = waits[0][2]
            *_, ready, event, back = max(waits, key=lambda w: w[3])
            if ready > free:
                stalls.append(Stall(n, word, free, ready, cause(names[event], back)))
            vectors = [names[w[4]] for w in waits if names[w[4]][0] != "drained"]
            reads = _title(vectors[0]) if vectors else ""
            begin, at = max(free, ready), word
        else:
            segments.append(Segment(n, at, len(p.groups[g]), begin, reads))
    return segments, stalls


def _title(name: tuple[str, int]) -> str:
    return "x" if name[0] == "x" else f"{name[0]} of layer {name[1]}"


def timeline(p: Program, iterations: int) -> Timeline:
    """Predict a run of ``iterations`` frames and keep everything."""
    record = Record()
    times = timing.predict(p, iterations, record)
    pairs = [_group(p, g, record) for g in range(len(p.groups))]
    return Timeline(
        p, iterations, times, record, [segments for segments, _ in pairs], [s for _, s in pairs]
    )
