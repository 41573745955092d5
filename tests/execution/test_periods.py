# SPDX-License-Identifier: Apache-2.0
"""Cycles of frames that repeat are those of frames solved one by one."""

from __future__ import annotations

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.execution import periods, timing
from csb_rnn.execution.units import Input, Machine, Output, Place, Record
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.program.program import Program
from csb_rnn.verify.random_layers import LayerCase

FRAMES = 90


def program(machine: str, streams: int, cell: str, seed: int) -> Program:
    case = LayerCase(seed, cell, inputs=5, hidden=11, layers=cell.count("+") + 1, density=0.5)
    c = config.load(machine)
    return compiler.compile_network(quantise.quantise(case.network(), c), c, streams)


@pytest.mark.parametrize("machine", ["tiny", "odd"])
@pytest.mark.parametrize("streams", [1, 2, 4])
@pytest.mark.parametrize("cell", ["gru", "lstmp+gru_before"])
def test_equal_to_all_frames_solved(machine, streams, cell, seed) -> None:
    """The same cycles as with a record, which solves every frame."""
    p = program(machine, streams, cell, seed)
    want, got = timing.predict(p, FRAMES, Record()), timing.predict(p, FRAMES)
    assert np.array_equal(got.last_out, want.last_out)
    for mine, other in zip(got.last_issue, want.last_issue, strict=True):
        assert np.array_equal(mine, other)


def test_few_frames_are_solved(monkeypatch) -> None:
    loaded: list[int] = []
    load = Input.load
    monkeypatch.setattr(Input, "load", lambda self, n: (loaded.append(n), load(self, n)))
    timing.predict(program("tiny", 1, "gru", 1), 10_000)
    assert len(loaded) < 100


def solved(p: Program, iterations: int) -> tuple[Machine, Input, Output]:
    """A machine whose every iteration took 100 cycles, all with their events at the same places."""
    m = Machine(p)
    source, sink = Input(m), Output(m)
    for times, each in periods.States(m, source, sink)._lists:
        times.extend(100 * i + j for i in range(iterations) for j in range(each))
    source.free = sink.free = 100 * iterations
    m.bus = {100 * iterations + 3}
    return m, source, sink


def test_a_state_comes_again_only_if_every_time_does() -> None:
    """Of two states, equal but for one time or place, the later one is a new one."""
    p = program("tiny", 1, "gru", 1)
    units = len(p.groups) + 2

    def again(hurt: str = "", which: int = 0) -> int | None:
        """The state of iteration 40 against that of 39, with something a cycle late in it."""
        states = periods.States(*solved(p, 1))
        for n in (39, 40):
            m, source, sink = solved(p, n + 1)
            fresh = periods.States(m, source, sink)
            fresh._seen = states._seen
            places: list[Place] = [(n, 5, 1, 100 * n)] * units
            if n == 40 and hurt == "list":
                fresh._lists[which][0][-1] += 1
            if n == 40 and hurt == "place":
                iteration, word, wait, cycle = places[0]
                late = [
                    (iteration + 1, word, wait, cycle),
                    (iteration, word + 1, wait, cycle),
                    (iteration, word, wait + 1, cycle),
                    (iteration, word, wait, cycle + 1),
                ]
                places[0] = late[which]  # fmt: skip
            if n == 40 and hurt == "bus":
                m.bus = {t + 1 for t in m.bus}
            if n == 40 and hurt == "port":
                port = (source, sink)[which]
                port.free += 1
            found = fresh.again(n, 100 * n, places)
        return found

    assert again() == 39
    lists = [i for i, (times, _) in enumerate(periods.States(*solved(p, 9))._lists) if times]
    assert len(lists) > len(p.groups)
    assert [again("list", i) for i in lists] == [None] * len(lists)
    assert [again("place", i) for i in range(4)] == [None] * 4
    assert [again("port", i) for i in range(2)] == [None] * 2
    assert again("bus") is None


def test_steps_of_a_period_go_on() -> None:
    """Two iterations a period, of 10 and 5 cycles; and fewer frames than were solved."""
    assert periods.extended([5, 9, 19, 24, 34], 2, 7).tolist() == [5, 9, 19, 24, 34, 39, 49]
    assert periods.extended([5, 9, 19], 1, 2).tolist() == [5, 9]
