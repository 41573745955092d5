# SPDX-License-Identifier: Apache-2.0
"""Weights rounded together: sums nearer to float, the same words, and nothing by few frames."""

from __future__ import annotations

import numpy as np

from csb_rnn.machine import config
from csb_rnn.models import fixed_model, float_model, quantise
from csb_rnn.models.compensation import Inputs, Moments, compensated
from csb_rnn.network.network import Network
from csb_rnn.verify.random_layers import LayerCase

TOP = 32767


def moments(rows: np.ndarray) -> Moments:
    found = Moments(rows.shape[1])
    for part in np.array_split(rows, 7):
        found.add(part)
    return found


def drawn(seed: int, frames: int = 4000, size: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Inputs that go together, with a mean, and weights, a third of them zero."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(frames, 4)) @ rng.normal(size=(4, size)) + 0.5
    rows += 0.05 * rng.normal(size=rows.shape)
    w = rng.normal(size=(9, size)) * 30
    return rows, w * (rng.random(w.shape) < 0.7)


def test_moments_are_those_of_the_rows():
    rows, _ = drawn(0)
    mean, cov = moments(rows).seen
    np.testing.assert_allclose(mean, rows.mean(axis=0))
    want = np.cov(rows.T, bias=True)
    assert np.abs(cov - want).max() < 0.02 * np.diag(want).max()
    few = moments(rows[:10]).seen[1]  # 10 frames for 24 inputs: little is believed
    diagonal = np.diag(np.diag(few))
    assert np.abs(few - diagonal).max() < 0.8 * np.abs(np.cov(rows[:10].T) - diagonal).max()


def test_sums_change_less_and_words_stay():
    for seed in range(4):
        rows, w = drawn(seed)
        w[0, 0], w[1, 1] = 3.0 * TOP, 0.3  # a weight of several words, one that is rounded away
        nearest = np.floor(w + 0.5).astype(np.int64)
        got, change = compensated(w, nearest, Inputs(np.ones(w.shape[1]), moments(rows)), TOP)
        assert np.array_equal(got == 0, nearest == 0)
        assert got[0, 0] == nearest[0, 0]
        assert np.abs(got).max(initial=0, where=nearest != nearest[0, 0]) <= TOP
        fresh = drawn(seed)[0][:1000]
        error, plain = fresh @ (got - w).T - change, fresh @ (nearest - w).T
        np.testing.assert_allclose(change, rows.mean(axis=0) @ (got - w).T)
        assert error.std() < 0.6 * plain.std()
        assert np.abs(error.mean(axis=0)).max() < 0.2 * plain.std()


def test_limits_hold():
    rows, w = drawn(1)
    w *= TOP / np.abs(w).max()
    nearest = np.floor(w + 0.5).astype(np.int64)
    got, _ = compensated(w, nearest, Inputs(np.ones(w.shape[1]), moments(rows)), TOP)
    assert np.abs(got).max() == TOP


def test_the_quantiser_takes_it():
    """A calibrated network is nearer to float by it; the same words; without frames as before."""
    c = config.load("tiny", weight_w=8)
    case = LayerCase(seed=2, cell="gru", inputs=6, hidden=24, pattern="scattered", density=0.6)
    net: Network = case.network()
    x = np.random.default_rng(2).normal(size=(2, 200, 6))
    x[..., 3:] = x[..., :3] + 0.1
    want, _ = float_model.run(net, x)

    def error(q) -> float:
        y, _ = fixed_model.FixedModel(q, c).run(q.quantise_inputs(x))
        return float(np.sqrt(np.mean((q.output_float(y) - want) ** 2)))

    with_moments = quantise.quantise(net, c, x)
    old, quantise.observe = quantise.observe, lambda *a: _without(old(*a))
    try:
        plain = quantise.quantise(net, c, x)
    finally:
        quantise.observe = old
    assert error(with_moments) < 0.7 * error(plain)
    for a, b in zip(with_moments.layers, plain.layers, strict=True):
        assert a.fracs == b.fracs
        assert all(np.array_equal(w == 0, b.weights[k] == 0) for k, w in a.weights.items())


def _without(seen):
    seen.moments.clear()
    return seen
