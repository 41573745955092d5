# SPDX-License-Identifier: Apache-2.0
"""Models: both directions, every option of torch's modules, on all models down to the RTL."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from csb_rnn.models import directions, fixed_model, integer_layer, quantise
from csb_rnn.network import network, stacking
from csb_rnn.network.network import NetworkError
from csb_rnn.network.state_dict import from_state_dict
from tb.lib.exact import check_model, tiny

CFG = tiny("icarus")
MODULES = {
    "lstm": lambda **o: torch.nn.LSTM(5, 9, 2, **o),
    "lstmp": lambda **o: torch.nn.LSTM(5, 9, 2, proj_size=4, **o),
    "gru": lambda **o: torch.nn.GRU(5, 9, 2, **o),
    "rnn_relu": lambda **o: torch.nn.RNN(5, 9, 3, nonlinearity="relu", **o),
}


def build(name: str, **options) -> torch.nn.RNNBase:
    torch.manual_seed(3)
    return MODULES[name](batch_first=True, **options).double()


def random_state(m: network.Model, lead=()) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    return {k: rng.uniform(-0.9, 0.9, (*lead, n)) for k, n in m.state_shapes().items()}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_both_directions_are_torchs(name, bias):
    module = build(name, bidirectional=True, bias=bias)
    x = torch.randn(3, 12, 5, dtype=torch.float64)
    read = from_state_dict(module.state_dict(), csb={"cell": "rnn_relu"} if "rnn" in name else {})
    for m in (stacking.from_torch(module), stacking.from_checkpoint(read)):
        start = random_state(m, (3,))
        given = {}
        for s in ("h", "c") if "lstm" in name else ("h",):
            keys = [f"{s}_l{n}{end}" for n in range(len(m.spans)) for end in ("", "_reverse")]
            given[s] = torch.from_numpy(np.stack([start[k] for k in keys]))
        with torch.no_grad():
            want, end = module(x, tuple(given.values()) if len(given) > 1 else given["h"])
        tolerance = 1e-9 if m.spans[0].networks[False].csb == {} and not read.csb else 1e-5
        for by_torch in (False, True):
            got, final = directions.run(m, x.numpy(), start, torch=by_torch)
            assert np.abs(got - want.numpy()).max() < tolerance
        last = end[0] if len(given) > 1 else end
        keys = [f"h_l{n}{e}" for n in range(len(m.spans)) for e in ("", "_reverse")]
        assert np.abs(np.stack([final[k] for k in keys]) - last.numpy()).max() < tolerance


def near_float_and_exact_on_the_rtl(sim, tmp_path, name):
    """Every span in its direction: bits, states, cycles; both directions meet in integers."""
    m = stacking.from_torch(build(name, bidirectional=True))
    x = np.random.default_rng(5).normal(size=(10, 5))
    start = random_state(m)
    c = tiny(sim)
    q = quantise.quantise_model(m, c, x, start)
    xs, state = q.quantise_inputs(x), q.quantise_state(start)
    want, _ = directions.run_fixed(q, c, xs, state)
    near, _ = directions.run(m, x, start)
    assert np.abs(q.output_float(want) - near).max() < 2.0**-7 * max(1.0, np.abs(near).max())

    check_model(m, c, sim, tmp_path, x, start)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.sims("verilator")
def test_fixed_is_near_float_and_exact_on_the_rtl(sim, tmp_path, name):
    near_float_and_exact_on_the_rtl(sim, tmp_path, name)


# The spans of a model are runs of one machine: X in a cell is looked for by test_every_cell.
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "lstm" else pytest.mark.nightly) for n in MODULES]
)
@pytest.mark.sims("icarus")
def test_exact_on_icarus(sim, tmp_path, name):
    near_float_and_exact_on_the_rtl(sim, tmp_path, name)


def test_a_model_of_one_direction_is_a_network():
    m = stacking.from_torch(build("lstm"))
    assert m.single is not None
    assert len(m.single.layers) == 2
    x = np.random.default_rng(5).normal(size=(2, 30, 5))
    q = quantise.quantise(m.single, CFG, x)
    qm = quantise.quantise_model(m, CFG, x)
    want, _ = fixed_model.FixedModel(q, CFG).run(q.quantise_inputs(x))
    got, end = directions.run_fixed(qm, CFG, qm.quantise_inputs(x))
    assert np.array_equal(got, want)
    # Cut in two, the sequence gives the same bits.
    first, half = directions.run_fixed(qm, CFG, qm.quantise_inputs(x[:, :11]))
    second, final = directions.run_fixed(
        qm, CFG, qm.quantise_inputs(x[:, 11:]), qm.quantise_state(qm.state_float(half))
    )
    assert np.array_equal(np.concatenate([first, second], axis=1), want)
    assert all(np.array_equal(final[k], end[k]) for k in end)


def test_bad_models_are_named():
    m = stacking.from_torch(build("gru", bidirectional=True))
    layers = [{r: n.layers[0] for r, n in p.networks.items()} for p in m.spans]
    with pytest.raises(NetworkError, match="layer 1: takes 18 inputs, layer 0 returns 9"):
        stacking.stack([{False: layers[0][False]}, layers[1]])
    with pytest.raises(NetworkError, match="initial state 'c_l0'"):
        stacking.stack(layers, initial={"c_l0": np.zeros(9)})
    q = quantise.quantise_model(m, CFG)
    with pytest.raises(integer_layer.QuantError, match="unknown state 'h_l2'"):
        q.quantise_state({"h_l2": np.zeros(9)})
