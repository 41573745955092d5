# SPDX-License-Identifier: Apache-2.0
"""Roundings one by one: all on are the fixed model in every bit, none the float model."""

from __future__ import annotations

import numpy as np
import pytest

from csb_rnn.experiments.accuracy import causes, two_words
from csb_rnn.experiments.accuracy.networks import Case
from csb_rnn.machine import config
from csb_rnn.models import directions, quantise
from csb_rnn.network.network import Model, Span
from csb_rnn.verify.random_layers import LayerCase


@pytest.mark.parametrize("cell", ["lstm", "gru", "ligru", "lstmp", "peephole", "sru"])
def test_all_are_the_fixed_model_and_none_is_float(cell):
    c = config.load("tiny")
    network = LayerCase(seed=5, cell=cell, inputs=5, hidden=9, layers=2, density=0.5).network()
    model = Model((Span({False: network}, 0),))
    x = np.random.default_rng(5).normal(size=(2, 9, 5))
    q = quantise.quantise_model(model, c, x)
    want = q.output_float(directions.run_fixed(q, c, q.quantise_inputs(x))[0])
    assert np.array_equal(causes.run(model, q, x), want)
    exact, _ = directions.run(model, x)
    assert np.abs(causes.run(model, q, x, on=()) - exact).max() < 1e-12
    for kind in causes.KINDS:
        assert np.abs(causes.run(model, q, x, on=(kind,)) - exact).max() > 0, kind


def test_inputs_of_two_words_are_the_same_network():
    network = LayerCase(seed=5, cell="gru", inputs=5, hidden=9, layers=2, density=0.5).network()
    x = np.random.default_rng(5).normal(size=(2, 9, 5))
    case = Case("gru", False, Model((Span({False: network}, 0),)), x, x / 3)
    both = two_words.split(case)
    high, rest = np.split(both.test, 2, axis=-1)
    assert np.abs(rest).max() < 2.0**-5 < np.abs(high).max()
    want, _ = directions.run(case.model, case.test)
    assert np.abs(directions.run(both.model, both.test)[0] - want).max() < 1e-12
