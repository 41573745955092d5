# SPDX-License-Identifier: Apache-2.0
"""The order of a stage's element words: slots overlap, so results are there when they are read.

Every slot has the same words at the same distances, a slot every so many cycles. Distances are
searched. The measure of a try is the cycle in which the stage's last word issues.

Example: a cell with words a, b (reads a, 7 cycles later) on 3 slots, a slot every 2 cycles:
``a0 a1 a2 b0 b1 b2``, b0 in cycle 7; without an overlap b0 would stand before a1, and b2 end in 23.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from csb_rnn.machine import isa
from csb_rnn.machine.config import Config

TRIES = 60  # distances looked at for each number of cycles between slots
SLOWER = 4  # most cycles added to the time of results: other orders
SLOTS = 24  # whose cycles are counted, at most: further ones repeat them
WIDER = 3  # most cycles added to the distance of slots


@dataclasses.dataclass
class Op:
    """One element word before timing: its reads and writes, for hazards."""

    word: dict[str, int]
    reads: list[tuple]  # ("reg", n), ("state", addr) or ("drain", name)
    writes: list[tuple]
    bus: bool = False  # uses the neuron write bus


@dataclasses.dataclass(frozen=True)
class Pace:
    """What the element unit meets.

    Attributes:
        sets: register sets in flight.
        drains: cycles that the drain unit takes for a slot.
        streams: of the program; with one every frame waits for the one before, and its slots are
            drained while the unit works, with several they have been drained before.
        turns: slots until an element register comes round.
    """

    sets: int
    drains: int
    streams: int
    turns: int


def latency(resource: tuple, c: Config) -> int:
    """Cycles from a word with a write of a register or state to a reader."""
    return isa.lat_elem_reg(c) if resource[0] == "reg" else isa.lat_elem_state(c)


def with_gaps(ops: Sequence[Op], c: Config, cyclic: bool) -> list[int]:
    """Cycles to leave free before each word, for registers, state and the neuron bus.

    Only distances without any other wait count: a wait can only make them longer.
    """
    ready: dict[tuple, int] = {}
    bus_free, t = 0, -1
    gaps = [0] * len(ops)
    for _ in range(2 if cyclic else 1):  # the second turn sees the needs of the loop's end
        for i, op in enumerate(ops):
            at = t + 1 + gaps[i]
            for r in op.reads:
                at = max(at, ready.get(r, 0))
            if op.bus:
                at = max(at, bus_free)
                bus_free = at + c.sub_slots
            gaps[i] = max(gaps[i], at - t - 1)
            for w in op.writes:
                ready[w] = at + latency(w, c)
            t = at
    return gaps


def _earliest(first: Sequence[Op], i: int, offsets: Sequence[int], slower: int, c: Config) -> int:
    """First cycle of word i after its slot's words before it, results ``slower`` cycles later."""
    t = 0
    for j in range(i):
        for w in set(first[j].writes) & set(first[i].reads):
            t = max(t, offsets[j] + latency(w, c) + slower)
        if {r for r in first[j].reads if r[0] == "state"} & set(first[i].writes):
            t = max(t, offsets[j] + 1)  # the old value is read before it is replaced
    return t


