# SPDX-License-Identifier: Apache-2.0
"""The timing model against its rules: intervals, input credits, register sets, program lengths."""

from __future__ import annotations

import numpy as np
import pytest

from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing, units
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.program.program import Program
from csb_rnn.verify.random_layers import LayerCase

CASES = [("tiny", 1, 11, 40), ("tiny", 3, 14, 17), ("small", 1, 40, 5)]


def program(name: str, streams: int, hidden: int, inputs: int, density: float = 0.25) -> Program:
    c = config.load(name)
    case = LayerCase(4, "lstm", inputs, hidden, layers=1, density=density)
    return compile_network(quantise.quantise(case.network(), c), c, streams)


@pytest.mark.parametrize(
    ("frames", "first"), [(2, 1), (3, 1), (219, 109), (220, 20), (221, 20)]
)  # fmt: skip
def test_interval_is_of_the_steady_frames(frames: int, first: int) -> None:
    """Frames that become slower: each end of the span tells."""
    ends = np.arange(frames) ** 2
    want = (ends[-1] - ends[first - 1]) / (frames - first)
    assert timing.interval(ends) == pytest.approx(want)


def test_interval_of_one_frame_is_its_latency() -> None:
    assert timing.interval(np.array([41])) == 42


@pytest.mark.parametrize("case", CASES, ids=str)
def test_units_wait_for_their_credits(case, monkeypatch) -> None:
    """A frame is written when all PEGroups have left the frame two before it, a drain word takes a
    register set that is free; some of each wait for just that."""
    made: list[units.Machine] = []

    def machine(*args) -> units.Machine:
        made.append(units.Machine(*args))
        return made[0]

    monkeypatch.setattr(timing, "Machine", machine)
    p, frames, record = program(*case), 8, units.Record()
    found = timing.predict(p, frames, record)
    assert all(len(cycles) == frames for cycles in found.last_issue)
    last = np.max(found.last_issue, axis=0)
    behind = [record.inputs[n][0] - last[n - 2] for n in range(2, frames)]
    assert min(behind) >= 3  # two cycles in between
    sets, waits = 0, []
    words = [w for _ in range(frames) for w in p.drain]
    for word, (_, marked, at) in zip(words, record.drain, strict=False):
        if word.get("acquire"):
            if sets >= p.reg_credits:
                free = made[0].releases[sets - p.reg_credits]
                assert at == max(marked, free)
                waits.append((sets - p.reg_credits, free - marked))
            sets += 1
    assert waits[0][0] == 0


@pytest.mark.parametrize("density", [0.0, 0.02, 0.25])
def test_a_program_ends_with_a_word_that_does_something(density: float) -> None:
    """No PEGroup has an empty word at its end, with many weights or none: each stage has a mark."""
    for case in (*CASES, ("small", 1, 11, 9)):
        for group in program(*case, density).groups:
            does = [group.ctl[name] for name in ("mark", "w0_en", "w1_en")]
            assert any(v[-1].any() for v in (*does, group.pe["w"], group.rows["store"]))
