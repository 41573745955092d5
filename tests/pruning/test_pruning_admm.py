# SPDX-License-Identifier: Apache-2.0
"""ADMM on problems with known answers, resuming, schemes, and the search for the lossless rate."""

import copy
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from csb_rnn.pruning import (
    SCHEMES,
    AdmmPruner,
    ProjectionError,
    PruningError,
    achieved_rate,
    make_scheme,
    recurrent_matrices,
)
from csb_rnn.pruning.search import search_lossless
from tests.pruning.pruning_loop import train

torch.set_num_threads(1)  # tests run side by side


def solve_quadratic(target: torch.Tensor, scheme, rate: float) -> torch.Tensor:
    """Minimise ||W - target||^2 / 2 over a scheme's set, by ADMM, harden, retrain."""
    w = nn.Parameter(torch.zeros_like(target))
    with torch.no_grad():
        w.copy_(
            target + 0.3 * torch.randn(target.shape, generator=torch.Generator().manual_seed(5))
        )
    pruner = AdmmPruner({"w": w}, scheme, rate, rho=0.5)
    optimizer = torch.optim.SGD([w], lr=0.3)
    for phase in range(2):
        for _ in range(30):
            for _ in range(5):
                optimizer.zero_grad()
                ((w - target).square().sum() / 2 + pruner.penalty()).backward()
                optimizer.step()
                if pruner.hardened:
                    pruner.constrain()
            if phase == 0:
                pruner.update()
        if phase == 0:
            pruner.harden()
    return w.detach()


@pytest.mark.parametrize(
    "name", ["unstructured", "row", "bank", "column", "rowcol", "csb", "circulant"]
)
def test_quadratic_has_the_projection_as_its_answer(name):
    """The nearest point of the set to ``target`` is its projection."""
    scheme = make_scheme(name, block=8, align=(2, 2))
    noise = torch.randn(32, 32, generator=torch.Generator().manual_seed(0))
    target = noise * 0.01 + scheme.project(noise.sign() + noise, 4) * 3
    answer = scheme.project(target, 4)
    torch.testing.assert_close(solve_quadratic(target, scheme, 4), answer, atol=1e-4, rtol=0)


def setup(seed=0):
    torch.manual_seed(seed)
    model = nn.GRU(6, 16)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    return model, optimizer, AdmmPruner(model, make_scheme("csb", 8, (2, 2)), 4, rho=0.1)


@pytest.mark.parametrize("cut", [2, 5])
def test_resume_equals_uninterrupted_bit_for_bit(cut):
    whole = setup()
    train(*whole, range(8))
    first = setup()
    train(*first, range(cut))
    buffer = io.BytesIO()
    torch.save([part.state_dict() for part in first], buffer)
    buffer.seek(0)
    second = setup(seed=99)
    for part, state in zip(second, torch.load(buffer, weights_only=True), strict=True):
        part.load_state_dict(state)
    train(*second, range(cut, 8))
    for a, b in zip(whole[0].parameters(), second[0].parameters(), strict=True):
        assert torch.equal(a, b)
    assert json.dumps(whole[2].rates) == json.dumps(second[2].rates)


def test_gradient_form_equals_penalty():
    model, _, pruner = setup()
    pruner.update()
    pruner.penalty().backward()
    expected = {name: p.grad.clone() for name, p in pruner.params.items()}
    model.zero_grad()
    pruner.add_gradients()
    for name, parameter in pruner.params.items():
        torch.testing.assert_close(parameter.grad, expected[name])


def test_masks_hold_and_rate_is_met():
    model, optimizer, pruner = setup()
    train(model, optimizer, pruner, range(8))
    assert abs(pruner.achieved() / 4 - 1) < 0.03
    for name, parameter in pruner.params.items():
        assert not parameter.detach()[~pruner.masks[name]].any()
    assert float(pruner.penalty()) == 0


def test_rates_by_name_and_update_rule():
    model = nn.LSTM(16, 16)
    pruner = AdmmPruner(model, make_scheme("unstructured"), {"weight_ih_l0": 2, "weight_hh_l0": 8})
    w = {name: p.detach().clone() for name, p in pruner.params.items()}
    pruner.update()
    assert achieved_rate(pruner.z["weight_ih_l0"]) == 2
    assert achieved_rate(pruner.z["weight_hh_l0"]) == 8
    for name, value in w.items():
        torch.testing.assert_close(pruner.u[name], value - pruner.z[name])


def test_clear_errors():
    with pytest.raises(PruningError, match="no recurrent weight matrix"):
        recurrent_matrices(nn.Linear(2, 2))
    model = nn.GRU(6, 16)
    with pytest.raises(PruningError, match="rate must be at least 1"):
        AdmmPruner(model, make_scheme("csb", 8), 0.5)
    with pytest.raises(PruningError, match="weight_hh_l0: no rate given"):
        AdmmPruner(model, make_scheme("csb", 8), {"weight_ih_l0": 2})
    with pytest.raises(PruningError, match="weight_ih_l0: block 64 is larger than the matrix"):
        AdmmPruner(model, make_scheme("csb", 64), 2)
    with pytest.raises(PruningError, match="bias_ih_l0: expected a matrix"):
        AdmmPruner({"bias_ih_l0": model.bias_ih_l0}, make_scheme("csb", 8), 2)
    with pytest.raises(ProjectionError, match="unknown scheme 'magic'"):
        make_scheme("magic")
    pruner = AdmmPruner(model, make_scheme("csb", 8), 2)
    with pytest.raises(PruningError, match="the loss is nan"):
        pruner.check_loss(math.nan)
    with torch.no_grad():
        model.weight_ih_l0.fill_(math.nan)
    with pytest.raises(PruningError, match="weight_ih_l0: NaN or infinity"):
        pruner.update()
    with pytest.raises(PruningError, match="pruner state does not fit"):
        AdmmPruner(nn.GRU(5, 16), make_scheme("csb", 8), 2).load_state_dict(pruner.state_dict())


