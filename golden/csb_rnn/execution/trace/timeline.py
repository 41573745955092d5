# SPDX-License-Identifier: Apache-2.0
"""A recorded prediction as intervals: the work of each unit, and the cause of each wait."""

from __future__ import annotations

import dataclasses

import numpy as np

from csb_rnn.execution import timing
from csb_rnn.execution.timing import Timing
from csb_rnn.execution.units import Record
from csb_rnn.machine import isa
from csb_rnn.program.program import Program


@dataclasses.dataclass(frozen=True)
class Stall:
    """A PEGroup word held by events: it could issue at ``begin`` and did at ``end`` or later.

    ``cause`` is the wait for ``event`` of ``back`` iterations before, the last one to come; no
    event if all were there and the word was only compared with them (``lat_wait``).
    """

    iteration: int
    word: int
    begin: int
    end: int
    cause: str
    event: int | None
    back: int


COMPARED = "wait for the comparison of events"


@dataclasses.dataclass(frozen=True)
class Burst:
    """Words ``first`` to ``last`` (not included) of a PEGroup, issued one a cycle from ``begin``.

    ``reads`` names the event of its first word's wait.
    """

    iteration: int
    first: int
    last: int
    begin: int
    reads: str


@dataclasses.dataclass
class Timeline:
    """The work in ``iterations`` frames; times as in :class:`csb_rnn.execution.timing.Timing`.

    Attributes:
        bursts, stalls: of each PEGroup, in order; the last, unfinished iteration included.
    """

    program: Program
    iterations: int
    times: Timing
    record: Record
    bursts: list[list[Burst]]
    stalls: list[list[Stall]]


def event_names(p: Program) -> dict[int, str]:
    """The name of each event of a program: ``x``, ``drained`` or ``vector``; further vectors, in
    the order of their writing, are ``vector 2`` and so on."""
    names = {isa.EVENT_X: "x"}
    names |= {w["evt"]: "drained" for w in p.drain if w.get("evt_en")}
    written = [w["evt"] for w in p.elem[p.elem_loop :] if w.get("evt_en")]
    return names | {e: f"vector {n}" if n > 1 else "vector" for n, e in enumerate(written, 1)}


def cause(name: str, back: int) -> str:
    """A wait in words.

    Args:
        name: of the event, from :func:`event_names`.
        back: how many iterations ago it was to happen.
    """
    if name == "x":
        return "wait for input x"
    if name == "drained":
        return "wait for drained accumulators"
    return f"wait for {'recurrent' if back else 'new'} {name}"


def _group(p: Program, g: int, record: Record) -> tuple[list[Burst], list[Stall]]:
    """Bursts and stalls of one PEGroup."""
    names, ctl = event_names(p), p.groups[g].ctl
    bursts, stalls = [], []
    waiting = np.flatnonzero(ctl["w0_en"] | ctl["w1_en"]).tolist()
    met: dict[tuple[int, int], list] = {}
    for wait in record.waits[g]:
        met.setdefault(wait[:2], []).append(wait)
    for n, start in enumerate(record.begins[g]):
        begin, at, reads = start, 0, ""
        for word in waiting:
            if word > at:
                bursts.append(Burst(n, at, word, begin, reads))
            waits = met.get((n, word), [])
            if len(waits) < int(ctl["w0_en"][word]) + int(ctl["w1_en"][word]):
                break  # the end of the recording: its events never come
            free = waits[0][2]
            *_, ready, event, back = max(waits, key=lambda w: w[3])
            issue = max(free, ready) + isa.lat_wait(p.config)
            if ready > free:
                why = cause(names[event], back)
                stalls.append(Stall(n, word, free, issue, why, event, back))
            elif issue > free:
                stalls.append(Stall(n, word, free, issue, COMPARED, None, 0))
            vectors = [names[w[4]] for w in waits if names[w[4]] != "drained"]
            reads = vectors[0] if vectors else ""
            begin, at = issue, word
        else:
            bursts.append(Burst(n, at, len(p.groups[g]), begin, reads))
    return bursts, stalls


def timeline(p: Program, iterations: int) -> Timeline:
    """Predict a run of ``iterations`` frames and keep everything."""
    record = Record()
    times = timing.predict(p, iterations, record)
    pairs = [_group(p, g, record) for g in range(len(p.groups))]
    return Timeline(
        p, iterations, times, record, [bursts for bursts, _ in pairs], [s for _, s in pairs]
    )


SKID_BEATS = 2  # beats taken ahead of writing them
FREED = 0  # last chunk of a beat on the bus -> the next beat for its place can be taken


def first_beats(t: Timeline) -> np.ndarray:
    """[frames] cycle of the first beat of each input frame, beats always waiting."""
    p = t.program
    values = p.config.values_per_beat  # of a beat
    freed: list[int] = []  # cycle of each beat's place becoming free
    taken, out = -1, []
    for chunks in t.record.inputs:
        for beat in range(p.in_beats):
            k = len(freed) - SKID_BEATS
            taken = max(taken + 1, freed[k] if k >= 0 else 0)
            if not beat:
                out.append(taken)
            end = min(p.inputs, (beat + 1) * values)
            freed.append(chunks[-(-end // p.config.x_per_cycle) - 1] + FREED)
    return np.array(out)
