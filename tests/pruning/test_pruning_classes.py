# SPDX-License-Identifier: Apache-2.0
"""Class-balanced projections: as many rows of every class in every kernel, columns in groups."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from csb_rnn.machine import config, unit_classes
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.pruning import AdmmPruner, FeedbackPruner, make_scheme
from csb_rnn.pruning.classes import class_mask, model_classes
from csb_rnn.pruning.oneshot import prune_checkpoint
from csb_rnn.pruning.projection import ProjectionError
from csb_rnn.pruning.schemes import Csb
from tests.pruning.class_masks import check

BLOCK = 8
MACHINE = config.load("tiny_cols", P=4, Q=2, shared_cols=2)
GATES = 4


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("machine", [4, 2])
def test_kernels_are_balanced(seed, machine: int, joint: bool) -> None:
    torch.manual_seed(seed)
    w = torch.randn(GATES * 32, 24)
    found = model_classes({"weight_ih_l0": w, "weight_hh_l0": torch.randn(128, 32)}, BLOCK, machine)
    classes = found.unit_class["hidden_l0"]
    mask = class_mask(w, 4.0, found.cuts["weight_ih_l0"], BLOCK, 2, joint)
    assert check(mask.numpy(), classes, machine, 2, BLOCK) > 10
    assert w.numel() / int(mask.sum()) == pytest.approx(4, rel=0.08)


def test_best_of_every_class_is_kept() -> None:
    """The example of the documents: eight rows, two classes; the two best rows are of one class."""
    w = torch.ones(8, 4)
    w[0], w[2], w[1] = 9, 8, 3  # rows 0 and 2 are of class 0, row 1 is the best of class 1
    cut = model_classes({"weight_hh_l0": torch.ones(8, 8)}, 8, 2).cuts["weight_hh_l0"]
    cut = type(cut)(np.arange(8) % 2, 2, np.arange(4), (), np.zeros(4, np.int64))
    mask = class_mask(w, 4.0, cut, 8, 4)
    assert mask.any(1).nonzero().flatten().tolist() == [0, 1]


def test_machine_decides_parts_and_inputs(seed) -> None:
    """Parts of two classes in two share groups; blocks of inputs are those of an engine column."""
    torch.manual_seed(seed)
    tensors = {"weight_ih_l0": torch.randn(128, 20), "weight_hh_l0": torch.randn(128, 32)}
    found = model_classes(tensors, BLOCK, MACHINE)
    classes = found.unit_class["hidden_l0"]
    assert unit_classes.fits(classes, 32, BLOCK, MACHINE)
    assert set(classes.tolist()) == {0, 1, 2, 3}
    order = found.cuts["weight_ih_l0"].columns
    mask = class_mask(tensors["weight_ih_l0"], 3.0, found.cuts["weight_ih_l0"], BLOCK, 2)
    even, odd = np.split(mask.numpy()[:, order], 2, axis=1)
    assert np.array_equal(order, [*range(0, 20, 2), *range(1, 20, 2)])
    for part in (even, odd):  # ten columns: a whole block and a short one
        assert check(part, classes, 2, 2, BLOCK) > 4


@pytest.mark.parametrize("kind", [AdmmPruner, FeedbackPruner])
@pytest.mark.parametrize("joint", [False, True])
def test_pruners_keep_classes(seed, kind, joint) -> None:
    torch.manual_seed(seed)
    model = nn.LSTM(8, 16, 2)
    pruner = kind(model, make_scheme("csb", BLOCK, (1, 2), joint, 4), 3.0)
    pruner.update()
    pruner.harden()
    meta = pruner.scheme.metadata()
    assert meta["classes"] == 4
    for name, parameter in model.named_parameters():
        if name.startswith("weight"):
            classes = np.array(meta["unit_class"][f"hidden_{name[-2:]}"])
            assert check((parameter != 0).numpy(), classes, 4, 2, BLOCK)


def test_orders_and_classes_do_not_mix() -> None:
    pruner = AdmmPruner(nn.GRU(8, 16), make_scheme("csb", BLOCK, (1, 2), machine=4), 3.0)
    with pytest.raises(RuntimeError, match="classes and orders"):
        pruner.reorder(3.0)
    state = {f"rnn.{k}": v for k, v in nn.GRU(8, 16).state_dict().items()}
    order = {"weight_ih_l0": list(range(48))}
    checkpoint = from_state_dict(state, csb={"row_order": order})
    with pytest.raises(ProjectionError, match=r"csb\.row_order"):
        prune_checkpoint(checkpoint, Csb(BLOCK, (1, 2), machine=4), 3.0)


def test_one_shot_writes_and_drops_metadata(seed) -> None:
    torch.manual_seed(seed)
    state = {f"rnn.{k}": v for k, v in nn.GRU(16, 32).state_dict().items()}
    scheme = Csb(BLOCK, (1, 2), machine=4)
    pruned, _ = prune_checkpoint(from_state_dict(state), scheme, 4.0)
    assert pruned.csb["classes"] == 4
    classes = np.array(pruned.csb["unit_class"]["hidden_l0"])
    assert check(pruned.tensors["weight_hh_l0"] != 0, classes, 4, 2, BLOCK) > 4
    again, _ = prune_checkpoint(pruned, Csb(BLOCK), 6.0)
    assert not {"classes", "unit_class"} & again.csb.keys()


@pytest.mark.parametrize("classes", [0, 9])
def test_classes_out_of_range(classes: int) -> None:
    with pytest.raises(ProjectionError, match="classes must be 1 to block 8"):
        model_classes({"weight_hh_l0": torch.ones(32, 8)}, BLOCK, classes)
