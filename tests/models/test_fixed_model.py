# SPDX-License-Identifier: Apache-2.0
"""The fixed model against plain nested loops and against float; the float models among them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from csb_rnn.cells.graph import Cell, Drain, Elem
from csb_rnn.machine import config, numerics
from csb_rnn.models import fixed_model, float_model, integer_layer, quantise
from csb_rnn.network import network, stacking
from csb_rnn.verify.random_layers import LayerCase

KINDS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def make(kind, inputs, hidden, layers=1, seed=0, density=1.0, spread=None):
    """A network with Laplace-distributed weights (as trained ones are) and random zeros."""
    torch.manual_seed(seed)
    m = KINDS[kind](inputs, hidden, layers)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in m.named_parameters():
            if p.dim() == 2:
                scale = (2 * p.shape[1] * density) ** -0.5 if spread is None else spread
                w = rng.laplace(0, scale, p.shape) * (rng.random(p.shape) < density)
                p.copy_(torch.from_numpy(w))
            elif "ih" in name:
                p.copy_(torch.from_numpy(rng.normal(0, 0.3, p.shape)))
    return stacking.network_from_torch(m)


# --- plain reference: Python integers, one scalar after the other -----------------------------


def rshift(x, n):
    return (x + (1 << (n - 1))) >> n if n > 0 else x << -n


def sat(x, bits):
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, x))


def act(v, name):
    return int(numerics.activation(v, name))


class Plain:
    """LSTM and GRU with the equations written out, for 26-bit lanes and 24-bit states, of which
    c has 13 fraction bits and h 15."""

    def __init__(self, q, s):
        self.q = q
        self.neurons = [
            [self.neuron(la, int(h)) for h in s[f"h_l{n}"]] for n, la in enumerate(q.layers)
        ]

    def neuron(self, layer, v):
        return sat(rshift(v, 15 - layer.fracs["h"] + 16 - self.q.data_w), self.q.data_w)

    def drain(self, layer, node, gate, vectors, u):
        d = layer.drains[node]
        acc = int(d.bias[u])
        for name, v in vectors.items():
            for j in range(len(v)):
                acc += int(layer.weights[gate, name][u, j]) * int(v[j])
        return sat(rshift(acc, d.shift - 2 * (16 - self.q.data_w)), 26)

    def element(self, m0, x0, m1=0, x1=0):
        return sat(rshift(sat(m0, 18) * x0 + sat(m1, 18) * x1, 15), 26)

    def step(self, x, s):
        for n, layer in enumerate(self.q.layers):
            h_old, h_new = self.neurons[n], []
            both = {"x": x, "h": h_old}
            for u in range(layer.hidden):
                if layer.cell.name == "lstm":
                    i, f, o = (
                        act(self.drain(layer, g, g, both, u), "sigmoid") for g in ("i", "f", "o")
                    )
                    g = act(self.drain(layer, "g", "g", both, u), "tanh")
                    c = self.element(f, int(s[f"c_l{n}"][u]) * 4, i, g)
                    s[f"c_l{n}"][u] = sat(rshift(c, 2), 24)
                    h = self.element(o, act(c, "tanh"))
                else:
                    r = act(self.drain(layer, "r", "r", both, u), "sigmoid")
                    z = act(self.drain(layer, "z", "z", both, u), "sigmoid")
                    hn = self.drain(layer, "hn", "n", {"h": h_old}, u)
                    xn = self.drain(layer, "xn", "n", {"x": x}, u)
                    cand = act(self.element(r, hn, 1 << 15, xn), "tanh")
                    h = self.element((1 << 15) - z, cand, z, int(s[f"h_l{n}"][u]))
                s[f"h_l{n}"][u] = sat(h, 24)
                h_new.append(self.neuron(layer, h))
            self.neurons[n] = h_new
            x = np.array(h_new)
        return x


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["lstm", "gru"]),
    st.sampled_from([8, 12, 16]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 2),
    st.integers(0, 2**31),
    st.sampled_from([0.1, 1.0, 20.0]),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_equals_plain_loops(kind, width, inputs, hidden, layers, seed, spread, density):
    cfg = config.load("tiny", data_w=width)
    net = make(kind, inputs, hidden, layers, seed, density, spread)
    rng = np.random.default_rng(seed)
    try:
        q = quantise.quantise(net, cfg, x_frac=15)
    except integer_layer.QuantError as error:
        if "too large" in str(error):  # a row of huge weights: refused, nothing to compare
            return
        raise
    x = rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), (4, inputs))
    top = 2 ** (cfg.state_w - 1)
    initial = {k: rng.integers(-top, top, n) for k, (n, _) in q.state_keys().items()}
    y, final = fixed_model.FixedModel(q, cfg).run(x, initial)
    s = {k: v.copy() for k, v in initial.items()}
    plain = Plain(q, s)
    want = np.array([plain.step(frame, s) for frame in x])
    assert np.array_equal(y, want)
    for k in s:
        assert np.array_equal(final[k], s[k]), k


@pytest.mark.parametrize("kind", KINDS)
def test_float_models_agree(kind):
    net = make(kind, 11, 13, 2)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 20, 11))
    state = {k: rng.normal(size=(3, n)) for k, n in net.state_shapes().items()}
    for streams in (None, 3):
        xs = x if streams else x[0]
        s = state if streams else {k: v[0] for k, v in state.items()}
        (a, fa), (b, fb) = float_model.run(net, xs, s), float_model.run_torch(net, xs, s)
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 1e-6
        assert fa.keys() == fb.keys()
        assert all(np.abs(fa[k] - fb[k]).max() < 1e-6 for k in fa)


# Bounds in units of 2^-8 at the 99.9th percentile. The goal is 1: 16 bits are well within it,
# weights of 12 bits just miss it on some networks and those of 8 bits do by far.
@pytest.mark.parametrize(("width", "bound"), [(8, 32.0), (12, 2.0), (16, 0.25)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("hidden", "density"), [(33, 1.0), (129, 0.1)])
def test_near_float(kind, width, bound, hidden, density, capsys):
    cfg = config.load("tiny", data_w=width)
    net = make(kind, 37, hidden, 2, 5, density)
    x = np.random.default_rng(7).normal(size=(1000, 37))
    q = quantise.quantise(net, cfg, x)
    y, _ = fixed_model.FixedModel(q, cfg).run(q.quantise_inputs(x))
    error = np.abs(q.output_float(y) - float_model.run_torch(net, x)[0]) * 256
    p = np.quantile(error, 0.999)
    with capsys.disabled():
        print(
            f"\n{kind} 2x{hidden} density {density} {width} bits: p99.9 {p:.3f}, "
            f"largest {error.max():.3f} * 2^-8"
        )
    assert p <= bound


@pytest.mark.parametrize("kind", KINDS)
def test_streams_and_resuming(kind):
    cfg = config.load("tiny")
    q = quantise.quantise(make(kind, 5, 7, 2), cfg)
    x = np.random.default_rng(0).integers(-9000, 9000, (3, 12, 5))
    model = fixed_model.FixedModel(q, cfg)
    y, final = model.run(x)
    for s in range(3):
        single, end = model.run(x[s])
        assert np.array_equal(single, y[s])
        assert all(np.array_equal(end[k], final[k][s]) for k in end)
    first, middle = model.run(x[:, :5])
    again = q.quantise_state(q.state_float(middle))
    second, end = model.run(x[:, 5:], again)
    assert np.array_equal(np.concatenate([first, second], axis=1), y)
    assert all(np.array_equal(end[k], final[k]) for k in end)


@pytest.mark.parametrize("width", [8, 12, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_resuming_from_floats_at_any_width(kind, width):
    cfg = config.load("tiny", data_w=width)
    q = quantise.quantise(make(kind, 5, 40), cfg)
    rng = np.random.default_rng(3)
    _, state = fixed_model.FixedModel(q, cfg).run(q.quantise_inputs(rng.normal(size=(9, 5))))
    again = q.quantise_state(q.state_float(state))
    assert all(np.array_equal(again[k], state[k]) for k in state)


def test_saturation_is_hit_and_counted():
    cfg = config.load("tiny")
    net = make("lstm", 4, 6, 1, 0, 1.0, 10.0)
    q = quantise.quantise(net, cfg, x_frac=15)
    model = fixed_model.FixedModel(q, cfg)
    x = np.full((3, 4), 32767)
    x[1] = -32768
    big = {k: np.full(n, (1 << 23) - 1) for k, (n, _) in q.state_keys().items()}
    model.run(x, big)
    assert model.saturations["neuron"] == 0  # an h of exactly 1, the least possible loss
    case = LayerCase(seed=9, cell="rnn_relu", inputs=4, hidden=6, pattern="dense", extreme=True)
    relu, _ = case.make(cfg)
    model = fixed_model.FixedModel(relu, cfg)
    model.run(np.full((60, 4), 32767))
    assert model.saturations["neuron"] > 0  # h grows beyond its format
    # A bias beyond the data path's range saturates at the drain.
    bias = {k: b * 0 + 1500.0 for k, b in net.layers[0].biases.items()}
    layer = network.Layer(net.layers[0].cell, 6, net.layers[0].inputs, net.layers[0].weights, bias)
    q = quantise.quantise(network.Network((layer,)), cfg, x_frac=15)
    model = fixed_model.FixedModel(q, cfg)
    y, end = model.run(np.zeros((200, 4)), {"c_l0": np.full(6, 900 << 13)})
    assert model.saturations["drain"] == 200 * 4 * 6
    assert model.saturations["element"] > 0  # c grows by one a frame and stops at 1024
    assert (end["c_l0"] == (1 << 23) - 1).all()
    assert (y == 32767).all()


def test_a_sum_beyond_the_accumulator_wraps_and_is_counted():
    cfg = config.load("tiny")
    counts = numerics.Saturations()
    top = 1 << (cfg.acc_w - 1)
    v = numerics.drain_value(np.array([top - 1, top, -top - 1]), np.zeros(3), 15, cfg, counts)
    assert v.tolist() == [1 << 20, -(1 << 20), 1 << 20]
    assert counts == {"sum": 2}


def test_wrong_use_is_refused():
    cfg = config.load("tiny")
    q = quantise.quantise(make("gru", 5, 7), cfg)
    with pytest.raises(integer_layer.QuantError, match="state_w"):
        fixed_model.FixedModel(q, config.load("tiny", state_w=20, state_frac=13))
    model = fixed_model.FixedModel(q, cfg)
    with pytest.raises(ValueError, match="5 wide"):
        model.run(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="unknown state"):
        model.run(np.zeros((3, 5)), {"c_l0": np.zeros(7)})


def test_a_drain_behind_the_writer_of_its_vector_reads_the_frame_before():
    """Nodes of a cell in another order: the same numbers."""
    first, late = Drain("a", "a", ("x", "h"), "tanh"), Drain("b", "b", ("h",), "tanh")
    h = Elem("h", "one", "a", state="h", vector="h", output=True)
    s = Elem("s", "b", "state:s", "one", "a", state="s")
    rng, found = np.random.default_rng(0), []
    weights = {k: rng.normal(0, 0.4, (6, 4 if k[1] == "x" else 6))
               for k in (("a", "x"), ("a", "h"), ("b", "h"))}  # fmt: skip
    x = rng.integers(-20000, 20000, (5, 4))
    for nodes in ((first, late, h, s), (first, h, late, s)):
        cell = Cell("two", ("a", "b"), ("h", "s"), {"h": "h"}, nodes)
        layer = network.Layer(cell, 6, {"x": 4, "h": 6}, weights, {})
        cfg = config.load("tiny")
        q = quantise.quantise(network.Network((layer,)), cfg, x_frac=15)
        found.append(fixed_model.FixedModel(q, cfg).run(x)[1]["s_l0"])
    assert found[0].any()
    assert np.array_equal(*found)
