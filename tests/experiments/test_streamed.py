# SPDX-License-Identifier: Apache-2.0
"""Words from DRAM: the model of time on cases whose cycles follow by hand."""

from __future__ import annotations

import pytest

from csb_rnn.experiments.bench.streamed import Stream, interval

ENDLESS = 1e9  # bits a cycle


def test_a_fast_memory_stalls_nothing() -> None:
    """8 turns of a piece of 50 words hide a latency of 100 cycles."""
    assert interval(Stream(1000, 50, 100, 0), ENDLESS) == pytest.approx(1000, abs=0.1)


def test_the_rate_of_the_memory_bounds_a_frame() -> None:
    """1,000 words of 8,000 bits for 8 frames at 400 bits a cycle are 2,500 cycles each."""
    assert interval(Stream(1000, 50, 8000, 0), 400) == pytest.approx(2500)
    alone = interval(Stream(1000, 50, 8000, 0), 400, streams=1)
    assert alone == pytest.approx(8 * 2500, rel=0.15)


def test_short_pieces_show_the_loop() -> None:
    """A stream's next frame starts 7 turns of 50 words behind its last: a loop of 350 is hidden,
    and what is longer is a stall of all 8 frames together."""
    assert interval(Stream(1000, 50, 100, 350), ENDLESS) == pytest.approx(1000, abs=0.1)
    assert interval(Stream(1000, 50, 100, 510), ENDLESS) == pytest.approx(1020, abs=0.1)


def test_short_pieces_show_the_latency() -> None:
    """One stream, pieces of 16 words: two rooms cover 32 of the 100 cycles of a request."""
    assert interval(Stream(1000, 16, 100, 0), ENDLESS, streams=1) > 3000
