# SPDX-License-Identifier: Apache-2.0
"""Pruning as large trainings need it: many ranks, mixed precision, compiled modules, few bits."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from csb_rnn.machine.folders import ROOT
from csb_rnn.pruning import (
    AdmmPruner,
    FeedbackPruner,
    PruningError,
    StraightThrough,
    make_scheme,
)
from csb_rnn.pruning.straight_through import rounded

torch.set_num_threads(1)  # tests run side by side
RANKS = 2
METHODS = {"admm": AdmmPruner, "feedback": FeedbackPruner}


def test_all_ranks_have_the_same_masks(tmp_path) -> None:
    """Two processes with other data; weights and masks are equal bit for bit."""
    path = os.pathsep.join([str(ROOT / "golden"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.pruning.ranks", str(rank), str(RANKS),
             str(tmp_path / "meeting"), str(tmp_path)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": path},
        )
        for rank in range(RANKS)
    ]  # fmt: skip
    assert [rank.wait(timeout=600) for rank in ranks] == [0] * RANKS
    for method in METHODS:
        first, other = (torch.load(tmp_path / f"{method}{rank}.pt") for rank in range(RANKS))
        assert not torch.equal(first["last"], other["last"])
        assert first["masks"].keys() == {"weight_ih_l0", "weight_hh_l0"}
        for kind in ("masks", "weights"):
            for name, value in first[kind].items():
                assert torch.equal(value, other[kind][name])
        kept = first["masks"]["weight_hh_l0"].float().mean()
        assert float(kept) == pytest.approx(1 / 3, abs=0.02)


def trained(model: nn.Module, pruner, kind: torch.dtype | None = None) -> None:
    """Six steps, the masks hard from the fourth on."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    generator = torch.Generator().manual_seed(0)
    for step in range(6):
        optimizer.zero_grad()
        x = torch.randn(5, 2, 6, generator=generator)
        with torch.autocast("cpu", kind or torch.bfloat16, enabled=kind is not None):
            loss = model(x)[0].float().square().mean()
        loss.backward()
        pruner.add_gradients()
        optimizer.step()
        if pruner.hardened or pruner.every_step:
            pruner.constrain()
        if step == 3:
            pruner.harden()
        elif not pruner.hardened:
            pruner.update()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", ["autocast", "bfloat16", "compiled"])
def test_other_precisions_and_compiled_modules(method, way, seed) -> None:
    """The rate is met and zeros stay; a compiled module keeps the names of its parameters."""
    torch.manual_seed(seed)
    inner = nn.LSTM(6, 32)
    model: nn.Module = inner
    if way == "bfloat16":
        inner.to(torch.bfloat16)
        model = nn.Sequential()
        model.forward = lambda x: inner(x.to(torch.bfloat16))  # type: ignore[method-assign]
        model.inner = inner
    elif way == "compiled":
        model = torch.compile(inner, backend="eager")
    pruner = METHODS[method](inner, make_scheme("csb", 8, (2, 2)), 4.0)
    trained(model, pruner, torch.bfloat16 if way == "autocast" else None)
    assert pruner.achieved() == pytest.approx(4, rel=0.05)
    for name, mask in pruner.masks.items():
        weight = inner.get_parameter(name)
        assert weight.dtype == (torch.bfloat16 if way == "bfloat16" else torch.float32)
        assert not bool(weight[~mask].any())
        assert bool(torch.isfinite(weight).all())


def test_compiled_modules_are_pruned_as_they_are(seed, tmp_path) -> None:
    """A pruner of the compiled module itself: its file loads into the module that was compiled."""
    torch.manual_seed(seed)
    inner = nn.LSTM(6, 32)
    pruner = FeedbackPruner(torch.compile(inner, backend="eager"), make_scheme("csb", 8), 4.0)
    pruner.harden()
    pruner.save(tmp_path / "m.pt")
    other = nn.LSTM(6, 32)
    other.load_state_dict(torch.load(tmp_path / "m.pt", weights_only=True), strict=True)
    assert torch.equal(other.weight_hh_l0, inner.weight_hh_l0)


def test_rounded_weights() -> None:
    """By hand: up to 1.7 in 8 bits by 1/64, a gate by its own step; 16 bits by 1/16384."""
    w = torch.tensor([[1.7, -0.01], [0.1, 0.003]])
    assert rounded(w, 8).tolist() == [[109 / 64, -1 / 64], [6 / 64, 0]]
    assert rounded(w, 8, 2)[1].tolist() == [102 / 1024, 3 / 1024]
    assert rounded(w, 16)[0, 0].item() == round(1.7 * 16384) / 16384
    assert not rounded(torch.zeros(2, 2), 8).any()


def test_steps_move_whole_weights_behind_rounded_ones(seed) -> None:
    """The model computes with weights of four bits; small steps add up behind them."""
    torch.manual_seed(seed)
    model = nn.GRU(6, 16)
    bits = StraightThrough({n: p for n, p in model.named_parameters() if p.ndim == 2}, 4)
    whole = model.weight_hh_l0.detach().clone()
    for _ in range(2):
        bits.show()
        bits.show()  # a second pass in the same step
        values = [part.unique().numel() for part in model.weight_hh_l0.chunk(3)]
        assert max(values) <= 16
        loss = model(torch.randn(4, 2, 6))[0].square().mean()
        loss.backward()
        bits.restore()
        with torch.no_grad():
            model.weight_hh_l0.sub_(1e-3 * model.weight_hh_l0.grad)
    moved = (model.weight_hh_l0.detach() - whole).abs().max()
    assert 0 < float(moved) < 0.01
    with pytest.raises(PruningError, match="2 to 16 bits, not 1"):
        StraightThrough({}, 1)
