# SPDX-License-Identifier: Apache-2.0
"""Every cell: its graph equals its equations in float, and *fixed* stays near float."""

from __future__ import annotations

import re

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import Cell, Drain, Elem, GraphError
from csb_rnn.cells.gru import GRU
from csb_rnn.cells.gru_before import GRU_BEFORE
from csb_rnn.cells.ligru import LIGRU
from csb_rnn.cells.lstm import LSTM
from csb_rnn.cells.mingru import MINGRU
from csb_rnn.cells.peephole import PEEPHOLE
from csb_rnn.cells.rnn import RNN, RNN_RELU
from csb_rnn.cells.sru import SRU
from csb_rnn.execution import utilisation
from csb_rnn.machine import config
from csb_rnn.machine.folders import ROOT
from csb_rnn.models import bounds, fixed_model, float_model, integer_layer, quantise
from csb_rnn.network import stacking
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import check, tiny


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def relu(v):
    return np.maximum(v, 0)


# The equations of each cell: a, b are the stacked input and recurrent products with their bias,
# gate by gate; U the recurrent matrices, s the states, x the input. They return h and the states.
def lstm(a, b, u, s, x):
    i, f, g, o = (p + q for p, q in zip(a, b, strict=True))
    c = sigmoid(f) * s["c"] + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, {"h": h, "c": c}


def gru(a, b, u, s, x):
    r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
    h = (1 - z) * np.tanh(a[2] + r * b[2]) + z * s["h"]
    return h, {"h": h}


def gru_before(a, b, u, s, x):
    r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
    bias = b[2] - u[2] @ s["h"]
    h = (1 - z) * np.tanh(a[2] + u[2] @ (r * s["h"]) + bias) + z * s["h"]
    return h, {"h": h}


def rnn(a, b, u, s, x):
    h = np.tanh(a[0] + b[0])
    return h, {"h": h}


def rnn_relu(a, b, u, s, x):
    h = relu(a[0] + b[0])
    return h, {"h": h}


def ligru(a, b, u, s, x):
    z = sigmoid(a[1] + b[1])
    h = z * s["h"] + (1 - z) * relu(a[0] + b[0])
    return h, {"h": h}


def sru(a, b, u, s, x):
    f, r = sigmoid(a[1]), sigmoid(a[2])
    c = f * s["c"] + (1 - f) * a[0]
    return r * np.tanh(c) + (1 - r) * x, {"c": c}


def mingru(a, b, u, s, x):
    h = (1 - sigmoid(a[0])) * s["h"] + sigmoid(a[0]) * a[1]
    return h, {"h": h}


EQUATIONS = {
    c.name: (c, f)
    for c, f in (
        (LSTM, lstm),
        (GRU, gru),
        (GRU_BEFORE, gru_before),
        (RNN, rnn),
        (RNN_RELU, rnn_relu),
        (LIGRU, ligru),
        (SRU, sru),
        (MINGRU, mingru),
    )
}
RECURRENT = {n for n, c in CELLS.items() if any("h" in d.inputs for d in c.drains)}


def tensors(cell, inputs, hidden, layers, seed=0):
    """Random weights under torch's names; SRU's p is the identity where it can be."""
    rng = np.random.default_rng(seed)
    rows, out = len(cell.gates) * hidden, {}
    for n in range(layers):
        width = inputs if n == 0 else hidden
        out[f"weight_ih_l{n}"] = rng.normal(0, width**-0.5, (rows, width))
        out[f"bias_ih_l{n}"] = rng.normal(0, 0.3, rows)
        if cell.name in RECURRENT:
            out[f"weight_hh_l{n}"] = rng.normal(0, 0.6 * hidden**-0.5, (rows, hidden))
            out[f"bias_hh_l{n}"] = rng.normal(0, 0.3, rows)
        if cell.name == "sru":
            out[f"weight_ih_l{n}"][3 * hidden :] = np.eye(hidden, width)
            out[f"bias_ih_l{n}"][3 * hidden :] = 0
    return out


@pytest.mark.parametrize("name", EQUATIONS)
def test_graph_equals_equations(name):
    cell, equations = EQUATIONS[name]
    inputs = hidden = 13
    t = tensors(cell.check(), inputs, hidden, 2)
    net = stacking.from_tensors(cell, t)
    x = np.random.default_rng(1).normal(size=(25, inputs))
    state = {k: np.random.default_rng(2).normal(size=n) for k, n in net.state_shapes().items()}
    got, final = float_model.run(net, x, state)
    states = [{s: state[f"{s}_l{n}"] for s in cell.states} for n in range(2)]
    for frame, want in zip(x, got, strict=True):
        v = frame
        for n in range(2):
            a = (t[f"weight_ih_l{n}"] @ v + t[f"bias_ih_l{n}"]).reshape(-1, hidden)
            u, b = np.zeros((len(cell.gates), hidden, hidden)), 0 * a
            if name in RECURRENT:
                u = t[f"weight_hh_l{n}"].reshape(-1, hidden, hidden)
                b = u @ states[n]["h"] + t[f"bias_hh_l{n}"].reshape(-1, hidden)
            v, states[n] = equations(a, b, u, states[n], v)
        assert np.abs(v - want).max() < 1e-9
    for n in range(2):
        for s in cell.states:
            assert np.abs(final[f"{s}_l{n}"] - states[n][s]).max() < 1e-9


