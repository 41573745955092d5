# SPDX-License-Identifier: Apache-2.0
"""Description files: cells and tensor names that nobody else has."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from csb_rnn.experiments.tasks.ligru import LiGru
from csb_rnn.models import directions
from csb_rnn.network import description
from csb_rnn.network.description import DescriptionError
from tests.network.descriptions import LIGRU, OWN, own_arrays, write


def test_batch_norm_is_folded(tmp_path):
    torch.manual_seed(0)
    layer = LiGru(5, 6)
    layer.bn.running_mean.normal_()
    layer.bn.running_var.uniform_(0.5, 2)
    layer.bn.weight.data.uniform_(0.5, 2)
    layer.bn.bias.data.normal_()
    layer.bias_ih_l0.data.normal_()
    layer.eval()
    state = {k: v.detach().numpy() for k, v in layer.state_dict().items()}
    m = description.read_description(write(tmp_path, LIGRU, **state))
    x = torch.randn(2, 9, 5)
    with torch.no_grad():
        want = layer(x)[0].numpy()
    assert np.abs(directions.run(m, x.numpy())[0] - want).max() < 1e-5
    assert m.single.block == 8


def test_a_cell_of_its_own(tmp_path):
    a = own_arrays()
    m = description.read_description(write(tmp_path, OWN, **a))
    x = np.random.default_rng(1).normal(size=(6, 3))
    halves = []
    for turn, u in ((1, a["uf"].T), (-1, a["uf"])):
        h, out = np.zeros(4), []
        for frame in x[::turn]:
            bias = a["bf"] if turn == 1 else 0
            f = 1 / (1 + np.exp(-(a["wf"] @ frame + u @ h + bias)))
            h = f * h + (1 - f) * np.tanh(a["wg"] @ frame + a["ug"] @ h)
            out.append(h)
        halves.append(np.array(out[::turn]))
    want = np.concatenate(halves, axis=1) @ a["head"].T
    assert np.abs(directions.run(m, x)[0] - want).max() < 1e-6


def test_torch_names_behind_a_prefix(tmp_path):
    gru = torch.nn.GRU(3, 4, 2)
    arrays = {f"enc.{k}": v.detach().numpy() for k, v in gru.state_dict().items()}
    one = '[[layer]]\ncell = "gru"\ntorch = "enc."\nnumber = {}\n'
    m = description.read_description(
        write(tmp_path, 'weights = "w.npz"\n' + one.format(0) + one.format(1), **arrays)
    )
    x = torch.randn(7, 3)
    with torch.no_grad():
        assert np.abs(directions.run(m, x.numpy())[0] - gru(x)[0].numpy()).max() < 1e-5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"wf"', '"none"', "layer 0: W.f.x: the weights have no 'none'"),
        ('W.g.x = "wg"\nW.f.h', "W.f.h", "layer 0: W.g.x is missing"),
        ('cell = "janet"', 'cell = "jane"', "layer 0: unknown cell 'jane'"),
        ('act = "tanh"', 'act = "softmax"', "cells.janet: janet.g: unknown activation"),
        ('x1 = "g"', 'x1 = "q"', "janet.h: x1 names unknown 'q'"),
        ('x1 = "g"', 'x9 = "q"', "cells.janet: .*x9"),
        ("transpose", "transposed", "unknown 'transposed'"),
        ('"w.npz"', '"none.npz"', "none.npz: no such file"),
        ('weights = "w.npz"', "", "expected weights"),
        ("[[layer]]", "[[layer", "model.toml: "),
        ('W.y.x = "head"', 'W.y.x = "wf"', "layer 1: takes 3 inputs, layer 0 returns 8"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, message):
    with pytest.raises(DescriptionError, match=message):
        description.read_description(write(tmp_path, OWN.replace(old, new), **own_arrays()))
