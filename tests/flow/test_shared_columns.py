# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to a machine with shared columns: pruning, its cost, the same numbers."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import nn

from csb_rnn.compiler import compile_network, fullness
from csb_rnn.execution.interpreter import Interpreter
from csb_rnn.flow import steps
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.stacking import network_from_checkpoint
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.pruning.oneshot import prune_checkpoint
from csb_rnn.pruning.schemes import Csb

MACHINE = config.load("small", shared_cols=4, deep=0)
BLOCK = 16


def checkpoint(seed: int) -> Checkpoint:
    torch.manual_seed(seed)
    state = nn.LSTM(24, 64, 2).state_dict()
    return from_state_dict({f"rnn.{k}": v for k, v in state.items()})


def test_pruning_for_the_machine_fills_its_words(seed, caplog) -> None:
    """Kernels by class: words are full, nothing is said; without: one line with the cost. Both
    give the numbers of the fixed model."""
    dense = checkpoint(seed)
    for machine, low, high in ((MACHINE, 0.97, 1.0), (1, 0.2, 0.9)):
        pruned = prune_checkpoint(dense, Csb(BLOCK, (1, 4), machine=machine), 4.0)[0]
        q = quantise.quantise(network_from_checkpoint(pruned), MACHINE)
        assert low <= fullness(q, MACHINE, BLOCK) <= high
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            steps.say_cost(q, MACHINE, BLOCK)
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == (machine == 1)
        if said:
            assert "small shares columns among 4 PE rows" in said[0]
            assert "\n" not in said[0]
        x = q.quantise_inputs(np.random.default_rng(seed).normal(size=(5, 24)))
        want, _ = FixedModel(q, MACHINE).run(x)
        got = Interpreter(compile_network(q, MACHINE, block=BLOCK), x, None, seed).run()
        assert np.array_equal(got, want)


@pytest.mark.parametrize("classes", [["a"], [[0]], [0.5], "no list", [10**9] * 64])
def test_odd_classes_of_a_file_are_left_out(seed, classes) -> None:
    """Metadata of an image folder are nobody's promise: the compiler finds classes itself."""
    pruned = prune_checkpoint(checkpoint(seed), Csb(BLOCK, (1, 4), machine=MACHINE), 4.0)[0]
    q = quantise.quantise(network_from_checkpoint(pruned), MACHINE)
    csb = {**q.csb, "unit_class": {"hidden_l0": classes}}
    odd = type(q)(**{**{f: getattr(q, f) for f in q.__dataclass_fields__}, "csb": csb})
    assert 0.2 < fullness(odd, MACHINE, BLOCK) <= 1


def test_sharing_shortens_the_longest_program(seed) -> None:
    c = config.load("small", shared_cols=4, share_v=1)
    scheme = Csb(BLOCK, (1, 4), machine=c)
    pruned = prune_checkpoint(checkpoint(seed), scheme, 4.0)[0]
    q = quantise.quantise(network_from_checkpoint(pruned), c)
    longest = {
        mode: max(len(g) for g in compile_network(q, c, sharing=mode, block=BLOCK).groups)
        for mode in ("none", "horizontal", "both")
    }
    assert longest["horizontal"] <= longest["none"]
    assert longest["both"] <= longest["none"]
    assert min(longest["horizontal"], longest["both"]) < longest["none"]