@pytest.mark.parametrize("hidden", [1, 31, 64])
@pytest.mark.parametrize("name", EQUATIONS)
def test_fixed_is_near_float(name, hidden):
    """At 16 bits, within 2^-8 of the largest |h| or of 1, at the 99.9th percentile."""
    cell, _ = EQUATIONS[name]
    net = stacking.from_tensors(cell, tensors(cell, 19, hidden, 2, seed=hidden))
    x = np.random.default_rng(3).normal(size=(500, 19))
    cfg = config.load("tiny")
    q = quantise.quantise(net, cfg, x)
    y, final = fixed_model.FixedModel(q, cfg).run(q.quantise_inputs(x))
    want, _ = float_model.run(net, x)
    error = np.quantile(np.abs(q.output_float(y) - want), 0.999)
    assert error <= 2.0**-8 * max(1.0, np.abs(want).max())
    model = fixed_model.FixedModel(q, cfg)
    _, half = model.run(q.quantise_inputs(x[:200]))
    _, end = model.run(q.quantise_inputs(x[200:]), q.quantise_state(q.state_float(half)))
    assert all(np.array_equal(end[k], final[k]) for k in final)


def test_projection_is_near_float():
    case = LayerCase(seed=4, cell="lstmp", inputs=19, hidden=31, layers=2, pattern="dense")
    net, x, cfg = case.network(), case.frames(500), config.load("tiny")
    q = quantise.quantise(net, cfg, x)
    y, _ = fixed_model.FixedModel(q, cfg).run(q.quantise_inputs(x))
    want, _ = float_model.run(net, x)
    error = np.quantile(np.abs(q.output_float(y) - want), 0.999)
    assert error <= 2.0**-8 * max(1.0, np.abs(want).max())


def test_unbounded_cells_are_calibrated():
    net = stacking.from_tensors(RNN_RELU, tensors(RNN_RELU, 5, 8, 1))
    assert bounds.vector_bounds(RNN_RELU)["h"] == np.inf
    assert bounds.vector_bounds(RNN)["h"] == 1
    assert bounds.vector_bounds(GRU_BEFORE) | {"h": 1, "rh": 1} == bounds.vector_bounds(GRU_BEFORE)
    cfg = config.load("tiny")
    assert quantise.quantise(net, cfg).layers[0].fracs["h"] == quantise.DEFAULT_NEURON_FRAC
    x = np.full((30, 5), 3.0)
    q = quantise.quantise(net, cfg, x)
    peak = np.abs(float_model.run(net, x)[0]).max()
    assert peak * quantise.MARGIN <= 2.0 ** (15 - q.layers[0].fracs["h"])
    loud = stacking.from_tensors(
        RNN_RELU, {k: 3 * v for k, v in tensors(RNN_RELU, 5, 8, 1).items()}
    )
    with pytest.raises(integer_layer.QuantError, match="layer 0: h reaches"):
        quantise.quantise(loud, cfg, np.full((60, 5), 9000.0))


D, E = Drain, Elem
ONE = (D("a", "a", ("x",)), E("h", "one", "a", state="h", vector="h", output=True))
BAD_CELLS = [  # states, vectors, nodes, message
    ((), {"h": None}, (*ONE[:1], E("h", "one", "b", vector="h", output=True)), "unknown 'b'"),
    (("h",), {"h": "h"}, (*ONE, E("w", "one", "a")), "w: nobody uses it"),
    (("h",), {"h": "h"}, (D("a", "b", ("x",)), ONE[1]), "no gate 'b'"),
    (("h",), {"h": "h"}, (D("a", "a", ("y",)), ONE[1]), "no vector 'y'"),
    (("h", "c"), {"h": "h"}, ONE, "nobody writes state 'c'"),
    (("h",), {"h": "h", "m": None}, ONE, "nobody writes m"),
    (("h",), {"h": "h"}, (*ONE, E("g", "one", "h", state="h")), "second writer"),
    (("h",), {"h": "h"}, (ONE[0], E("h", "one", "a", vector="h", state="h")), "is the output"),
    (("h",), {"h": "h"}, (ONE[0], E("h", "one", "a", vector="h", output=True)), "kept in state"),
    (
        ("h", "c"),
        {"h": "h"},
        (D("a", "a", ("x",)), E("h", "a", "state:h", "one", "state:c", vector="h", output=True)),
        "two states",
    ),
    (  # the old value of c, and its replacement
        ("c",),
        {"h": None},
        (
            D("a", "a", ("x",)),
            E("n", "one", "a", state="c"),
            E("h", "n", "state:c", vector="h", output=True),
        ),
        "copy the old value",
    ),
    (  # a is named before and after the product of v
        (),
        {"v": None, "h": None},
        (
            D("a", "a", ("x",)),
            E("v", "one", "a", vector="v"),
            D("b", "b", ("v",)),
            E("h", "one", "b", "one", "a", vector="h", output=True),
        ),
        "carry it in a state",
    ),
    (
        (),
        {"h": None},
        (D("a", "a", ("x",), space="p"), E("h", "one", "a", vector="h", output=True)),
        "unit space",
    ),
]


