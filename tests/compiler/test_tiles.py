# SPDX-License-Identifier: Apache-2.0
"""Tiles: every non-zero once, words of one set of columns, streaks apart, even PE rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from csb_rnn.compiler import compile_network, placement
from csb_rnn.compiler.tiles import NONE, Words, flow, schedule, tile
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.verify.random_layers import LayerCase

SHARED, Q = 4, 4


def cover(words: Words) -> dict[tuple[int, int], int]:
    """Weight of every (row, address) that words multiply; each at most once."""
    out: dict[tuple[int, int], int] = {}
    for w, pe_row, q in np.argwhere(words.weight):
        key = int(words.row[w, pe_row]), int(words.addr[w, q])
        assert key not in out
        out[key] = int(words.weight[w, pe_row, q])
    return out


def make(rng: np.random.Generator, rows: int, cols: int, density: float):
    mask = rng.random((rows, cols)) < density
    row, col = np.nonzero(mask)
    return row, col + 100, rng.integers(1, 100, len(row))


@pytest.mark.parametrize("density", [0.1, 0.5, 1.0])
def test_every_weight_once(seed, density: float) -> None:
    rng = np.random.default_rng(seed)
    row, addr, weight = make(rng, 24, 18, density)
    pe_row_of = rng.integers(0, SHARED, 24)
    cuts = [(addr - 100) // 6, 0 * addr]
    words = tile(row, addr, weight, cuts, pe_row_of, SHARED, Q)
    want = dict(zip(zip(row.tolist(), addr.tolist(), strict=True), weight.tolist(), strict=True))
    assert cover(words) == want
    for pe_rows in words.row:
        named = pe_rows[pe_rows != NONE]
        assert np.array_equal(pe_row_of[named], np.flatnonzero(pe_rows != NONE))


def test_balanced_kernels_fill_their_words() -> None:
    """Two kernels, each of two rows of every class and four columns: no zero anywhere."""
    row = np.concatenate([np.repeat([0, 1, 2, 3, 8, 9, 10, 11], 4), np.repeat(np.arange(4, 12), 4)])
    addr = np.concatenate([np.tile([3, 5, 6, 7], 8), np.tile([8, 9, 11, 12], 8)])
    weight = np.ones(len(row), np.int64)
    words = tile(row, addr, weight, [addr // 8], np.arange(12) % 4, SHARED, Q)
    assert len(words.row) * SHARED * Q == len(row)


def test_cheapest_cut_wins() -> None:
    """Rows of two kernels with two columns each are one word if both kernels have the same rows."""
    row, addr = np.repeat(np.arange(4), 4), np.tile([0, 1, 8, 9], 4)
    words = tile(row, addr, row + 1, [addr // 8, 0 * addr], np.arange(4), SHARED, Q)
    assert len(words.row) == 1


def best_limit(words: np.ndarray, before: np.ndarray) -> int:
    ways = itertools.product(*(range(n + 1) for n in np.roll(words, -1)))
    return min(int((before + words + t - np.roll(t, 1)).max()) for t in map(np.array, ways))


def test_flow_is_the_best_there_is(seed) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        words, before = rng.integers(0, 6, 4), rng.integers(0, 5, 4)
        taken = flow(words, before)
        assert np.all((taken >= 0) & (taken <= np.roll(words, -1)))
        assert (before + words + taken - np.roll(taken, 1)).max() == best_limit(words, before)


def test_schedule_keeps_runs_apart(seed) -> None:
    rng = np.random.default_rng(seed)
    strips = [rng.integers(NONE, 5, 2) for _ in range(40)]
    row = np.repeat([s for s in strips if s.max() > NONE], 2, axis=0)
    n = len(row)
    nothing = np.zeros((n, Q), np.int64)
    words = Words(row, np.zeros(n, bool), np.ones((n, 2, Q), np.int64), nothing, nothing)
    last: list[dict[int, int]] = [{1: 2}, {}]
    order, place = schedule(words, row, last, 3, 3)
    assert sorted(order.tolist()) == list(range(n))
    assert place[0] >= 3
    assert np.all(np.diff(place) >= 1)
    placed = words.pick(order)
    for pe_row in range(2):
        stored = {1: 2} if pe_row == 0 else {}
        first, store = placed.first()[:, pe_row], placed.store()[:, pe_row]
        for at, r, begins, ends in zip(place, placed.row[:, pe_row], first, store, strict=True):
            if begins:
                assert at - stored.get(int(r), -9) >= 3
            if ends:
                stored[int(r)] = int(at)


def test_schedule_leaves_a_word_empty_if_nothing_may_come() -> None:
    """The third strip comes back to row 1 of PE row 0, which was stored in word 0: not before 3."""
    row = np.array([[1, 2], [3, 4], [1, 5]])
    nothing = np.zeros((3, Q), np.int64)
    words = Words(row, np.zeros(3, bool), np.ones((3, 2, Q), np.int64), nothing, nothing)
    order, place = schedule(words, row, [{}, {}], 0, 3)
    assert order.tolist() == [0, 1, 2]
    assert place.tolist() == [0, 1, 3]


@pytest.mark.parametrize(("shared", "tiled"), [(1, False), (2, True), (4, True)])
def test_rows_are_dealt_by_the_cost_of_their_tiles(shared: int, tiled: bool, monkeypatch) -> None:
    """Where PE rows share columns a row costs all columns of its kernels, else its non-zeros."""
    c = config.load("small", P=4, shared_cols=shared)
    layer = LayerCase(4, "gru", 9, 20, density=0.3).network()
    asked = []

    def work(w: np.ndarray, block: int) -> np.ndarray:
        asked.append(block)
        return row_work(w, block)

    row_work = placement._row_work
    monkeypatch.setattr(placement, "_row_work", work)
    compile_network(quantise.quantise(layer, c), c, 1, block=4)
    assert bool(asked) == tiled
