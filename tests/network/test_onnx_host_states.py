# SPDX-License-Identifier: Apache-2.0
"""Initial states that the host computes of the input, as a captioning model does."""

from __future__ import annotations

import numpy as np
import pytest

from csb_rnn.network import onnx as importer
from tests.network.onnx_graphs import Graph, ours, reference

T, B, N, H = 5, 2, 3, 4


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
def test_a_state_by_a_linear_layer_of_the_mean_frame(kind):
    """The Linear layer could be the engine's, but its values are no frames."""
    g = Graph(T, B, N)
    mean = g.n("ReduceMean", "x", axes=[0], keepdims=0)
    state = g.n("Add", g.n("MatMul", mean, g.r(N, H)), g.r(H))
    y = g.rnn(kind, "x", N, H, h0=g.axes("Unsqueeze", state, 0), outs=["y", "h"])
    proto = g.out(g.axes("Squeeze", y, 1), 3).proto()
    plan = importer.plan_of(proto)
    assert [s.key for s in plan.states] == ["h_l0"]
    x = np.random.default_rng(2).normal(size=(T, B, N)).astype(np.float32)
    (want,) = reference(proto, {"x": x}).values()
    (got,) = ours(plan, {"x": x}).values()
    assert got.shape == want.shape
    assert np.abs(got - want).max() < 1e-5


def test_a_state_of_another_recurrent_layer_is_refused():
    g = Graph(T, B, N)
    g.rnn("GRU", "x", N, H, outs=["", "h"])
    y = g.rnn("GRU", "x", N, H, h0="h")
    with pytest.raises(importer.OnnxError, match="initial_h is the output of another layer"):
        importer.plan_of(g.out(g.axes("Squeeze", y, 1), 3).proto())
