# SPDX-License-Identifier: Apache-2.0
"""A rate found for a number of cycles: the compiled program takes no more, and little less."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

import csb_rnn
from csb_rnn.errors import UsageError

CONFIG, TARGET = "tiny", 131


@pytest.fixture(scope="module")
def gru() -> nn.GRU:
    torch.manual_seed(0)
    return nn.GRU(16, 64)


def cycles(module: nn.GRU) -> float:
    return csb_rnn.build(module, config=CONFIG).predict().cycles


def test_the_program_meets_the_target(gru) -> None:
    """A tenth less pruning would not do."""
    found, less = copy.deepcopy(gru), copy.deepcopy(gru)
    kept = csb_rnn.prune(found, target_cycles=TARGET, config=CONFIG)
    assert 0.9 * TARGET < cycles(found) <= TARGET
    csb_rnn.prune(less, rate=0.9 * kept.rate, config=CONFIG)
    assert cycles(less) > TARGET


def test_pruned_with_data_it_meets_the_target_too(gru) -> None:
    found = copy.deepcopy(gru)
    x = np.random.default_rng(0).normal(size=(4, 30, 16)).cumsum(1) * 0.2
    csb_rnn.prune(found, target_cycles=TARGET, config=CONFIG, data=x)
    assert cycles(found) <= TARGET
    assert not torch.equal(found.bias_ih_l0, gru.bias_ih_l0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target_cycles": 20, "config": CONFIG}, "out of reach on tiny: at rate 128"),
        ({"target_cycles": 0, "config": CONFIG}, "expected a number of cycles, got 0"),
        ({"target_cycles": 9}, "give config="),
        ({"target_cycles": 9, "rate": 2}, "either rate= or target_cycles="),
        ({}, "either rate= or target_cycles="),
    ],
)
def test_bad_targets_are_one_line(gru, options, words) -> None:
    before = copy.deepcopy(gru)
    with pytest.raises(UsageError, match=words) as caught:
        csb_rnn.prune(gru, **options)
    assert "\n" not in str(caught.value)
    assert torch.equal(before.weight_hh_l0, gru.weight_hh_l0)
