# SPDX-License-Identifier: Apache-2.0
"""Sharing: nothing is lost, no PE row takes what is not there, and rings end level."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csb_rnn.compiler import pegroup_programs, sharing
from csb_rnn.compiler.sharing import hand_on, words_of
from csb_rnn.machine import config


def pe_row_words(tables: list[np.ndarray], taken: list[np.ndarray], q: int) -> np.ndarray:
    """Words of each PE row [rings, L]."""
    items = (n - np.roll(t, 1, axis=2) + t for n, t in zip(tables, taken, strict=True))
    return sum(words_of(one, q).sum(axis=0) for one in items)


def tables(seed: int, pe_rows: int, rows: int, spread: float) -> list[np.ndarray]:
    """Two products whose columns are uneven by ``spread``."""
    rng = np.random.default_rng(seed)
    mean = 3 * np.exp(spread * rng.normal(size=(1, 1, pe_rows)))
    return [rng.poisson(mean, size=(rows, 3, pe_rows)) for _ in range(2)]


@given(
    seed=st.integers(0, 999), pe_rows=st.integers(1, 8), rows=st.integers(0, 12),
    q=st.integers(1, 4), spread=st.floats(0, 1), meet=st.booleans(),
)  # fmt: skip
def test_what_is_taken_is_there(seed, pe_rows, rows, q, spread, meet):
    given_tables = tables(seed, pe_rows, rows, spread)
    for horizontal in (False, True):
        taken = sharing.share(given_tables, q, horizontal, [False, meet])
        for n, t in zip(given_tables, taken, strict=True):
            assert t.shape == n.shape
            assert (t >= 0).all()
            assert (t <= np.roll(n, -1, axis=2)).all()
            assert horizontal or not t.any()


@pytest.mark.parametrize("q", [1, 2, 4])
@pytest.mark.parametrize("pe_rows", [2, 4, 8])
def test_rings_end_level(pe_rows, q):
    """With rows enough every ring ends with its mean, rounded up, in its fullest PE row."""
    given_tables = tables(1, pe_rows, 60, 0.3)
    load = pe_row_words(given_tables, sharing.share(given_tables, q, True, [False, True]), q)
    none = pe_row_words(given_tables, sharing.share(given_tables, q, False, [False, True]), q)
    assert (load.max(axis=1) == -(-load.sum(axis=1) // pe_rows)).all()
    assert (none.max(axis=1) > load.max(axis=1)).all()


@given(seed=st.integers(0, 999), giver=st.integers(0, 3), step=st.sampled_from([-1, 1]))
def test_a_word_is_handed_on(seed, giver, step):
    """The giver has one word less, its neighbour 0 or 1 more, the other PE rows as before."""
    q, n = 4, tables(seed, 4, 6, 0.5)[0][:, 0]
    t = np.minimum(np.random.default_rng(seed).integers(0, 4, n.shape), np.roll(n, -1, axis=1))
    before = pe_row_words([n[:, None]], [t[:, None]], q)[0]
    gain = hand_on(n, t, giver, step, q, seed)
    change = pe_row_words([n[:, None]], [t[:, None]], q)[0] - before
    expected = np.zeros(4, int)
    if gain is not None:
        expected[giver], expected[(giver + step) % 4] = -1, gain
    assert (t >= 0).all()
    assert (t <= np.roll(n, -1, axis=1)).all()
    assert (change == expected).all()


def test_each_row_gives_away_the_weights_decided_and_no_others():
    """Of every row and engine column, the first ``taken`` non-zeros are worked off a column to the
    left; the others stay."""
    c, rng = config.load("tiny"), np.random.default_rng(5)
    table = rng.integers(0, 4, (6, c.L))
    row, column = np.repeat(np.argwhere(table >= 0), table.reshape(-1), axis=0).T
    taken = np.minimum(rng.integers(0, 3, table.shape), np.roll(table, -1, axis=1))
    n = len(row)
    p = types.SimpleNamespace(row=row, column=column, addr=rng.permutation(n),
                              weight=1 + np.arange(n), ring=np.zeros(6, int))  # fmt: skip
    rows: Any = pegroup_programs._pe_rows_of(p, c, taken)
    seen, moved = [], np.zeros_like(table)
    for (_, pe_row), words in rows.items():
        pe = np.asarray(words.weight).reshape(-1, c.Q), words.side.reshape(-1, c.Q)
        for word, (weights, sides) in enumerate(zip(*pe, strict=True)):
            for w, side in zip(weights, sides, strict=True):
                if w:
                    seen.append(int(w))
                    assert pe_row == (column[w - 1] - side) % c.L
                    moved[words.row[word, 0], pe_row] += side
    assert sorted(seen) == list(range(1, n + 1))
    assert np.array_equal(moved, taken)
