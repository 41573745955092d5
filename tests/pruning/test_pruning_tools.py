# SPDX-License-Identifier: Apache-2.0
"""Masks of the public tools, and their recipe: what is pruned stays pruned."""

import torch
from torch import nn

from csb_rnn.experiments.tasks.plans import PLANS
from csb_rnn.experiments.tasks.scheme_names import scheme_named
from csb_rnn.pruning.gradual import GradualPruner
from csb_rnn.pruning.rivals import Unstructured
from csb_rnn.pruning.tools import TOOLS, TorchBlocks, TorchRows, TorchWeights


def matrix(seed: int, height: int = 48, width: int = 32) -> torch.Tensor:
    return torch.randn(height, width, generator=torch.Generator().manual_seed(seed))


def test_single_weights_are_those_of_our_scheme(seed) -> None:
    w = matrix(seed)
    assert torch.equal(TorchWeights().mask(w, 6), Unstructured().mask(w, 6))


def test_rows_and_blocks_are_whole(seed) -> None:
    w = matrix(seed)
    rows = TorchRows().mask(w, 6)
    assert int(rows.sum()) == 8 * 32
    assert torch.equal(rows.any(1), rows.all(1))
    blocks = TorchBlocks().mask(w, 6).reshape(12, 4, 8, 4).transpose(1, 2).reshape(96, 16)
    assert torch.equal(blocks.any(1), blocks.all(1))
    norms = w.reshape(12, 4, 8, 4).transpose(1, 2).reshape(96, 16).norm(dim=1)
    assert int(blocks.any(1).sum()) == 16
    assert float(norms[blocks.any(1)].min()) > float(norms[~blocks.any(1)].max())


def test_masks_only_shrink(seed) -> None:
    """A weight that training would bring back stays zero; the last rate is met."""
    w = nn.Parameter(matrix(seed))
    pruner = GradualPruner({"w": w}, TorchWeights(), 1)
    before = torch.ones_like(w, dtype=torch.bool)
    for rate in (2, 4, 8):
        pruner.set_rate(rate)
        pruner.update()
        now = w != 0
        assert int((now & ~before).sum()) == 0
        assert int(now.sum()) == w.numel() // rate
        with torch.no_grad():
            w.add_(torch.where(now, 0.0, 100.0))
        pruner.constrain()
        assert torch.equal(w != 0, now)
        before = now
    pruner.harden()
    assert pruner.achieved() == 8


def test_every_tool_has_its_place_in_the_table() -> None:
    for name in TOOLS:
        plan = PLANS["Z2"]
        assert name in plan.schemes
        named = plan.named(name)
        assert named == plan.named(name, "") == f"{name}+gradual"
        assert plan.recipe_of(named).method == "gradual"
        assert scheme_named(named).name == name
