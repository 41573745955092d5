# SPDX-License-Identifier: Apache-2.0
"""Networks from tensors, and the formats the quantiser chooses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from csb_rnn.cells import CELLS
from csb_rnn.machine import config
from csb_rnn.machine.numerics import Saturations
from csb_rnn.models import bounds, float_model, lift, quantise
from csb_rnn.models.calibration import Seen
from csb_rnn.models.integer_layer import QuantError
from csb_rnn.network import network, stacking
from csb_rnn.network.checkpoint import CheckpointError
from csb_rnn.network.network import NetworkError
from csb_rnn.network.state_dict import from_state_dict

CFG = config.load("tiny")


def lstm(inputs=5, hidden=7, layers=1, **options):
    torch.manual_seed(inputs * 100 + hidden)
    return torch.nn.LSTM(inputs, hidden, layers, **options)


# --- network ---------------------------------------------------------------------------------


def test_plain_rnn_is_read():
    """Shapes do not tell tanh from relu; the metadata does."""
    m = torch.nn.RNN(5, 7, 2, nonlinearity="relu")
    assert [la.cell.name for la in stacking.network_from_torch(m).layers] == ["rnn_relu"] * 2
    with pytest.raises(CheckpointError, match="does not say its activation: say --activation"):
        from_state_dict(m.state_dict())
    for csb, name in ({"cell": "rnn"}, "rnn"), ({"cell": "rnn_relu"}, "rnn_relu"):
        net = stacking.network_from_checkpoint(from_state_dict(m.state_dict(), csb=csb))
        assert [la.cell.name for la in net.layers] == [name] * 2
        assert np.array_equal(net.layers[1].weights["h", "h"], m.weight_hh_l1.detach().numpy())


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.GRU])
@pytest.mark.parametrize("bias", [True, False])
def test_gates_are_torchs(kind, bias):
    m = kind(5, 7, 2, bias=bias)
    net = stacking.network_from_torch(m)
    assert net.inputs == 5
    assert net.outputs == 7
    assert net.layers[1].inputs["x"] == 7
    for n, layer in enumerate(net.layers):
        for name, vector in (("ih", "x"), ("hh", "h")):
            stacked = np.concatenate([layer.weights[g, vector] for g in layer.cell.gates])
            want = getattr(m, f"weight_{name}_l{n}").detach().numpy()
            assert np.array_equal(stacked, want)
        assert bool(layer.biases) == bias
    assert net.kept_weights == sum(p.count_nonzero() for p in m.parameters() if p.dim() == 2)


def test_from_checkpoint_keeps_metadata():
    state = {f"rnn.{k}": v for k, v in lstm(layers=2).state_dict().items()}
    net = stacking.network_from_checkpoint(from_state_dict(state, csb={"block": 16, "task": "Z1"}))
    assert net.block == 16
    assert net.csb["task"] == "Z1"
    assert len(net.layers) == 2
    assert net.state_shapes() == {"h_l0": 7, "c_l0": 7, "h_l1": 7, "c_l1": 7}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_hh_l0": None}, "weight_hh_l0 is missing"),
        ({"weight_ih_l0": torch.zeros(27, 5)}, "stacks 4 gates"),
        ({"weight_hh_l0": torch.zeros(28, 6)}, r"W\[i, h\] has shape \(7, 6\), not \(7, 7\)"),
        ({"bias_ih_l0": torch.zeros(24)}, "has 24 rows"),
        ({"weight_ih_l0": torch.full((28, 5), torch.nan)}, "NaN"),
        ({"weight_hr_l0": torch.zeros(3, 7)}, "no projection"),
    ],
)
def test_bad_tensors_are_named(change, message):
    tensors = {**lstm().state_dict(), **change}
    tensors = {k: v for k, v in tensors.items() if v is not None}
    with pytest.raises(NetworkError, match=message):
        stacking.from_tensors(CELLS["lstm"], tensors)


def test_both_directions_are_no_network():
    m = lstm(bidirectional=True)
    with pytest.raises(NetworkError, match="bidirectional"):
        stacking.network_from_torch(m)
    with pytest.raises(NetworkError, match="weight_ih_l0_reverse"):
        stacking.from_tensors(CELLS["lstm"], m.state_dict())


def test_projection_is_read():
    m = lstm(5, 7, 2, proj_size=3)
    for net in (
        stacking.network_from_torch(m),
        stacking.network_from_checkpoint(from_state_dict(m.state_dict())),
    ):
        assert net.outputs == net.layers[1].inputs["x"] == 3
        assert net.state_shapes() == {"h_l0": 3, "c_l0": 7, "h_l1": 3, "c_l1": 7}
        assert np.array_equal(net.layers[1].weights["proj", "m"], m.weight_hr_l1.detach().numpy())
    x = torch.randn(11, 5, dtype=torch.float64)
    want = m.double()(x)[0].detach().numpy()
    for model in (float_model.run, float_model.run_torch):
        assert np.abs(model(net, x.numpy())[0] - want).max() < 1e-9


def test_layers_must_fit_each_other():
    net = stacking.network_from_torch(lstm(5, 7))
    with pytest.raises(NetworkError, match="takes 5 inputs, layer 0 returns 7"):
        network.Network(net.layers * 2)


# --- formats ---------------------------------------------------------------------------------


def test_bounds_of_cells():
    assert bounds.vector_bounds(CELLS["lstm"])["h"] == 1
    assert bounds.vector_bounds(CELLS["gru"])["h"] == 1
    assert bounds.vector_bounds(CELLS["gru"], {"h": 3.0})["h"] == 3
    assert bounds.vector_bounds(CELLS["lstm"])["tanh_c"] == np.inf


def test_fractions_are_the_largest_that_fit():
    net = stacking.network_from_torch(lstm())
    q = quantise.quantise(net, CFG, np.full((3, 5), 0.9))
    layer = q.layers[0]
    assert layer.fracs["x"] == 14
    assert layer.fracs["h"] == layer.fracs["out"] >= 13
    for d in layer.cell.drains:
        total = layer.drains[d.name].frac
        assert layer.drains[d.name].shift == total - 15
        weights = [layer.weights[d.gate, i] for i in d.inputs]
        assert all(layer.weight_fracs[d.gate, i] == total - layer.fracs[i] for i in d.inputs)
        assert all(np.abs(w).max() <= 32767 for w in weights)
        load = sum(np.abs(w).sum(axis=1) for w in weights) << 15
        assert max(np.abs(w).max() for w in weights) > 16383 or load.max() >= 1 << 34
        bias = net.layers[0].biases[d.gate, "x"] + net.layers[0].biases[d.gate, "h"]
        assert np.abs(layer.drains[d.name].bias / 2.0**total - bias).max() < 2.0**-15


@pytest.mark.parametrize("width", [8, 12, 16])
def test_weights_fit_symmetrically(width):
    cfg = config.load("tiny", data_w=width)
    net = stacking.network_from_torch(lstm(9, 11))
    q = quantise.quantise(net, cfg)
    for key, w in q.layers[0].weights.items():
        assert np.abs(w).max() <= 2 ** (width - 1) - 1
        unit = 2.0 ** -(q.layers[0].weight_fracs[key] - 16 + width)
        assert np.abs(w * unit - net.layers[0].weights[key]).max() <= unit / 2


def test_numbers_do_not_depend_on_the_shape_of_the_engine():
    net = stacking.network_from_torch(lstm())
    a, b = (quantise.quantise(net, config.load(n)) for n in ("tiny", "paper512"))
    for key in a.layers[0].weights:
        assert np.array_equal(a.layers[0].weights[key], b.layers[0].weights[key])
    b.check_config(config.load("odd"))
    with pytest.raises(QuantError, match="data_w"):
        b.check_config(config.load("odd", data_w=8))


def scaled(name, factor):
    m = lstm()
    with torch.no_grad():
        getattr(m, name).mul_(factor)
    return stacking.network_from_torch(m)


def test_errors_name_the_row():
    with pytest.raises(QuantError, match=r"drain i: weight .* of W\[i, x\].* The weight is the"):
        quantise.quantise(scaled("weight_ih_l0", 1e6), CFG)
    with pytest.raises(QuantError, match=r"with x to 1638.* The input is the"):
        quantise.quantise(scaled("weight_ih_l0", 1e2), CFG, np.full((20, 5), 9e3))
    with pytest.raises(QuantError, match=r"row \d+ overflows the 36-bit .* the bias .* is the"):
        quantise.quantise(scaled("bias_ih_l0", 1e9), CFG)
    with pytest.raises(QuantError, match="fraction bits"):
        quantise.quantise(stacking.network_from_torch(lstm()), CFG, x_frac=25)


def test_a_large_bias_takes_fraction_bits():
    q = quantise.quantise(scaled("bias_ih_l0", 3e3), CFG)
    assert min(d.frac for d in q.layers[0].drains.values()) < 26


def test_inputs():
    q = quantise.quantise(stacking.network_from_torch(lstm()), CFG)
    counts = Saturations()
    x = np.array([[0.0, 1.0, -8.0, 8.0, 100.0]])
    assert q.quantise_inputs(x, counts).tolist() == [[0, 4096, -32768, 32767, 32767]]
    assert counts == {"input": 2}
    with pytest.raises(QuantError, match=r"NaN or infinity, first at index \(1, 2\)"):
        q.quantise_inputs([[0] * 5, [0, 0, np.nan, 0, 0]])
    with pytest.raises(QuantError, match="takes 5 wide"):
        q.quantise_inputs(np.zeros((3, 4)))
    with pytest.raises(QuantError, match="calibration has shape"):
        quantise.quantise(stacking.network_from_torch(lstm()), CFG, np.zeros((3, 4)))


def test_state_is_checked():
    q = quantise.quantise(stacking.network_from_torch(lstm()), CFG)
    state = q.quantise_state({"h_l0": np.full(7, 0.5), "c_l0": np.full((2, 7), 937.0)})
    assert state["h_l0"].shape == state["c_l0"].shape == (2, 7)
    assert (state["h_l0"] == 16384).all()
    assert (state["c_l0"] == 937 * 8192).all()
    for bad, message in (
        ({"h_l9": np.zeros(7)}, "unknown state 'h_l9'"),
        ({"h_l0": np.zeros(6)}, "its length is 7"),
        ({"h_l0": np.full(7, np.inf)}, "NaN or infinity"),
    ):
        with pytest.raises(QuantError, match=message):
            q.quantise_state(bad)


def test_a_matrix_of_zeros():
    net = stacking.network_from_torch(lstm())
    zero = {k: w * 0 for k, w in net.layers[0].weights.items()}
    q = quantise.quantise(network.Network((dataclasses.replace(net.layers[0], weights=zero),)), CFG)
    assert q.kept_weights == 0
    # Only the biases, up to 0.76, are left: 35 bits hold them.
    assert all(34 <= d.frac <= 37 for d in q.layers[0].drains.values())


def test_columns_have_gains_that_weights_take_back():
    """A column that reaches 100 beside one that reaches 0.1: each has its own scale."""
    rng = np.random.default_rng(0)
    net = stacking.network_from_torch(lstm())
    x = rng.uniform(-1, 1, (400, 5)) * [100, 10, 1, 0.1, 100]
    q = quantise.quantise(net, CFG, x)
    assert q.x_gain is not None
    assert q.x_gain[3] > 16 * q.x_gain[0]
    counts = Saturations()
    ints = q.quantise_inputs(x, counts)
    assert not counts
    assert np.abs(ints / 2.0**q.x_frac / q.x_gain - x).max() <= 0.51 * 2.0**-q.x_frac / min(
        q.x_gain
    )
    w, frac = q.layers[0].weights["i", "x"], q.layers[0].weight_fracs["i", "x"]
    assert np.abs(w / 2.0**frac * q.x_gain - net.layers[0].weights["i", "x"]).max() < 2e-3
    assert (q.x_limits() >= np.abs(x).max(axis=0)).all()


def seen_peaks(layer, **peaks):
    """Findings of a calibration in which the nodes reached these values."""
    peak = {f"{n.name}_l0": np.array([peaks.get(n.name, 0.5)]) for n in layer.cell.nodes}
    return Seen(1.0, np.ones(5), np.ones(5), peak, {}, {})


def test_a_fine_state_has_a_margin():
    """c holds less than 2^8 with the fraction bits of the data path, a margin off."""
    layer = stacking.network_from_torch(lstm()).layers[0]
    (node,) = (n.name for n in layer.cell.elems if n.state == "c")
    edge = 2.0 ** (CFG.state_w - 16) / quantise.SUM_MARGIN
    for peak, fine in ((0.999 * edge, {"h", "c"}), (1.001 * edge, {"h"})):
        found = quantise._fine(layer, 0, seen_peaks(layer, **{node: peak}), {}, CFG, 0)
        assert found == fine


def test_an_unbounded_vector_reaches_the_limit_of_neurons_and_no_more():
    """relu: below 2^7 if calibration saw it, 2^7 is refused."""
    m = torch.nn.RNN(5, 7, nonlinearity="relu")
    layer = stacking.network_from_torch(m).layers[0]
    (node,) = (n.name for n in layer.cell.elems if n.vector == "h")
    free = node in lift.lifted(layer.cell)
    top = 2.0 ** (15 - (lift.FREE_FRACS if free else quantise.NEURON_FRACS)[0])
    assert quantise._top_frac(layer, 0, seen_peaks(layer, **{node: 0.99 * top}), {})
    with pytest.raises(QuantError, match="neurons hold less than"):
        quantise._top_frac(layer, 0, seen_peaks(layer, **{node: top}), {})


def test_two_directions_read_the_same_columns():
    """Each has gains of its own; both take the larger ones, column by column."""
    torch.manual_seed(0)
    x = np.random.default_rng(0).uniform(-1, 1, (400, 5)) * [100, 10, 1, 0.1, 100]
    model = stacking.from_torch(torch.nn.LSTM(5, 7, bidirectional=True))
    (span,) = quantise.quantise_model(model, CFG, x).spans
    forward, backward = (q.x_gain for q in span.networks.values())
    assert forward is not None
    assert forward == backward
    assert len(forward) == 5


def test_a_state_that_stays_small_is_fine():
    net = stacking.network_from_torch(lstm())
    x = np.random.default_rng(0).normal(size=(50, 5))
    assert quantise.quantise(net, CFG).layers[0].fine == {"h"}
    assert quantise.quantise(net, CFG, x).layers[0].fine == {"h", "c"}
    large = quantise.quantise(net, CFG, x, {"c_l0": np.full(7, 900.0)})
    assert large.layers[0].fine == {"h"}