def _distances(
    first: Sequence[Op], interval: int, slower: int, c: Config
) -> Iterator[tuple[int, ...]]:
    """Cycles of a slot's words from its begin: no two words of any slots fall on the same cycle,
    and those on the neuron bus keep its distance. The first result has every word as early as it
    can be."""

    def fits(i: int, t: int, offsets: list[int]) -> bool:
        for j, before in enumerate(offsets):
            apart = (t - before) % interval
            need = c.sub_slots if first[i].bus and first[j].bus else 1
            if min(apart, interval - apart) < min(need, interval // 2 or 1) or not apart:
                return False
        return True

    def grow(offsets: list[int]) -> Iterator[tuple[int, ...]]:
        i = len(offsets)
        if i == len(first):
            yield tuple(offsets)
            return
        begin = _earliest(first, i, offsets, slower, c)
        for t in range(begin, begin + interval):
            if fits(i, t, offsets):
                yield from grow([*offsets, t])

    return grow([])


def _ends(first: Sequence[Op], offsets: Sequence[int]) -> tuple[int, int]:
    """The words that take and give back a slot's drained registers.

    The first in time that reads drain registers or writes a kept value waits for the drains of its
    slot: what is kept is of a frame that has come, so nothing is written before its first post."""
    readers = [i for i, op in enumerate(first) if any(r[0] == "drain" for r in op.reads)] or [0]
    writers = [i for i, op in enumerate(first) if op.word.get("st_we") or op.bus]
    begin = min(readers + writers, key=offsets.__getitem__)
    return begin, max(readers, key=offsets.__getitem__)


def _allowed(first: Sequence[Op], offsets: Sequence[int], interval: int, pace: Pace) -> bool:
    """Whether register sets and element registers suffice.

    No more slots may be between taking and giving back than there are sets, or the drain unit and
    the element unit would wait for each other. Element registers come round: by then the last
    reader has gone."""
    begin, end = _ends(first, offsets)
    lives = [
        offsets[i] - offsets[j]
        for i, op in enumerate(first)
        for j in range(i)
        if {r for r in op.reads if r[0] == "reg"} & set(first[j].writes)
    ]
    held = (offsets[end] - offsets[begin]) // interval + 1
    return held <= pace.sets and max(lives, default=0) < pace.turns * interval


def _order(per_slot: Sequence[Sequence[Op]], interval: int, offsets: Sequence[int]) -> list:
    """(slot, word) in the order of issue."""
    timed = [
        (s * interval + offsets[i], s, i) for s, ops in enumerate(per_slot) for i in range(len(ops))
    ]
    return [(s, i) for _, s, i in sorted(timed)]


def _length(
    per_slot: Sequence[Sequence[Op]], order: list, offsets: Sequence[int], pace: Pace, c: Config
) -> tuple[int, int]:
    """Cycles from the stage's first drain to its last word: with slots drained while the unit
    works, and with all of them drained before, the more important first."""
    begin, end = _ends(per_slot[0], offsets)
    gaps = with_gaps([per_slot[s][i] for s, i in order], c, cyclic=True)
    out = []
    for every in (pace.drains, 0):
        posted: list[int] = []  # of each slot, the first cycle of reading its registers
        freed: list[int] = []
        t = -1
        for (_, i), gap in zip(order, gaps, strict=True):
            t = t + 1 + gap
            if i == begin:
                ready = posted[-1] + every if posted else 0
                if len(posted) >= pace.sets:
                    freed_at = freed[len(posted) - pace.sets]
                    ready = max(ready, freed_at + pace.drains + isa.lat_post(c))
                posted.append(ready)
                t = max(t, ready)
            if i == end:
                freed.append(t)
        out.append(t)
    return (out[0], out[1]) if pace.streams == 1 else (out[1], out[0])


def pipeline(per_slot: Sequence[Sequence[Op]], interval: int, pace: Pace, c: Config) -> list[Op]:
    """The words of consecutive slots in the order of their issue, with ``pend`` and ``release``.

    Args:
        per_slot: the words of every slot, in an order that each slot could have.
        interval: cycles from slot to slot, at least.
    """
    first, some = per_slot[0], per_slot[:SLOTS]
    seen: set[tuple] = set()
    best: tuple[tuple[int, int], int, tuple[int, ...]] | None = None
    every = interval
    while best is None or every <= interval + WIDER:
        for slower in range(SLOWER + 1):
            for offsets in itertools.islice(_distances(first, every, slower, c), TRIES):
                if (every, offsets) in seen or not _allowed(first, offsets, every, pace):
                    continue
                seen.add((every, offsets))
                length = _length(some, _order(some, every, offsets), offsets, pace, c)
                if best is None or length < best[0]:
                    best = (length, every, offsets)
        every += 1
    _, every, offsets = best
    begin, end = _ends(first, offsets)
    for ops in per_slot:
        ops[begin].word["pend"] = 1
        ops[end].word["release"] = 1
    return [per_slot[s][i] for s, i in _order(per_slot, every, offsets)]
