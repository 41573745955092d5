# SPDX-License-Identifier: Apache-2.0
"""Constants beyond the narrow operand: the same network with smaller ones, exact in the program."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.cells.graph import Elem
from csb_rnn.cells.peephole import PEEPHOLE
from csb_rnn.execution.interpreter import Interpreter
from csb_rnn.experiments.accuracy import causes
from csb_rnn.machine import config
from csb_rnn.models import fixed_model, float_model, quantise, wide_constants
from csb_rnn.network.network import Model, Network, Span
from csb_rnn.program import archive
from csb_rnn.verify.random_layers import LayerCase


def peephole(p_i: float, p_o: float) -> Network:
    """A layer with these largest constants."""
    layer = LayerCase(seed=5, cell="peephole", inputs=5, hidden=9, density=0.5).network().layers[0]
    constants = {k: v.copy() for k, v in layer.constants.items()}
    constants["p_i"][3], constants["p_o"][0] = p_i, p_o
    return Network((dataclasses.replace(layer, constants=constants),))


@pytest.mark.parametrize(
    ("p_i", "p_o", "doubled"), [(3.9, -3.9, 0), (3.9, 4.1, 1), (-6.7, 12.2, 3), (63.9, 1.0, 4)]
)
def test_the_program_is_near_float(p_i, p_o, doubled, tmp_path):
    c, net = config.load("tiny"), peephole(p_i, p_o)
    x = np.random.default_rng(5).normal(size=(1, 30, 5))
    q = quantise.quantise(net, c, x)
    assert len(q.layers[0].cell.nodes) == len(PEEPHOLE.nodes) + doubled
    file = tmp_path / "n.npz"
    file.write_bytes(archive.network_bytes(q))
    assert archive.load_network(file).layers[0].cell == q.layers[0].cell
    ints, fixed = q.quantise_inputs(x), fixed_model.FixedModel(q, c)
    want, _ = fixed.run(ints)
    assert fixed.saturations.total() == 0
    machine = Interpreter(compiler.compile_network(q, c, 1), ints[0], None, 1)
    assert np.array_equal(machine.run(), want[0])
    y, _ = float_model.run(net, x)
    assert np.abs(q.output_float(want) - y).max() < 2.0**-8
    model = Model((Span({False: net}, 0),))
    found = causes.run(model, quantise.quantise_model(model, c, x), x, on=())
    assert np.abs(found - y).max() < 1e-12


def test_only_pure_copies_are_halved():
    """A constant that is used in another way as well keeps its value."""
    assert wide_constants.copy_of(PEEPHOLE, "p_i") == "pi"
    other = Elem("more", "one", "pi")
    read = Elem("more", "one", "const:p_i")
    for node in (other, read):
        nodes = (*PEEPHOLE.nodes[:-1], node, PEEPHOLE.nodes[-1])
        assert wide_constants.copy_of(dataclasses.replace(PEEPHOLE, nodes=nodes), "p_i") is None
    layer = peephole(3.0, 2.0).layers[0]
    assert wide_constants.widened(layer) is layer
    assert [wide_constants.doublings(np.array([v])) for v in (3.9999, 4, 8, 63, 65)] == [
        0, 1, 2, 4, 0,
    ]  # fmt: skip