@pytest.mark.parametrize("name", list(SCHEMES))
@pytest.mark.parametrize("shape", [(48, 32), (30, 23), (16, 1)])
def test_schemes(name, shape):
    scheme = make_scheme(name, block=8)
    w = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    for rate in (1, 2, 4):
        projected = scheme.project(w, rate)
        again = scheme.project(projected, rate)
        torch.testing.assert_close(again, projected)  # a projection: twice is once
        if rate == 1:
            assert torch.equal(projected, w)
        if scheme.masks:
            assert torch.equal(projected[projected != 0], w[projected != 0])
            if name != "column" and shape[1] > 1:
                assert abs(achieved_rate(projected) / rate - 1) < 0.1
    assert not scheme.project(w, math.inf).any()
    with pytest.raises(ProjectionError):
        scheme.project(w * math.nan, 2)


def test_scheme_patterns():
    w = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    assert (make_scheme("row").project(w, 4) != 0).sum(1).eq(16).all()
    assert (make_scheme("bank", 16).project(w, 4) != 0).reshape(64, 4, 16).sum(2).eq(4).all()
    mask = make_scheme("rowcol").project(w, 4) != 0
    assert torch.equal(mask, mask.any(1)[:, None] & mask.any(0)[None, :])
    circulant = make_scheme("circulant").project(w, 4)[:4, :4]
    for shift in range(4):
        values = [float(circulant[i, (i - shift) % 4]) for i in range(4)]
        np.testing.assert_allclose(
            values, [float(np.mean([w[i, (i - shift) % 4] for i in range(4)]))] * 4, rtol=1e-5
        )


def knee(limit, calls):
    def attempt(rate, warm):
        calls.append((rate, None if warm is None else warm["rate"]))
        return 100.0 if rate <= limit else 0.0, {"rate": rate}, {}

    return attempt


@pytest.mark.parametrize("limit", [1, 1.5, 7, 8, 11.3, 12, 19.9, 100])
def test_search_finds_the_knee(limit, tmp_path):
    calls = []
    found = search_lossless(knee(limit, calls), lambda r: r > 50, 8, 4, cap=60, max_rate=60)
    assert not found.capped
    assert found.rate <= limit
    assert min(limit, 60) - found.rate < 2  # at the smallest step, 1, from either side
    assert found.state == {"rate": found.rate}
    rates = [rate for rate, _ in calls]
    assert len(rates) == len(set(rates))


def test_search_caps_and_falls_back():
    found = search_lossless(knee(1000, []), lambda r: r > 50, 8, 4, cap=3)
    assert (found.rate, found.capped, len(found.tries)) == (16, True, 3)
    none = search_lossless(knee(0, []), lambda r: r > 50, 8, 4, cap=30)
    assert (none.rate, none.result, none.state) == (1.0, None, None)


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_search_resumes(tmp_path, stop):
    whole_calls, calls = [], []
    whole = search_lossless(knee(19, whole_calls), lambda r: r > 50, 8, 4, folder=tmp_path / "a")

    def interrupted(rate, warm):
        if len(calls) == stop:
            raise KeyboardInterrupt
        return knee(19, calls)(rate, warm)

    with pytest.raises(KeyboardInterrupt):
        search_lossless(interrupted, lambda r: r > 50, 8, 4, folder=tmp_path / "b")
    resumed = search_lossless(knee(19, calls), lambda r: r > 50, 8, 4, folder=tmp_path / "b")
    assert calls == whole_calls
    assert (resumed.rate, resumed.state) == (whole.rate, whole.state)
    damaged = tmp_path / "b" / "try_00.json"
    damaged.write_text("{")
    with pytest.raises(PruningError, match="damaged record"):
        search_lossless(knee(19, []), lambda r: r > 50, 8, 4, folder=tmp_path / "b")


def test_search_resumes_when_stopped_while_it_records(tmp_path, monkeypatch):
    """The state that the next try starts from outlives everything that is written after it."""
    warm_states = []

    def attempt(rate, warm):
        warm_states.append((rate, warm))
        return knee(19, [])(rate, warm)

    def stop(self, text, *args, **kwargs):
        if self.name == "try_01.tmp":
            raise KeyboardInterrupt
        return write_text(self, text, *args, **kwargs)

    write_text = Path.write_text
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", stop)
        with pytest.raises(KeyboardInterrupt):
            search_lossless(attempt, lambda r: r > 50, 8, 4, folder=tmp_path)
    interrupted = warm_states[-1]
    warm_states.clear()
    search_lossless(attempt, lambda r: r > 50, 8, 4, folder=tmp_path)
    assert warm_states[0] == interrupted


def test_search_bad_arguments():
    for arguments in ((0.5, 1), (8, 0), (math.nan, 1)):
        with pytest.raises(PruningError):
            search_lossless(knee(1, []), bool, *arguments)
    with pytest.raises(PruningError, match="the result is nan"):
        search_lossless(lambda r, w: (math.nan, None, {}), bool, 8, 4)


def test_deep_copy_keeps_original():
    model, _, pruner = setup()
    other = copy.deepcopy(model)
    pruner.harden()
    assert all(
        torch.equal(a, b) for a, b in zip(other.parameters(), setup()[0].parameters(), strict=True)
    )
