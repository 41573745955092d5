# SPDX-License-Identifier: Apache-2.0
"""Cycles of frames that repeat are those of frames solved one by one."""

from __future__ import annotations

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.execution import periods, timing
from csb_rnn.execution.units import Input, Record
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


def test_steps_of_a_period_go_on() -> None:
    """Two iterations a period, of 10 and 5 cycles; and fewer frames than were solved."""
    assert periods.extended([5, 9, 19, 24, 34], 2, 7).tolist() == [5, 9, 19, 24, 34, 39, 49]
    assert periods.extended([5, 9, 19], 1, 2).tolist() == [5, 9]
