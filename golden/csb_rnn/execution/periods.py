# SPDX-License-Identifier: Apache-2.0
"""Frames that repeat: the timing model's whole state, and cycles beyond the iterations solved.

Cycles after an iteration depend on the state at its end alone, and a state that is later as a whole
makes them later by as much. So once a state comes again, D cycles and k iterations later, every
iteration from there on is D cycles later than the one k before it. Example: z2_gru on ``paper512``
repeats itself from frame 5 on, 69 cycles a frame; 2,000 frames cost no more than seven.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from csb_rnn.execution.units import Input, Machine, Output, Place
from csb_rnn.machine import isa
from csb_rnn.machine.numerics import Ints
from csb_rnn.program.program import Program


def _each(p: Program) -> tuple[list[int], int]:
    """How often each event happens in an iteration, and how many register sets are released."""
    loop = p.elem[p.elem_loop :]
    events = [0] * isa.EVENTS
    events[isa.EVENT_X] = 1
    for w in (*p.drain, *loop):
        if w.get("evt_en"):
            events[w["evt"]] += 1
    return events, sum(bool(w.get("release")) for w in loop)


class States:
    """Finds the first state of a :class:`~csb_rnn.execution.units.Machine` that comes again."""

    def __init__(self, m: Machine, source: Input, sink: Output) -> None:
        p = m.p
        events, released = _each(p)
        slots = sum(bool(w.get("wait_mark")) for w in p.drain)
        posted = sum(bool(w.get("post")) for w in p.drain)
        self._source, self._sink, self._m = source, sink, m
        self._lists = [
            *zip(m.events, events, strict=True),
            *((q, slots) for q in m.marks),
            *((q, 1) for q in m.iter_done),
            (m.posts, posted), (m.releases, released), (m.out_done, 1), (m.out_credits, 1),
        ]  # fmt: skip
        held = -(-p.reg_credits // max(released, 1))
        # Iterations whose times may still be asked for: all units have finished the last one.
        self._back = 2 + max(2, held, *isa.lag_iterations(p.streams).values())
        self._seen: dict[bytes, int] = {}

    def again(self, n: int, last: int, places: Sequence[Place]) -> int | None:
        """The iteration with the state of this one, if there was one.

        Args:
            n: the iteration solved last.
            last: cycle of its last output beat; all times count from it.
            places: of PEGroups, drain unit and element unit.
        """
        if n + 1 < self._back:
            return None
        m = self._m
        state = array("q", [self._source.free - last, self._sink.free - last])
        for iteration, word, wait, cycle in places:
            state.extend((iteration - n, word, wait, cycle - last))
        for times, each in self._lists:
            part = times[each * (n + 1 - self._back) :]
            state.append(len(part))
            state.extend([t - last for t in part])
        state.extend(sorted(t - last for t in m.bus if t >= self._source.free))
        first = self._seen.setdefault(state.tobytes(), n)
        return None if first == n else first


def extended(times: Sequence[int], first: int, length: int) -> Ints:
    """Cycles of ``length`` iterations: those solved, and more in the steps of a period.

    Args:
        times: of the iterations solved, the last of which has the state of iteration ``first``.

    Example: ``extended([5, 9, 19, 24, 34], 2, 7)`` is [5, 9, 19, 24, 34, 39, 49].
    """
    known = np.array(times, np.int64)
    if len(known) >= length:
        return known[:length]
    steps = np.diff(known[first:])
    more = np.resize(steps, length - len(known))  # repeats them
    return np.concatenate([known, known[-1] + np.cumsum(more)])
