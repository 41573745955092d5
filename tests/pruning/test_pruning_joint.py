# SPDX-License-Identifier: Apache-2.0
"""The joint projection: a CSB pattern at the rate, better than the two passes, near the best."""

import itertools
import math

import numpy as np
import pytest
import torch

from csb_rnn.network.kernels import kernel_stats
from csb_rnn.pruning.joint import joint_mask
from csb_rnn.pruning.projection import ProjectionError, csb_mask
from csb_rnn.pruning.schemes import Csb, RowColumn, make_scheme

torch.set_num_threads(1)  # tests run side by side


def skewed(shape, seed, spread=0.5):
    """Normal weights whose rows and columns differ in size, as those of trained matrices do."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.randn(shape, generator=generator)
    for size in ((shape[0], 1), (1, shape[1])):
        w = w * torch.exp(spread * torch.randn(size, generator=generator))
    return w


def kept(w, mask):
    return float((w.square() * mask).sum() / w.square().sum())


@pytest.mark.parametrize("align", [(1, 1), (4, 4), (2, 3)])
@pytest.mark.parametrize("rate", [2, 8, 25, 80])
@pytest.mark.parametrize("block", [16, 32, 64])
def test_rate_alignment_and_energy(block, rate, align):
    """The rate within 2 %, whole groups, an index near the paper's, and more energy than its."""
    w = skewed((768, 250), rate, 0.2)
    mask = joint_mask(w, block, rate, align)
    assert abs(float(mask.sum()) * rate / w.numel() - 1) < 0.02
    more = 1.02 if rate >= 8 else 1.0
    assert kept(w, mask) > more * kept(w, csb_mask(w, block, rate, align, tolerance=None))
    found = kernel_stats(w * mask, block)
    n = found.n[:, : 250 // block]  # the last block-column is short
    assert block % align[0] or not (found.m % align[0]).any()
    assert block % align[1] or not (n % align[1]).any()
    assert found.nio <= 1.15 * math.sqrt(found.rate) / (block / 2)


def test_is_near_the_best_of_one_block():
    """Against every pattern of one 8 x 8 block of as many weights, in 30 draws."""
    shares = []
    for seed in range(30):
        w = skewed((8, 8), seed)
        mask = joint_mask(w, 8, 4, index=0.0)
        power = w.square().numpy()
        count, best = int(mask.sum()), 0.0
        for rows in itertools.product((False, True), repeat=8):
            if not any(rows) or count % sum(rows):
                continue
            energy = np.sort(power[list(rows)].sum(0))[::-1]
            best = max(best, float(energy[: count // sum(rows)].sum()))
        shares.append(float((power * mask.numpy()).sum()) / best)
    assert np.mean(shares) > 0.97
    assert min(shares) > 0.85


def test_the_same_again_and_scaled():
    w = skewed((200, 120), 1)
    mask = joint_mask(w, 32, 10, (4, 4))
    assert torch.equal(mask, joint_mask(w, 32, 10, (4, 4)))
    assert torch.equal(mask, joint_mask(w * 2.0**-60, 32, 10, (4, 4)))
    assert torch.equal(mask, joint_mask(w.double(), 32, 10, (4, 4)))
    assert torch.equal(mask, joint_mask(w.double() * 2.0**200, 32, 10, (4, 4)))
    assert not joint_mask(w, 32, math.inf).any()
    assert not joint_mask(torch.zeros(40, 40), 32, 4).any()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: joint_mask(torch.full((40, 40), math.nan), 32, 4),
        lambda: joint_mask(torch.ones(40, 40), 64, 4),
        lambda: joint_mask(torch.ones(40, 40), 32, 0.5),
        lambda: joint_mask(torch.ones(2, 40, 40), 32, 4),
        lambda: make_scheme("bank", 32, joint=True),
    ],
)
def test_refusals(bad):
    with pytest.raises(ProjectionError):
        bad()


def test_row_column_of_the_best_shape():
    """Never worse than rows first, columns after; rows and columns whole; the rate met."""
    w = skewed((300, 200), 3)
    for rate in (4, 16, 60):
        plain, joint = RowColumn().mask(w, rate), RowColumn(joint=True).mask(w, rate)
        assert kept(w, joint) >= kept(w, plain)
        assert abs(float(joint.sum()) * rate / w.numel() - 1) < 0.05
        assert torch.equal(joint, joint.any(1)[:, None] & joint.any(0)[None, :])


def test_scheme_takes_it():
    w = skewed((96, 64), 5)
    scheme = Csb(32, (4, 4), joint=True)
    assert torch.equal(scheme.project(w, 6) != 0, joint_mask(w, 32, 6, (4, 4)))
    assert scheme.describe()["projection"] == "joint"
