# SPDX-License-Identifier: Apache-2.0
"""Error feedback instead of ADMM; gates by themselves; ranking by what matters to the loss."""

import io

import pytest
import torch
from torch import nn

from csb_rnn.pruning import (
    AdmmPruner,
    FeedbackPruner,
    PruningError,
    achieved_rate,
    gates_of,
    make_scheme,
)
from csb_rnn.pruning.costs import stored_bits
from tests.pruning.pruning_loop import train

torch.set_num_threads(1)  # tests run side by side
NAMES = ("unstructured", "row", "bank", "column", "rowcol", "csb", "circulant")


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", NAMES)
def test_quadratic_has_the_projection_as_its_answer(name):
    """Minimise ||W - target||^2 / 2 over the set, from a start near the target."""
    scheme = make_scheme(name, block=8, align=(2, 2))
    noise = torch.randn(32, 32, generator=seeded(0))
    target = noise * 0.01 + scheme.project(noise.sign() + noise, 4) * 3
    w = nn.Parameter(target + 0.3 * torch.randn(target.shape, generator=seeded(5)))
    pruner = FeedbackPruner({"w": w}, scheme, 4)
    optimizer = torch.optim.SGD([w], lr=0.3)
    for step in range(300):
        optimizer.zero_grad()
        ((w - target).square().sum() / 2 + pruner.penalty()).backward()
        optimizer.step()
        pruner.constrain()
        if step % 5 == 4 and step < 100:
            pruner.update()
        if step == 150:
            pruner.harden()
    torch.testing.assert_close(w.detach(), scheme.project(target, 4), atol=1e-4, rtol=0)


def test_a_weight_dropped_too_early_comes_back():
    """The gradient at the pruned model moves what is left out; masked training never could."""
    target = torch.tensor([[1.0, 0.1]])
    w = nn.Parameter(torch.tensor([[0.2, 0.5]]))
    pruner = FeedbackPruner({"w": w}, make_scheme("unstructured"), 2)
    assert torch.equal(w.detach(), torch.tensor([[0.0, 0.5]]))
    for _ in range(40):
        w.grad = w.detach() - target
        with torch.no_grad():
            w -= 0.1 * w.grad
        pruner.constrain()
        pruner.update()
    pruner.harden()
    torch.testing.assert_close(w.detach(), torch.tensor([[1.0, 0.0]]), atol=0.05, rtol=0)


def test_leak_forgets_what_is_left_out():
    w = nn.Parameter(torch.tensor([[1.0, 0.5]]))
    pruner = FeedbackPruner({"w": w}, make_scheme("unstructured"), 2)
    pruner.leak = 0.25
    pruner.update()
    torch.testing.assert_close(pruner.u["w"], torch.tensor([[0.0, 0.375]]))


def setup(kind, name, seed=0):
    torch.manual_seed(seed)
    model = nn.GRU(6, 16)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    gates = gates_of(dict(model.named_parameters()))
    scheme = make_scheme(name, 8, (2, 2))
    return model, optimizer, kind(model, scheme, 4, rho=0.1, gates=gates)


@pytest.mark.parametrize("kind", [AdmmPruner, FeedbackPruner])
@pytest.mark.parametrize("name", ["csb", "circulant"])
@pytest.mark.parametrize("cut", [2, 5])
def test_resume_equals_uninterrupted_bit_for_bit(kind, name, cut):
    whole, first = setup(kind, name), setup(kind, name)
    train(*whole, range(8))
    train(*first, range(cut))
    buffer = io.BytesIO()
    torch.save([part.state_dict() for part in first], buffer)
    buffer.seek(0)
    second = setup(kind, name, seed=99)
    for part, state in zip(second, torch.load(buffer, weights_only=True), strict=True):
        part.load_state_dict(state)
    train(*second, range(cut, 8))
    for a, b in zip(whole[0].parameters(), second[0].parameters(), strict=True):
        assert torch.equal(a, b)


def test_gates_by_shape():
    assert gates_of(dict(nn.LSTM(5, 8, 2).named_parameters())) == {
        f"weight_{kind}_l{layer}": 4 for kind in ("ih", "hh") for layer in (0, 1)
    }
    projected = gates_of(dict(nn.LSTM(5, 8, proj_size=4).named_parameters(prefix="rnn")))
    assert projected == {"rnn.weight_ih_l0": 4, "rnn.weight_hh_l0": 4}
    assert gates_of(dict(nn.GRU(5, 8).named_parameters())) == {
        "weight_ih_l0": 3,
        "weight_hh_l0": 3,
    }


@pytest.mark.parametrize("name", ["unstructured", "row", "bank", "rowcol", "csb"])
def test_every_gate_has_the_rate(name):
    """One gate with far larger weights takes nothing from the others."""
    scale = torch.tensor([1.0, 10.0, 0.1, 1.0]).repeat_interleave(32)[:, None]
    w = nn.Parameter(torch.randn(128, 32, generator=seeded(1)) * scale)
    scheme = make_scheme(name, 16, (2, 2))
    together = AdmmPruner({"w": w}, scheme, 8).z["w"]
    if name not in ("row", "bank"):
        assert achieved_rate(together[64:96]) > 30
    pruner = AdmmPruner({"w": w}, scheme, 8, gates={"w": 4})
    for gate in pruner.z["w"].chunk(4):
        assert achieved_rate(gate) == pytest.approx(8, rel=0.1)


def test_row_column_by_gate_stores_each_gate():
    w = nn.Parameter(torch.randn(64, 32, generator=seeded(1)))
    scheme = make_scheme("rowcol")
    pruner = AdmmPruner({"w": w}, scheme, 4, gates={"w": 2})
    cost = stored_bits(scheme, pruner.z, {"w": 4}, gates=pruner.gates)
    assert cost["stored"] == cost["kept"] == 2 * 16 * 16
    assert cost["index_bits"] == 2 * (16 + 16) * 5


def test_gates_that_do_not_fit():
    w = nn.Parameter(torch.ones(40, 8))
    with pytest.raises(PruningError, match="w: 40 rows are not 3 gates"):
        AdmmPruner({"w": w}, make_scheme("row"), 2, gates={"w": 3})
    with pytest.raises(PruningError, match="w: blocks of 8 do not fit gates of 20"):
        AdmmPruner({"w": w}, make_scheme("csb", 8), 2, gates={"w": 2})


def test_ranking_by_gradients():
    """Rows and columns that the loss does not mind go first, whatever their size."""
    w = nn.Parameter(torch.ones(16, 16) + torch.arange(16)[:, None] / 16)
    pruner = AdmmPruner({"w": w}, make_scheme("row"), 2)
    w.grad = torch.zeros(16, 16)
    w.grad[:, ::2] = 1.0
    pruner.observe()
    pruner.update()
    assert torch.equal(pruner.z["w"] != 0, (w.grad != 0))
    assert torch.equal(pruner.z["w"][:, ::2], w.detach()[:, ::2])  # values are not changed
    rows, cols = pruner.worth["w"]
    assert float(rows.mean()) == float(cols.mean()) == 1
