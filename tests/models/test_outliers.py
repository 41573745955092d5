# SPDX-License-Identifier: Apache-2.0
"""Weights that take several words: the fixed model, the program, and which networks have any."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.compiler import products
from csb_rnn.execution.interpreter import Interpreter
from csb_rnn.machine import config
from csb_rnn.models import choice, fixed_model, outliers, quantise
from csb_rnn.network import network
from csb_rnn.program.program import CompileError
from csb_rnn.verify.random_layers import LayerCase


def with_outlier(value: float) -> network.Network:
    net = LayerCase(seed=3, cell="gru", inputs=7, hidden=9, layers=1, density=1.0).network()
    layer = net.layers[0]
    weights = {k: np.clip(w, -1, 1) for k, w in layer.weights.items()}
    weights["z", "x"][2, 3] = value
    return network.Network((dataclasses.replace(layer, weights=weights),))


def test_words_add_up_and_fit():
    w = np.array([5, -7, 2, -3, 16, 0])
    place, words = products.in_words(w, 2)
    assert np.abs(words).max() <= 2
    assert [words[place == i].sum() for i in range(len(w))] == w.tolist()
    assert products.in_words(np.array([2, -2]), 2)[1].tolist() == [2, -2]


def test_only_few_and_large_ones_take_several():
    usual = np.full((30, 30), 1000)
    large = usual.copy()
    large[0, :3] = 2000  # 3 words more for 900 weights
    assert outliers.fit(large, 1000, True)
    large[0, 3] = 2000
    assert not outliers.fit(large, 1000, True)
    assert outliers.limiting(np.where(large == 2000, 1.5, 1.0)) == 1.5
    usual = np.full((15, 15), 1000)
    for value, good in ((1000, True), (3000, False), (8000, True), (9000, False)):
        w = usual.copy()
        w[3, 4] = value
        assert outliers.fit(w, 1000, True) == good, value
        assert outliers.fit(w, 1000, False) == (value == 1000)
    assert not outliers.fit(np.full((30, 30), 2000), 1000, True)
    sizes = np.abs(usual / 1000.0)
    sizes[0, 0] = 6.0
    assert outliers.limiting(sizes) == 1.0


def test_the_program_multiplies_in_parts(seed):
    c = config.load("tiny")
    net, x = with_outlier(30.0), np.random.default_rng(0).normal(size=(60, 7))
    q = quantise.quantise(net, c, x)
    w = q.layers[0].weights["z", "x"]
    assert np.count_nonzero(np.abs(w) > 32767) == 1
    plain = quantise.quantise(with_outlier(1.0), c, x)
    assert q.layers[0].drains["z"].frac >= plain.layers[0].drains["z"].frac - 2
    p, ints = compiler.compile_network(q, c), q.quantise_inputs(x[:5])
    want, _ = fixed_model.FixedModel(q, c).run(ints)
    assert np.array_equal(Interpreter(p, ints, None, seed).run(), want)
    assert max(np.abs(g.pe["w"]).max() for g in p.groups) <= 32767


def test_a_layer_of_little_error_has_none(monkeypatch):
    c, x = config.load("tiny"), np.random.default_rng(0).normal(size=(60, 7))

    def largest() -> int:
        weights = quantise.quantise(with_outlier(30.0), c, x).layers[0].weights
        return max(int(np.abs(w).max()) for w in weights.values())

    assert largest() > 32767
    monkeypatch.setattr(choice, "ENOUGH", 1.0)
    assert largest() <= 32767


def test_shared_columns_have_one_word_a_weight():
    x = np.random.default_rng(0).normal(size=(60, 7))
    c = config.load("paper256_cols")
    q = quantise.quantise(with_outlier(30.0), c, x)
    assert max(np.abs(w).max() for w in q.layers[0].weights.values()) <= 32767
    other = quantise.quantise(with_outlier(30.0), config.load("tiny"), x)
    with pytest.raises(CompileError, match="a weight is one word"):
        compiler.compile_network(other, c)
