# SPDX-License-Identifier: Apache-2.0
"""The units of the machine in the timing model: when each of their words issues.

PEGroups, drain unit and element unit are generators: each goes on until it waits for an event,
mark, post, release or credit without a time yet, and yields its place (:data:`Place`). They share
the lists of a :class:`Machine`. The loader of inputs and the output unit are asked frame by frame.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from csb_rnn.machine import isa
from csb_rnn.machine.numerics import Ints
from csb_rnn.program.program import Program

# Cycles of the frame interfaces (hdl/control): beat taken -> first neuron write on the bus,
# last neuron write -> PEGroup issue, frame complete -> first output beat, etc.
IN_FIRST_WRITE = 2  # beat taken -> its first chunk on the neuron bus; one more with `deep`
IN_CREDIT = 3  # last issue of an iteration -> first chunk on the bus of the frame it makes room for
IN_EVENT = 1  # last chunk on the bus -> reading PEGroup word
OUT_FIRST_BEAT = 2  # frame complete (lat_neuron after the element word) -> first beat
OUT_CREDIT = -1  # last beat -> element word for the free half; one more with `deep`

#: Where a unit stands: iteration, word, the word's wait, cycle until which it has come. Example:
#: the drain unit at (3, 7, 0, 512) waits for the mark of word 7 in iteration 3.
Place = tuple[int, int, int, int]


@dataclasses.dataclass
class Record:
    """What :func:`predict` also keeps if it is given one; :mod:`csb_rnn.execution.trace` makes
    sense of it.

    Attributes:
        begins: for each PEGroup, earliest cycle of word 0 of each iteration.
        waits: for each PEGroup and past wait: (iteration, word, cycle in which nothing
            else holds the word, cycle from which the event is there, event, iterations back).
        drain: (end of the gap, mark is there, register set is free) of each word.
        elem: (end of the gap, post is there, output half is free) of each word.
        inputs: cycles of the chunks of each input frame on their way to the neurons.
        outputs: first and last beat of each output frame.
    """

    begins: list[list[int]] = dataclasses.field(default_factory=list)
    waits: list[list[tuple[int, int, int, int, int, int]]] = dataclasses.field(default_factory=list)
    drain: list[tuple[int, int, int]] = dataclasses.field(default_factory=list)
    elem: list[tuple[int, int, int]] = dataclasses.field(default_factory=list)
    inputs: list[list[int]] = dataclasses.field(default_factory=list)
    outputs: list[tuple[int, int]] = dataclasses.field(default_factory=list)


class _NotYetError(Exception):
    """The cause of a unit's wait has no time yet."""


class Machine:
    """State shared by the units."""

    def __init__(self, p: Program, record: Record | None = None) -> None:
        self.p, self.c = p, p.config
        self.record = record
        if record is not None:
            record.begins, record.waits = [[] for _ in p.groups], [[] for _ in p.groups]
        self.events: list[list[int]] = [[] for _ in range(isa.EVENTS)]
        self.marks: list[list[int]] = [[] for _ in p.groups]
        self.iter_done: list[list[int]] = [[] for _ in p.groups]
        self.posts: list[int] = []
        self.releases: list[int] = []
        self.out_done: list[int] = []
        self.out_credits: list[int] = []
        self.bus: set[int] = set()  # cycles of the writer on the neuron bus

    def event(self, evt: int, n: int) -> int:
        """Cycle from which a PEGroup sees the event of iteration n."""
        if n < 0:
            return 0
        if n >= len(self.events[evt]):
            raise _NotYetError
        return self.events[evt][n] + isa.lat_event(self.c)


def pegroup(m: Machine, g: int) -> Iterator[Place]:
    """A PEGroup: yields after every iteration."""
    prog = m.p.groups[g]
    ctl = prog.ctl
    words = len(prog)
    marks: Ints = np.flatnonzero(ctl["mark"])
    back = isa.lag_iterations(m.p.streams)
    waits = []  # (word, its (event, iterations back))
    for pos in np.flatnonzero(ctl["w0_en"] | ctl["w1_en"]).tolist():
        word = {name: v[pos] for name, v in ctl.items()}
        waits.append((pos, [(event, back[lag]) for event, lag in isa.peg_waits(word)]))
    lat_mark, lat_wait = isa.lat_mark(m.c), isa.lat_wait(m.c)
    t = -1  # issue of the word before
    for n in itertools.count():
        begin, at, mark = t + 1, 0, 0  # word `at` issues at `begin` or later
        if m.record is not None:
            m.record.begins[g].append(begin)
        for pos, conditions in waits:
            done = int(np.searchsorted(marks, pos))
            m.marks[g].extend((begin - at + marks[mark:done] + lat_mark).tolist())
            mark = done
            free, at = begin + pos - at, pos
            begin = free
            for i, (evt, ago) in enumerate(conditions):
                while True:
                    try:
                        ready = m.event(evt, n - ago)
                        break
                    except _NotYetError:
                        yield n, pos, i, begin
                if m.record is not None:
                    m.record.waits[g].append((n, pos, free, ready, evt, ago))
                begin = max(begin, ready)
            begin += lat_wait
        m.marks[g].extend((begin - at + marks[mark:] + lat_mark).tolist())
        t = begin + words - 1 - at
        m.iter_done[g].append(t)
        yield n, words, 0, t


