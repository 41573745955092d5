# SPDX-License-Identifier: Apache-2.0
"""The CSB projection against plain loops written from its definition."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from csb_rnn.network.kernels import kernel_sizes, kernel_stats
from csb_rnn.pruning.joint import joint_mask
from csb_rnn.pruning.projection import (
    ProjectionError,
    achieved_rate,
    csb_mask,
    csb_mask_counts,
    csb_project,
)

torch.set_num_threads(1)  # tests run side by side


def plain_pass(w, mask, block, group, total):
    """Keep ``total`` groups of row segments of ``w * mask``, block-column by block-column."""
    height, width = w.shape
    lines = list(range(0, width, min(block, width)))
    block_w, block_h = min(block, width), min(block, height)
    kept = np.zeros((height, width), bool)
    for number, left in enumerate(lines):
        groups = []
        for top in range(0, height, block_h):
            rows = range(top, min(top + block_h, height))
            cols = slice(left, min(left + block_w, width))
            energy = {r: sum(float(x) ** 2 for x in w[r, cols] * mask[r, cols]) for r in rows}
            ranked = sorted(rows, key=lambda r: (-energy[r], r))
            for start in range(0, len(ranked), group):
                members = ranked[start : start + group]
                groups.append((sum(energy[r] for r in members), top, start, members))
        groups.sort(key=lambda g: (-g[0], g[1], g[2]))
        share = total // len(lines) + (number < total % len(lines))
        for energy, _, _, members in groups[:share]:
            if energy > 0:  # (a member without energy has no non-zero to keep)
                kept[members, left : left + block_w] = True
    return mask & kept


def plain_mask(w, block, row_groups, col_groups, align):
    mask = np.ones(w.shape, bool)
    mask = plain_pass(w, mask, block, align[0], row_groups)
    mask = plain_pass(w.T, mask.T, block, align[1], col_groups).T
    return mask & (w != 0)


# Small integers: energies are exact, so ties are true ties; zeros are frequent.
matrices = st.tuples(st.integers(1, 23), st.integers(1, 23)).flatmap(
    lambda shape: hnp.arrays(np.float32, shape, elements=st.integers(-4, 4).map(float))
)


@settings(max_examples=150, deadline=None)
@given(
    w=matrices,
    block=st.integers(1, 23),
    align=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    rows=st.integers(0, 200),
    cols=st.integers(0, 200),
)
def test_equals_plain_loops(w, block, align, rows, cols):
    block = min(block, max(w.shape))
    align = (min(align[0], block), min(align[1], block))
    got = csb_mask_counts(torch.from_numpy(w), block, rows, cols, align).numpy()
    np.testing.assert_array_equal(got, plain_mask(w, block, rows, cols, align))


@pytest.mark.parametrize("project", [partial(csb_mask, tolerance=None), joint_mask])
@settings(max_examples=60, deadline=None)
@given(
    w=matrices,
    rate=st.floats(1, 40),
    block=st.integers(1, 23),
    p=st.integers(1, 4),
    q=st.integers(1, 4),
)
def test_result_is_one_of_the_plain_patterns(project, w, rate, block, p, q):
    """Whatever totals the solver picks, the mask has the CSB form and only non-zeros."""
    block = min(block, max(w.shape))
    align = (min(p, block), min(q, block))
    t = torch.from_numpy(w)
    mask = project(t, block, rate, align).numpy()
    assert not mask[w == 0].any()
    if np.count_nonzero(w) <= w.size / rate:
        np.testing.assert_array_equal(mask, w != 0)
        return
    for top in range(0, w.shape[0], block):
        for left in range(0, w.shape[1], block):
            inside = mask[top : top + block, left : left + block]
            crossing = inside.any(1)[:, None] & inside.any(0)[None, :]
            zeros = w[top : top + block, left : left + block] == 0
            np.testing.assert_array_equal(inside, crossing & ~zeros)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(40, 200), st.integers(40, 200)),
    block=st.sampled_from([8, 16, 32, 64]),
    rate=st.floats(1.2, 30),
    align=st.sampled_from([(1, 1), (2, 2), (4, 4), (3, 3), (2, 4)]),
    seed=st.integers(0, 99),
)
def test_rate_is_achieved(shape, block, rate, align, seed):
    w = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    w *= torch.exp(
        0.5 * torch.randn(shape[0], 1, generator=torch.Generator().manual_seed(seed + 1))
    )
    kept = w.numel() / rate
    try:
        mask = csb_mask(w, min(block, max(shape)), rate, align)
    except ProjectionError:
        # only where a group is more than 1 % of the kept weights
        assert kept < 100 * align[0] * align[1]
        return
    assert abs(w.numel() / int(mask.sum()) / rate - 1) <= 0.01


@pytest.mark.parametrize("rate", [2, 6, 12, 20, 25])
@pytest.mark.parametrize("align", [(1, 1), (4, 4)])
@pytest.mark.parametrize("shape", [(768, 39), (768, 256), (1024, 50), (512, 128)])
def test_benchmark_shapes_meet_the_rate(shape, align, rate):
    w = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    pruned = csb_project(w, 32, rate, align)
    assert abs(achieved_rate(pruned) / rate - 1) <= 0.01
    m, n = kernel_sizes(pruned, 32)
    whole = shape[1] % 32
    assert (m % align[0] == 0).all()
    assert (n[:, : n.shape[1] - bool(whole)] % align[1] == 0).all()


def test_both_passes_keep_alike_fractions():
    w = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
    m, n = kernel_sizes(csb_project(w, 32, 12), 32)
    assert abs(m.sum() / n.sum() - 1) < 0.05


def test_strong_rows_survive():
    w = torch.full((32, 32), 0.01)
    w[:8, :8] = 1.0
    mask = csb_mask(w, 16, 16)
    assert mask[:8, :8].all()
    assert int(mask.sum()) == 64


def test_batch_equals_one_by_one():
    w = torch.randn(2, 3, 50, 70, generator=torch.Generator().manual_seed(1))
    mask = csb_mask(w, 16, 7, (2, 2))
    for i in range(2):
        for j in range(3):
            assert torch.equal(mask[i, j], csb_mask(w[i, j], 16, 7, (2, 2)))


def test_limits_and_types():
    w = torch.randn(33, 47, generator=torch.Generator().manual_seed(1))
    assert csb_mask(w, 16, 1).all()
    assert not csb_mask(w, 16, math.inf).any()
    sparse = torch.zeros(40, 40)
    sparse[3, 5] = 2.0
    assert torch.equal(csb_mask(sparse, 8, 10), sparse != 0)  # sparser than asked for: kept
    assert not csb_mask(torch.zeros(40, 40), 8, 10).any()
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        pruned = csb_project(w.to(dtype), 16, 4)
        assert pruned.dtype == dtype
        assert abs(achieved_rate(pruned) / 4 - 1) <= 0.01
    tiny = csb_mask(w * 1e-30, 16, 4)  # squares underflow, then overflow
    assert torch.equal(tiny, csb_mask(w, 16, 4))
    assert torch.equal(csb_mask(w * 1e25, 16, 4), csb_mask(w, 16, 4))


def test_equal_weights_are_deterministic():
    w = torch.ones(64, 64)
    mask = csb_mask(w, 16, 4)
    assert torch.equal(mask, csb_mask(w.clone(), 16, 4))
    assert int(mask.sum()) == 1024
    assert mask[0, 0]  # ties to the lower index


@pytest.mark.parametrize(
    ("w", "block", "rate", "align", "message"),
    [
        (torch.ones(8, 8), 9, 2, (1, 1), "block 9 is larger than the matrix, 8 x 8"),
        (torch.ones(8, 8), 0, 2, (1, 1), "block must be a positive integer"),
        (torch.ones(8, 8), 4, 0.5, (1, 1), "rate must be at least 1"),
        (torch.ones(8, 8), 4, math.nan, (1, 1), "rate must be at least 1"),
        (torch.ones(8, 8), 4, 2, (5, 1), "does not fit in a block"),
        (torch.ones(8, 8), 4, 2, (0, 1), "align must be two positive integers"),
        (torch.ones(8), 4, 2, (1, 1), "expected a matrix"),
        (torch.full((8, 8), math.nan), 4, 2, (1, 1), "NaN or infinity"),
        (torch.full((8, 8), math.inf), 4, 2, (1, 1), "NaN or infinity"),
        (torch.ones(4, 4), 4, 1000, (1, 1), "cannot keep less than one weight"),
        (torch.ones(5, 5), 5, 2.3, (5, 5), "no pattern of a 5 x 5 matrix"),
    ],
)
def test_errors(w, block, rate, align, message):
    with pytest.raises(ProjectionError, match=message) as caught:
        csb_mask(w, block, rate, align)
    assert "\n" not in str(caught.value)


def test_kernel_stats():
    w = torch.zeros(6, 10)
    w[1, 2] = w[1, 3] = w[3, 2] = 1.0  # block 4: rows 1, 3 and columns 2, 3; one zero inside
    w[5, 9] = 1.0  # the last, short block
    stats = kernel_stats(w, 4)
    np.testing.assert_array_equal(stats.m, [[2, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(stats.n, [[2, 0, 0], [0, 0, 1]])
    assert (stats.weights, stats.nonzeros, stats.stored, stats.index_entries) == (60, 4, 5, 6)
    assert stats.index_bits == 6 * 2
    assert stats.size_bits == 6 * 2 * 3
    assert stats.nio == 1.5
    assert stats.rate == 15


@pytest.mark.parametrize(("block", "bound"), [(32, 0.09), (16, 0.14)])
def test_index_overhead(block, bound):
    w = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
    stats = kernel_stats(csb_project(w, block, 12), block)
    assert stats.nio <= 1.1 * math.sqrt(12) / (block / 2)
    assert stats.overhead_bits <= bound
    assert stats.csr_nio > 1