@pytest.mark.parametrize(("states", "vectors", "nodes", "message"), BAD_CELLS)
def test_cells_that_cannot_run_are_refused(states, vectors, nodes, message):
    with pytest.raises(GraphError, match=message):
        Cell("bad", ("a", "b") if len(vectors) > 1 else ("a",), states, vectors, nodes).check()


def test_stages_begin_where_a_vector_of_the_frame_is_needed():
    assert {c.name for c in CELLS.values() if len(c.stages) > 1} == {"gru_before", "lstmp"}
    assert [s.space for s in CELLS["lstmp"].stages] == ["hidden", "proj"]
    first, second = GRU_BEFORE.stages
    assert [n.name for n in (*first.drains, *first.elems)] == ["r", "rh"]
    assert [n.name for n in (*second.drains, *second.elems)] == ["z", "n", "not_z", "h"]


def janet(a, b, u, s, x):
    f = sigmoid(a[0] + b[0])
    h = f * s["h"] + (1 - f) * np.tanh(a[1] + b[1])
    return h, {"h": h}


def test_the_documented_example(sim, tmp_path, monkeypatch):
    """The text of docs/reference/cells.md as written there."""
    page = (ROOT / "docs/reference/cells.md").read_text()
    (text,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict = {}
    exec(text, names)
    cell = names["JANET"]
    monkeypatch.setitem(EQUATIONS, "janet", (cell, janet))
    monkeypatch.setitem(CELLS, "janet", cell)
    RECURRENT.add("janet")
    test_graph_equals_equations("janet")
    case = LayerCase(seed=2, cell="janet", inputs=5, hidden=11, layers=2, density=0.5)
    check(case, tiny(sim), sim, tmp_path, frames=4)


def test_utilisation_names_what_bounds_a_frame():
    c = config.load("small")

    def bound(**fields) -> utilisation.Utilisation:
        case = LayerCase(seed=2, inputs=20, **fields)
        p = compiler.compile_network(quantise.quantise(case.network(), c), c)
        return utilisation.analyse(p)

    dense = bound(hidden=64, pattern="dense")
    assert dense.bound == "engine"
    assert dense.multipliers > 0.9
    sparse = bound(hidden=16, density=0.05)
    assert sparse.bound == utilisation.DEPENDENCES
    assert max(sparse.busy.values()) < 0.9


def test_peephole_equals_its_equations():
    hidden, rng = 13, np.random.default_rng(5)
    t = tensors(PEEPHOLE, 7, hidden, 1) | {"weight_p_l0": rng.normal(size=3 * hidden)}
    x = rng.normal(size=(400, 7))
    net = stacking.from_tensors(PEEPHOLE, t)
    got, _ = float_model.run(net, x)
    h, c, p = np.zeros(hidden), np.zeros(hidden), t["weight_p_l0"].reshape(3, hidden)
    for frame, want in zip(x, got, strict=True):
        a = t["weight_ih_l0"] @ frame + t["bias_ih_l0"] + t["weight_hh_l0"] @ h + t["bias_hh_l0"]
        i, f, g, o = np.split(a, 4)
        c = sigmoid(f + p[1] * c) * c + sigmoid(i + p[0] * c) * np.tanh(g)
        h = sigmoid(o + p[2] * c) * np.tanh(c)
        assert np.abs(h - want).max() < 1e-9
    cfg = config.load("tiny")
    q = quantise.quantise(net, cfg, x)
    y, _ = fixed_model.FixedModel(q, cfg).run(q.quantise_inputs(x))
    assert np.quantile(np.abs(q.output_float(y) - got), 0.999) <= 2.0**-8
    loud = stacking.from_tensors(PEEPHOLE, t | {"weight_p_l0": np.full(3 * hidden, 64.0)})
    with pytest.raises(integer_layer.QuantError, match="p_i reaches 64, it holds less than 64"):
        quantise.quantise(loud, cfg)


def test_constants_stay_in_every_stream(sim, tmp_path):
    """Peephole weights are the same in every stream, and no run changes them."""
    case = LayerCase(seed=3, cell="peephole", inputs=5, hidden=9, density=0.5)
    check(case, tiny(sim), sim, tmp_path, frames=3, streams=3)
