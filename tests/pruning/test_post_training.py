# SPDX-License-Identifier: Apache-2.0
"""Pruning with calibration data: inputs of a layer, solving for rows, and the whole on modules."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

import csb_rnn
from csb_rnn.errors import CsbError
from csb_rnn.experiments.tasks.post_training_runs import again, key_of, place
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.pruning import make_scheme
from csb_rnn.pruning.activations import run_layer
from csb_rnn.pruning.parts import tensors_of
from csb_rnn.pruning.post_training import prune_with_data
from csb_rnn.pruning.reconstruct import Moments, Problem, solve_rows
from csb_rnn.pruning.schemes import Csb
from tests.pruning.class_masks import check

torch.set_num_threads(1)  # tests run side by side
INPUTS, UNITS, BLOCK = 8, 32, 8


def modules() -> dict[str, nn.RNNBase]:
    torch.manual_seed(0)
    return {
        "lstm": nn.LSTM(INPUTS, UNITS, 2),
        "gru": nn.GRU(INPUTS, UNITS, bidirectional=True),
        "projected": nn.LSTM(INPUTS, UNITS, proj_size=16),
        "rnn": nn.RNN(INPUTS, UNITS, bias=False),
    }


def data(seed: int) -> np.ndarray:
    """Smooth inputs: real ones are, and it is what data can tell of."""
    noise = np.random.default_rng(seed).normal(size=(6, 24, INPUTS))
    return 0.3 * np.cumsum(noise, 1).astype(np.float32)


def distance(a: nn.RNNBase, b: nn.RNNBase, x: np.ndarray) -> float:
    """Of outputs, over their size."""
    with torch.no_grad():
        y, z = (m(torch.from_numpy(x).transpose(0, 1))[0] for m in (a, b))
    return float((y - z).square().mean().sqrt() / y.square().mean().sqrt())


@pytest.mark.parametrize("name", modules())
def test_layers_run_as_the_module(name, seed) -> None:
    module, x = modules()[name], data(seed)
    cell = {"cell": "rnn"} if name == "rnn" else None
    source = from_state_dict(module.state_dict(), None, cell)
    y = torch.from_numpy(x).double()
    for layer in source.layers:
        ways = ("", "_reverse") if layer.bidirectional else ("",)
        runs = [
            run_layer(source.cell, layer, tensors_of(source, f"_l{layer.index}{way}"), y,
                      reverse=bool(way))
            for way in ways
        ]  # fmt: skip
        y = torch.cat([run.outputs for run in runs], -1)
    with torch.no_grad():
        want = module(torch.from_numpy(x).transpose(0, 1))[0].transpose(0, 1)
    y = y.detach()
    assert float((y - want).abs().max()) < 1e-5


@pytest.mark.parametrize("name", modules())
def test_data_keep_outputs_where_magnitude_does_not(name, seed) -> None:
    """On other data than it was pruned with, at the same rate."""
    dense = modules()[name]
    by_size, with_data = copy.deepcopy(dense), copy.deepcopy(dense)
    csb_rnn.prune(by_size, rate=3, block=BLOCK, align=(2, 2))
    kept = csb_rnn.prune(with_data, rate=3, block=BLOCK, align=(2, 2), data=data(seed))
    assert kept.rate == pytest.approx(3, rel=0.05)
    other = data(seed + 1)
    assert distance(dense, with_data, other) < 0.6 * distance(dense, by_size, other)


def test_refining_betters_the_outputs(seed) -> None:
    dense = modules()["lstm"]
    plain, refined = copy.deepcopy(dense), copy.deepcopy(dense)
    csb_rnn.prune(plain, rate=6, block=BLOCK, data=data(seed))
    csb_rnn.prune(refined, rate=6, block=BLOCK, data=data(seed), refine=8)
    assert distance(dense, refined, data(seed)) < distance(dense, plain, data(seed))
    for a, b in zip(plain.parameters(), refined.parameters(), strict=True):
        if a.ndim == 2:
            assert torch.equal(a == 0, b == 0)


def test_classes_are_balanced(seed, tmp_path) -> None:
    module = modules()["gru"]
    kept = csb_rnn.prune(
        module, rate=3, block=BLOCK, align=(1, 2), classes=4, data=list(data(seed))
    )
    classes = np.array(kept.metadata["unit_class"]["hidden_l0"])
    assert check((module.weight_hh_l0 != 0).detach().numpy(), classes, 4, 2, BLOCK) > 4
    kept.save(tmp_path / "m.pt")
    other = modules()["gru"]
    other.load_state_dict(torch.load(tmp_path / "m.pt", weights_only=True), strict=True)
    assert torch.equal(other.bias_ih_l0, module.bias_ih_l0)


def test_states_before_the_first_frame_count(seed) -> None:
    """A decoder that starts from its encoder's state, pruned where gradients are off.

    States differ along one direction: with them known its products are kept.
    """
    torch.manual_seed(seed)
    source = from_state_dict(nn.GRU(INPUTS, UNITS).state_dict())
    rng = np.random.default_rng(seed)
    x, h = 0.1 * data(seed)[:, :3], np.outer(np.linspace(1, 2, 6), rng.choice([-1.0, 1.0], UNITS))

    def off(state) -> float:
        with torch.no_grad():
            new, _ = prune_with_data(source, make_scheme("csb", BLOCK), 3, x, state=state)
        y, z = (run_layer("gru", c.layers[0], tensors_of(c, "_l0"), torch.from_numpy(x).double(),
                          state=torch.from_numpy(h)).outputs for c in (source, new))  # fmt: skip
        return float((y - z).square().mean())

    assert off((h, h)) < 0.5 * off(None)


def test_rivals_use_the_same_driver(seed) -> None:
    source = from_state_dict(modules()["lstm"].state_dict())
    for name in ("unstructured", "bank", "rowcol"):
        new, _ = prune_with_data(source, make_scheme(name, 8), 3, data(seed), deal=False)
        assert new.rate == pytest.approx(3, rel=0.05)


def test_rows_are_solved_exactly(seed) -> None:
    """Row by row as numpy's least squares gives them, damping as rows of their own."""
    rng = np.random.default_rng(seed)
    z, zd, w0 = rng.normal(size=(1, 50, 6)), rng.normal(size=(1, 50, 6)), rng.normal(size=(5, 6))
    used = torch.ones(1, 50, dtype=torch.bool)
    moments = Moments.of(torch.from_numpy(zd), torch.from_numpy(z), used)
    p = Problem(torch.from_numpy(w0), moments, torch.ones(5, dtype=torch.float64), 1)
    mask = torch.from_numpy(rng.random((5, 5)) < 0.6)
    got = solve_rows(p, mask).numpy()
    damping = float(p.matrix[0, 0] - moments.seen[0, 0]) * 50
    for row in range(5):
        at = np.append(np.flatnonzero(mask[row].numpy()), 5)
        left = np.concatenate([z[0], np.sqrt(damping) * np.eye(6)])[:, at]
        right = np.concatenate([zd[0] @ w0[row], np.sqrt(damping) * w0[row]])
        assert np.allclose(got[row, at], np.linalg.lstsq(left, right, rcond=None)[0])
        assert not np.delete(got[row], at).any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: csb_rnn.prune(modules()["rnn"], rate=2, data=np.ones((5, 3))), "data: expected"),
        (lambda: csb_rnn.prune(modules()["rnn"], rate=2, data=np.full((5, 8), np.nan)), "NaN"),
        (lambda: prune_with_data(from_state_dict(modules()["gru"].state_dict()), Csb(8), 2,
                                 data(0), state=(np.ones((6, 32)),) * 2), "of one layer"),
        (lambda: prune_with_data(from_state_dict(nn.GRU(8, 16).state_dict()), Csb(8), 2,
                                 data(0), state=(np.ones((6, 3)),) * 2), "state: expected"),
        (lambda: csb_rnn.prune(modules()["rnn"], rate=2, refine=3), "give data="),
        (lambda: csb_rnn.prune(nn.Sequential(nn.GRU(8, 8)), rate=2, data=np.ones((5, 8))),
         "expected a torch.nn.LSTM"),
        (lambda: csb_rnn.prune(modules()["gru"], rate=2, data=[np.ones((5, 8)), np.ones((4, 8))]),
         "of one length"),
    ],
)  # fmt: skip
def test_bad_data_are_one_line(call, words) -> None:
    with pytest.raises(CsbError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_kept_rows_are_run_again_in_part_and_missing_ones_all() -> None:
    kept = [{"task": "Z2", "seed": 0, "method": "data", "rate": float(r)} for r in (2, 3, 4)]
    keys = [*map(key_of, kept), "Z2:1:data:2"]
    assert again(keys, kept, 2) == ["Z2:0:data:2", "Z2:0:data:4", "Z2:1:data:2"]
    other = {**kept[0], "method": "one-shot", "rate": 4.0}
    assert sorted([*kept, other], key=place)[0] is other
