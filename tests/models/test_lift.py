# SPDX-License-Identifier: Apache-2.0
"""Layers whose linear values are kept times a power of two: formats, fixed model, program, file."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.cells import CELLS
from csb_rnn.execution.interpreter import Interpreter
from csb_rnn.machine import config
from csb_rnn.models import fixed_model, float_model, lift, quantise
from csb_rnn.models.integer_layer import QuantError
from csb_rnn.network.network import Network
from csb_rnn.program import archive
from csb_rnn.verify.random_layers import LayerCase

LIFTED = {
    "lstmp": {"p", "h", "state:h"},
    "ligru": {"a", "h", "state:h"},
    "mingru": {"n", "h", "state:h"},
    "rnn_relu": {"a", "h", "state:h"},
    "linear": {"a", "y"},
    "linear_relu": {"a", "y"},
}


def scaled(net: Network, factor: float) -> Network:
    """The network with larger weights of x."""
    layer = net.layers[0]
    weights = {k: w * factor if k[1] == "x" else w for k, w in layer.weights.items()}
    return Network((dataclasses.replace(layer, weights=weights),))


def test_which_values_have_a_lift():
    assert {n: set(lift.lifted(c)) for n, c in CELLS.items() if lift.lifted(c)} == LIFTED


def test_best_lift():
    tiny = config.load("tiny")
    assert lift.best_lift(11, 30.0, tiny) == 3
    assert lift.best_lift(4, 1000.0, tiny) == -4
    assert lift.best_lift(11, 60.0, tiny) == 2  # sums are the limit
    assert lift.best_lift(11, 1e9, tiny) == -4  # neurons have 15 fraction bits at most


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("cell", [*LIFTED, "ligru+gru+lstmp"])
def test_program_equals_fixed_model_near_float(cell, scale, tmp_path):
    c = config.load("tiny")
    case = LayerCase(seed=5, cell=cell, inputs=5, hidden=9, layers=1 + cell.count("+"), density=0.5)
    net = case.network()
    x = np.random.default_rng(5).normal(size=(1, 12, 5)) * scale
    q = quantise.quantise(net, c, x)
    lifts = [la.lift for la in q.layers]
    assert lifts[0] != 0 if scale > 1 else lifts[0] > 0
    assert lifts[1:2] in ([], [0])
    file = tmp_path / "n.npz"
    file.write_bytes(archive.network_bytes(q))
    assert [la.lift for la in archive.load_network(file).layers] == lifts
    ints = q.quantise_inputs(x)
    want, state = fixed_model.FixedModel(q, c).run(ints)
    machine = Interpreter(compiler.compile_network(q, c, 1), ints[0], None, 1)
    assert np.array_equal(machine.run(), want[0])
    assert all(np.array_equal(v[0], machine.final()[k][0]) for k, v in state.items())
    y, end = float_model.run(net, x)
    assert np.abs(q.output_float(want) - y).max() < 2.0**-9 * np.abs(y).max()
    for k, v in q.state_float(state).items():
        assert np.abs(v - end[k]).max() < 2.0**-9 * max(np.abs(end[k]).max(), np.abs(y).max())


def test_states_beyond_1024_are_held_or_refused_with_the_value():
    c = config.load("tiny")
    net = LayerCase(seed=5, cell="rnn_relu", inputs=5, hidden=9, layers=1, density=1.0).network()
    x = np.abs(np.random.default_rng(5).normal(size=(12, 5)))
    top = float(np.abs(float_model.run(net, x)[0]).max())
    large = x * (5000.0 / top)
    y, _ = float_model.run(net, large)
    q = quantise.quantise(net, c, large)
    assert np.abs(y).max() > 1024
    assert q.layers[0].lift < -4
    held = fixed_model.FixedModel(q, c)
    got, _ = held.run(q.quantise_inputs(large))
    assert not held.saturations
    assert np.abs(q.output_float(got) - y).max() < 2.0**-9 * np.abs(y).max()
    with pytest.raises(QuantError, match=r"h reaches \S+, neurons hold less than 32768"):
        quantise.quantise(scaled(net, 20.0), c, large)
