# SPDX-License-Identifier: Apache-2.0
"""The paper's compiler: Z3 finds a legal set of cuts, and the best one in small cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from csb_rnn.compiler import reference
from csb_rnn.compiler.sharing import words_of
from csb_rnn.machine import config
from csb_rnn.machine.sharing_modes import PAPER_MODES

SECONDS = 5.0


def best(tiles: np.ndarray, sharing: str) -> int:
    """The shortest set by trying every pair of cuts of every kernel."""
    choices = []
    for m, n in tiles.reshape(-1, 2).tolist():
        across = range(n + 1 if sharing in ("horizontal", "both") and m else 1)
        down = range(m + 1 if sharing in ("vertical", "both") and n else 1)
        choices.append([(h * m, v * (n - h)) for h in across for v in down])
    loads = [
        reference._loads(tiles.prod(axis=-1), np.array(pick).reshape(tiles.shape)).max()
        for pick in itertools.product(*choices)
    ]
    return int(min(loads))


@pytest.mark.parametrize("sharing", PAPER_MODES)
@pytest.mark.parametrize("case", range(4))
def test_finds_the_best_cuts(sharing, case) -> None:
    tiles = np.random.default_rng(case).integers(0, 4, (2, 2, 2))
    tiles *= (tiles.prod(axis=-1) > 0)[..., None]
    found = reference.solve(tiles, sharing, SECONDS)
    assert found.cycles == best(tiles, sharing)
    assert found.load.sum() == tiles.prod(axis=-1).sum()
    assert (found.load >= 0).all()
    assert found.timeouts == 0


def test_work_goes_to_the_left_and_up() -> None:
    """On a torus: from column 0 to the last, from row 0 to the last."""
    tiles = np.zeros((3, 4, 2), np.int64)
    tiles[0, 0] = 2, 3
    for sharing, at, axis in (("horizontal", (0, 3), 0), ("vertical", (2, 0), 1)):
        found = reference.solve(tiles, sharing, SECONDS)
        assert found.cycles == (4 if axis == 0 else 3)
        assert found.load[at] == found.moved[0, 0, axis] > 0
    assert reference.solve(tiles, "none", SECONDS).cycles == 6
    assert reference.solve(tiles * 0, "both", SECONDS).cycles == 0


def test_a_solver_without_time_widens_the_margin() -> None:
    tiles = np.random.default_rng(1).integers(9, 30, (4, 4, 2))
    found = reference.solve(tiles, "both", 0.001)
    assert found.timeouts > 0
    assert found.cycles <= tiles.prod(axis=-1).max()


@pytest.mark.parametrize("sharing", PAPER_MODES)
@pytest.mark.parametrize("case", range(3))
def test_words_are_level_where_they_can_be(sharing, case) -> None:
    """Whole words may move: with both directions only the mean, rounded up, bounds them."""
    words = np.random.default_rng(case).integers(0, 9, (3, 4))
    found = reference.solve_words(words, sharing, SECONDS)
    mean = {"horizontal": words.mean(axis=1), "vertical": words.mean(axis=0), "both": words.mean()}
    least = words.max() if sharing == "none" else np.ceil(np.max(mean[sharing]))
    assert least <= found.cycles <= words.max()
    assert found.load.sum() == words.sum()
    assert (found.moved.sum(axis=-1) <= words).all()
    if sharing == "horizontal":  # a ring can hand anything on, step by step
        assert found.cycles == least


def test_share_moves_what_was_found() -> None:
    """Horizontal moves are of rows that have them; what is left level is a set, not a product."""
    c = config.load("paper256", share_v=1)
    rng = np.random.default_rng(4)
    table = rng.integers(0, 30, (24, c.rings, c.L)) * (rng.random((24, c.rings, c.L)) < 0.5)
    (taken,), (up,) = reference.share([table], c, "horizontal", 8, SECONDS)
    assert taken.any()
    assert not up.any()
    assert (taken >= 0).all()
    assert (taken <= np.roll(table, -1, axis=2)).all()

    def longest(t: np.ndarray) -> int:
        left = words_of(table - np.roll(t, 1, axis=2) + t, c.Q)
        return int(left.reshape(3, 8, c.rings, c.L).sum(axis=1).max(axis=(1, 2)).sum())

    assert longest(taken) < longest(0 * taken)
    (taken,), (up,) = reference.share([table], c, "vertical", 8, SECONDS)
    assert not taken.any()
    assert up.shape == (3, c.rings, c.L)
    own = words_of(table, c.Q).reshape(3, 8, c.rings, c.L).sum(axis=1)
    assert (up <= own).all()
    after = own - up + np.roll(up, -c.P, axis=1)
    assert after.max(axis=(1, 2)).sum() < own.max(axis=(1, 2)).sum()


def test_sets_of_a_matrix() -> None:
    """Kernels in tiles, sets in order, edges filled with nothing, empty sets left out."""
    c = config.load("tiny")  # 2 x 2 PEGroups of 2 x 2
    w = np.zeros((18, 10))
    w[:3, :5] = 1  # block (0, 0): kernel 3 x 5
    w[16, 8] = 2  # block (4, 2): 1 x 1
    (first, count), (last, one) = reference.block_sets(w, 4, c)
    assert (count, one) == (15, 1)
    assert first.tolist() == [[[2, 2], [2, 1]], [[0, 0], [0, 0]]]
    assert last[0, 0].tolist() == [1, 1]


def test_search_adds_up_and_samples() -> None:
    c = config.load("tiny")
    rng = np.random.default_rng(2)
    matrices = [rng.normal(size=(24, 16)) * (rng.random((24, 16)) < 0.3) for _ in range(2)]
    whole = reference.search(matrices, 4, c, "horizontal", SECONDS)
    assert whole.kept == sum(np.count_nonzero(w) for w in matrices)
    assert whole.sets == whole.of == 12
    assert whole.bound_cycles <= whole.cycles
    assert 0 < whole.mac_efficiency(c) <= whole.busy <= 1
    some = reference.search(matrices, 4, c, "horizontal", SECONDS, samples=5, seed=1)
    assert (some.sets, some.of) == (5, 12)
    assert some.cycles < whole.cycles
    none = reference.search(matrices, 4, c, "none", SECONDS)
    assert none.cycles >= whole.cycles
