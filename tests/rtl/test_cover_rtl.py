# SPDX-License-Identifier: Apache-2.0
"""Cells x layers x directions x sizes on the RTL: every pair of choices occurs.

CSB_COVER=all runs the full cross instead (make sim-all).
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from csb_rnn.cells import CELLS
from csb_rnn.machine import config
from tb.lib.exact import check_model, random_model

CELL_NAMES = [c for c in CELLS if not c.startswith("linear")]
SIZES = ((1,), (7,), (31, 32, 33), (150, 256, 400))  # neighbours take turns
LAYERS = (1, 2, 3, 4)
# Element words of so many units: larger memories, whose build the pairwise cover does without.
LARGE = {("peephole", 4, 400), ("peephole", 3, 400)}
BOTH = (0, 3, 2, 1, 1, 0, 3, 2, 2, 2)  # size of each cell with both directions

Case = tuple[str, int, bool, int]


def pairwise() -> list[Case]:
    """At most 40 cases: every cell at every size; layers and directions go round."""
    cases = []
    for (i, cell), (j, sizes) in itertools.product(enumerate(CELL_NAMES), enumerate(SIZES)):
        size, layers = sizes[i % len(sizes)], LAYERS[(i + j) % 4]
        if (cell, layers, size) in LARGE:
            layers -= 2
        cases.append((cell, layers, BOTH[i] == j, size))
    return cases


def full_cross() -> list[Case]:
    sizes = [s for group in SIZES for s in group]
    return list(itertools.product(CELL_NAMES, LAYERS, (False, True), sizes))


EVERYTHING = os.environ.get("CSB_COVER") == "all"
CASES = full_cross() if EVERYTHING else pairwise()
SMALL = "small_sim" if EVERYTHING else "tiny"  # tiny, whose build the other tests need too


def run(case: Case, sim: str, work: Path, seed: int) -> None:
    cell, layers, both, size = case
    large = "paper256_sim" if (cell, layers, size) in LARGE else "paper256"
    c = config.load(SMALL if size < 100 else large)
    density = {150: 0.1, 256: 0.06, 400: 0.04, 1024: 0.01}.get(size, 0.4)
    m = random_model(seed, cell, layers, both, size, 1 + size % 40, density)
    x = np.random.default_rng(seed).normal(size=(3, m.inputs))
    check_model(m, c, sim, work, x)


@pytest.mark.sims("verilator")
@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, c)))
def test_case(sim, tmp_path, seed, case) -> None:
    run(case, sim, tmp_path, seed)


@pytest.mark.sims("verilator")
def test_a_thousand_units(sim, tmp_path, seed) -> None:
    run(("gru", 1, False, 1024), sim, tmp_path, seed)


def test_every_pair_is_covered() -> None:
    cases = pairwise()
    assert len(cases) <= 40
    named = [(c, n, b, next(g for g in SIZES if s in g)) for c, n, b, s in cases]
    assert {s for _, _, _, s in cases} == {s for group in SIZES for s in group}
    choices = (CELL_NAMES, LAYERS, (False, True), SIZES)
    for a, b in itertools.combinations(range(4), 2):
        missing = set(itertools.product(choices[a], choices[b])) - {(c[a], c[b]) for c in named}
        assert not missing
