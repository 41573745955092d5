# SPDX-License-Identifier: Apache-2.0
"""How the importer takes a graph: equal to ONNX Runtime, refused in a line, or illegal."""

from __future__ import annotations

import numpy as np
import onnx

from csb_rnn.machine import config
from csb_rnn.models import directions, quantise
from csb_rnn.network import onnx as importer
from csb_rnn.network.onnx import OnnxError
from tests.network.onnx_graphs import difference, reference

CFG = config.load("tiny")


def verdict(proto: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> str:
    """``equal``, ``refused``, or ``illegal`` if ONNX Runtime refuses the graph too."""
    try:
        reference(proto, feeds)
    except Exception:
        return "illegal"
    try:
        plan = importer.plan_of(proto)
    except OnnxError as error:
        text = str(error)
        assert "\n" not in text
        assert "as ONNX defines" not in text, text  # the graph is legal
        return "refused"
    error = difference(plan, proto, feeds)
    assert error < 1e-4, [n.op_type for n in proto.graph.node]
    return "equal"


def fixed_is_near(proto: onnx.ModelProto, seed: int) -> None:
    """The integer model of a plan beside the float model, where a format holds its numbers."""
    from csb_rnn.models.integer_layer import QuantError

    model = importer.plan_of(proto).model
    x = np.random.default_rng(seed).normal(size=(1, 8, model.inputs))
    states = {k: v if np.ndim(v) == 1 else v[:1] for k, v in model.initial.items()}
    try:
        q = quantise.quantise_model(model, CFG, x, states)
        y, _ = directions.run_fixed(q, CFG, q.quantise_inputs(x), q.quantise_state(states))
    except QuantError:
        return
    want, _ = directions.run(model, x, states)
    assert np.abs(q.output_float(y) - want).max() < 2.0**-6 * max(1.0, np.abs(want).max())