def drain(m: Machine) -> Iterator[Place]:
    """The drain unit: yields after every iteration."""
    t, mark, sets = -1, 0, 0
    lat_post = isa.lat_post(m.c)
    for n in itertools.count():
        for i, w in enumerate(m.p.drain):
            at = over = marked = t + 1 + w.get("gap", 0)
            if w.get("wait_mark"):
                while any(len(q) <= mark for q in m.marks):
                    yield n, i, 0, at
                at = marked = max(at, max(q[mark] for q in m.marks))
                mark += 1
            if w.get("acquire"):
                k = sets - m.p.reg_credits
                if k >= 0:
                    while len(m.releases) <= k:
                        yield n, i, 1, at
                    at = max(at, m.releases[k])
                sets += 1
            t = at
            if m.record is not None:
                m.record.drain.append((over, marked, at))
            if w.get("post"):
                m.posts.append(t + lat_post)
            if w.get("evt_en"):
                m.events[w["evt"]].append(t + isa.LAT_DRAINED)
        yield n, len(m.p.drain), 0, t


def element(m: Machine) -> Iterator[Place]:
    """The element unit: yields after every iteration."""
    t, post, outs = -1, 0, 0
    lat, lat_bus = isa.lat_neuron(m.c), isa.lat_bus(m.c)
    w_bus = m.c.sub_slots
    for n in itertools.count():
        for i, w in enumerate(m.p.elem[m.p.elem_loop :]):
            at = over = posted = t + 1 + w.get("gap", 0)
            if w.get("pend"):
                while len(m.posts) <= post:
                    yield n, i, 0, at
                at = posted = max(at, m.posts[post])
                post += 1
            if w.get("out_acquire"):
                if outs >= 2:
                    while len(m.out_credits) <= outs - 2:
                        yield n, i, 1, at
                    at = max(at, m.out_credits[outs - 2])
                outs += 1
            t = at
            if m.record is not None:
                m.record.elem.append((over, posted, at))
            if w.get("neu_we"):  # output alone leaves the bus to the input
                m.bus.update(range(t + lat_bus, t + lat_bus + w_bus))
            if w.get("release"):
                m.releases.append(t + isa.LAT_RELEASE)
            if w.get("evt_en"):
                m.events[w["evt"]].append(t + lat)
            if w.get("out_done"):
                m.out_done.append(t + lat)
        yield n, len(m.p.elem), 0, t


@dataclasses.dataclass
class Input:
    """The input loader: one write of x_per_cycle values in a cycle left free by the writer."""

    m: Machine
    free: int = dataclasses.field(init=False)  # first possible cycle of the next chunk on the bus

    def __post_init__(self) -> None:
        self.free = IN_FIRST_WRITE + self.m.c.deep

    def load(self, n: int) -> None:
        """Load frame n."""
        m, c = self.m, self.m.c
        write = self.free
        if n >= 2:
            write = max(write, max(q[n - 2] for q in m.iter_done) + IN_CREDIT)
        written = []
        for _ in range(-(-m.p.inputs // c.x_per_cycle)):
            while write in m.bus:
                write += 1
            written.append(write)
            write += 1
        if m.record is not None:
            m.record.inputs.append(written)
        m.events[isa.EVENT_X].append(write - 1 + IN_EVENT)
        m.bus = {cycle for cycle in m.bus if cycle >= write}
        self.free = write


@dataclasses.dataclass
class Output:
    """The output unit: one beat a cycle."""

    m: Machine
    free: int = 0

    def send(self, n: int) -> int:
        """Send frame n; returns the cycle of its last beat."""
        last = max(self.m.out_done[n] + OUT_FIRST_BEAT, self.free) + self.m.p.out_beats - 1
        self.free = last + 1
        if self.m.record is not None:
            self.m.record.outputs.append((last - self.m.p.out_beats + 1, last))
        self.m.out_credits.append(last + OUT_CREDIT + self.m.c.deep)
        return last
