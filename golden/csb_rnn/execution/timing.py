# SPDX-License-Identifier: Apache-2.0
"""The timing model: cycles of every frame, exact, from the program alone.

Every unit runs its words in order and every latency is fixed (:mod:`csb_rnn.machine.isa`), so the
machine is a system of "maximum plus constant": a word issues one cycle after the word before it, or
when the last thing it waits for has happened. One iteration depends only on those before it, so
iterations are solved one after the other; inside one, units take turns until none can go on. Once
the machine repeats itself (:mod:`csb_rnn.execution.periods`), nothing is left to solve.

Times are cycles; 0 is the cycle of the first beat of the first input frame. It is
assumed that nobody outside stalls the machine: inputs always wait, outputs are always taken.

Example: the GRU of z2_gru on ``small`` has its last output beats 162 cycles apart.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sized

import numpy as np

from csb_rnn.execution.periods import States, extended
from csb_rnn.execution.units import (
    Input,
    Machine,
    Output,
    Place,
    Record,
    drain,
    element,
    pegroup,
)
from csb_rnn.program.program import Program


@dataclasses.dataclass
class Timing:
    """Predicted cycles.

    Attributes:
        last_out: [iterations] cycle of the last output beat of each frame.
        last_issue: for each PEGroup, [iterations] cycle of its last word of each iteration.
    """

    last_out: np.ndarray
    last_issue: list[np.ndarray]

    @property
    def frame_cycles(self) -> np.ndarray:
        return np.diff(self.last_out, prepend=-1)


def predict(p: Program, iterations: int, record: Record | None = None) -> Timing:
    """Cycles of a run of ``iterations`` frames (of all streams together).

    Args:
        record: takes down the issue times of words and their waits; with one, every iteration
            is solved, and the units also run on after the last frame, as the machine does, until
            all wait for another one.
    """
    m = Machine(p, record)
    units = [pegroup(m, g) for g in range(len(p.groups))] + [drain(m), element(m)]
    done: list[Callable[[], int]] = [functools.partial(len, q) for q in m.iter_done]
    source, sink = Input(m), Output(m)
    states = States(m, source, sink)
    last_out: list[int] = []
    slots = sum(bool(w.get("wait_mark")) for w in p.drain)
    for n in range(iterations):
        source.load(n)
        want_marks = (n + 1) * slots
        for _ in range(10_000):
            places = [next(u) for u in units]
            if (
                all(f() > n for f in done)
                and len(m.posts) >= want_marks
                and len(m.out_done) > n
                and len(m.releases) >= want_marks
            ):
                break
        else:
            raise AssertionError(f"the program waits for ever in iteration {n}")
        last_out.append(sink.send(n))
        first = states.again(n, last_out[n], places) if record is None else None
        if first is not None:
            done_at = [extended(q[: n + 1], first, iterations) for q in m.iter_done]
            return Timing(extended(last_out, first, iterations), done_at)
    if record is not None:
        _run_dry(units, record)
    return Timing(np.array(last_out), [np.array(q[:iterations]) for q in m.iter_done])


def _run_dry(units: list[Iterator[Place]], record: Record) -> None:
    """Let units go on until none can, with no further input."""

    def progress() -> list[int]:
        lists: list[Sized] = [*record.begins, *record.waits, record.drain, record.elem]
        return [len(one) for one in lists]

    before: list[int] = []
    while before != progress():
        before = progress()
        for u in units:
            next(u)


def interval(last_out: np.ndarray) -> float:
    """Cycles a frame: from frame 20 to the last of at least 220, else over the second half.

    Args:
        last_out: [frames] cycle of the last output beat of each frame.
    """
    n = len(last_out)
    start = 20 if n >= 220 else n // 2
    if n == 1:
        return float(last_out[0] + 1)
    return float((last_out[-1] - last_out[start - 1]) / (n - start))
