# SPDX-License-Identifier: Apache-2.0
"""Unit classes: pieces fill bundles, quotas are even, dealing keeps to both."""

from __future__ import annotations

import numpy as np
import pytest

from csb_rnn.compiler.deal_blocks import deal_blocks
from csb_rnn.machine import config, unit_classes

MACHINES = [
    ("paper256_cols", {}),
    ("paper512_cols", {}),
    ("tiny_cols", {}),
    ("tiny_cols", {"P": 4, "drain_banks": 2}),
    ("odd", {"shared_cols": 3}),
    ("edge8", {"shared_cols": 2}),
]


@pytest.mark.parametrize(("name", "override"), MACHINES, ids=str)
@pytest.mark.parametrize("units", [1, 30, 64, 100, 256])
def test_pieces_and_places(name: str, override: dict[str, int], units: int) -> None:
    c, block = config.load(name, **override), 32
    pieces = unit_classes.pieces(units, block, c)
    assert [sum(p) for p in pieces] == [min(block, units - at) for at in range(0, units, block)]
    quotas = unit_classes.quotas(units, block, c)
    classes = np.concatenate([np.repeat(np.arange(len(q)), q) for q in quotas])
    assert unit_classes.fits(classes, units, block, c)
    rng = np.random.default_rng(units)
    rows, cols = rng.integers(0, 20, (units, 3)), rng.integers(0, 50, units)
    slot, lane, rot = deal_blocks(rows, cols, classes, c, block)
    assert len({*zip(slot.tolist(), lane.tolist(), strict=True)}) == units
    assert slot.min() >= 0
    assert slot.max() < len(rot) == -(-units // c.lanes)
    assert 0 <= rot.min() <= rot.max() < c.L
    # Classes of a part with all its units in one place are the PE rows of one share group.
    ring = lane // c.drain_banks
    for at, quota in zip(range(0, units, block), quotas, strict=True):
        own = slice(at, min(at + block, units))
        for part in range(len(quota) // c.shared_cols):
            mine = classes[own] // c.shared_cols == part
            groups = set((ring[own][mine] // c.shared_cols).tolist())
            if units % (c.K * block) == 0:
                assert len(groups) == 1
                pairs = {*zip(classes[own][mine].tolist(), ring[own][mine].tolist(), strict=True)}
                assert len(pairs) == c.shared_cols


def test_block_lies_in_one_column_of_a_square_engine() -> None:
    """What the order of lanes on the neuron bus is for: K = L."""
    c, units, block = config.load("paper256_cols"), 1024, 32
    quotas = unit_classes.quotas(units, block, c)
    classes = np.concatenate([np.repeat(np.arange(len(q)), q) for q in quotas])
    slot, lane, rot = deal_blocks(np.ones((units, 1)), np.ones(units), classes, c, block)
    column = (c.bus_place(lane) + rot[slot]) % c.L
    for at in range(0, units, block):
        assert len(set(column[at : at + block].tolist())) == 1


def test_assignment_evens_out_kernels(seed) -> None:
    rng = np.random.default_rng(seed)
    work = rng.random((32, 40)) * (rng.random((32, 40)) < 0.3)
    quota = np.full(4, 8)

    def spread(classes: np.ndarray) -> float:
        load = np.stack([work[classes == c].sum(0) for c in range(4)])
        return float((load**2).sum())

    found = unit_classes.assign(work, quota)
    assert np.array_equal(np.bincount(found), quota)
    assert spread(found) < spread(np.arange(32) % 4)


def test_other_classes_do_not_fit() -> None:
    c = config.load("paper256_cols")
    assert not unit_classes.fits(np.arange(128) % 4, 128, 32, c)  # two pieces of four classes
    assert not unit_classes.fits(np.arange(127) % 8, 128, 32, c)
    assert not unit_classes.fits(np.arange(128) % 8 - 1, 128, 32, c)
    assert unit_classes.fits(np.arange(128) % 8, 128, 32, c)
    assert unit_classes.fits(np.arange(256) % 4, 256, 32, c)


def test_bus_places_are_a_permutation() -> None:
    for name, override in MACHINES:
        c = config.load(name, **override)
        assert sorted(c.bus_place(np.arange(c.lanes)).tolist()) == list(range(c.lanes))
    c = config.load("paper256")
    assert np.array_equal(c.bus_place(np.arange(c.lanes)), np.arange(c.lanes))
