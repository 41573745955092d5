# SPDX-License-Identifier: Apache-2.0
"""A head that the engine cannot hold is left to the host, and the file's outputs come out."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import csb_rnn
from csb_rnn import flow
from csb_rnn.machine import config
from csb_rnn.network.read import leave_last, read_source
from csb_rnn.program.program import CompileError
from tests.helpers import command
from tests.network.onnx_graphs import Graph, reference

T, N, H = 4, 3, 4
CLASSES = 1 + config.load("tiny").pes * config.load("tiny").weight_depth // H  # one too many


def reader(*widths: int) -> onnx.ModelProto:
    """An LSTM and Linear layers of so many outputs, batch first."""
    g = Graph(1, T, N)
    v = g.rnn("LSTM", g.n("Transpose", "x", perm=[1, 0, 2]), N, H)
    v = g.n("Transpose", g.axes("Squeeze", v, 1), perm=[1, 0, 2])
    for before, width in zip((H, *widths), widths, strict=False):
        v = g.n("Add", g.n("MatMul", v, g.r(before, width)), g.r(width))
    return g.out(v).proto()


def test_the_largest_head_is_the_host_s(tmp_path, capsys):
    proto = reader(5, CLASSES)
    onnx.save(proto, tmp_path / "m.onnx")
    out = tmp_path / "image"
    assert command("gen_image", tmp_path / "m.onnx", "--config", "tiny", "--out", out) == 0
    text = capsys.readouterr().out
    assert f"left to the host, as it does not fit: linear 5 -> {CLASSES}" in text
    assert "on the engine: lstm 3 -> 4, linear 4 -> 5" in text
    assert "equals onnxruntime" in text
    x = np.random.default_rng(0).normal(size=(1, T, N)).astype(np.float32)
    (want,) = reference(proto, {"x": x}).values()
    got = csb_rnn.build(tmp_path / "m.onnx", config="tiny").run_float(x).outputs
    assert got.shape == want.shape == (1, T, CLASSES)
    assert np.abs(got - want).max() < 1e-5 * np.abs(want).max()


def test_the_host_s_head_may_ask_for_the_shape_of_a_layer_s_tensor(tmp_path):
    """As torch's exporters write a head on ``[frames * streams, units]`` of both directions."""
    g = Graph(None, None, N)
    y = g.rnn("LSTM", "x", N, H, d=2)
    shape = g.n("Shape", y)
    frames, streams = (g.n("Gather", shape, g.c(np.array([i])), axis=0) for i in (0, 2))
    v = g.n("Transpose", y, perm=[0, 2, 1, 3])
    rows = g.n("Mul", frames, streams)
    v = g.n("Reshape", v, g.n("Concat", rows, g.c(np.array([2 * H])), axis=0))
    v = g.n("Gemm", v, g.r(2 * H, CLASSES), g.r(CLASSES))
    whole = g.n("Concat", frames, streams, g.c(np.array([CLASSES])), axis=0)
    proto = g.out(g.n("Reshape", v, whole), 3).proto()
    onnx.save(proto, tmp_path / "m.onnx")
    build = csb_rnn.build(tmp_path / "m.onnx", config="tiny")
    assert build.record.model.spans[-1].networks.keys() == {False, True}
    x = np.random.default_rng(1).normal(size=(T, 2, N)).astype(np.float32)
    (want,) = reference(proto, {"x": x}).values()
    assert np.abs(build.run_float(x).outputs - want).max() < 1e-5 * np.abs(want).max()


def test_linear_layers_that_fit_stay_on_the_engine(tmp_path):
    onnx.save(reader(5, 6), tmp_path / "m.onnx")
    build = csb_rnn.build(tmp_path / "m.onnx", config="tiny")
    assert [la.outputs for la in build.record.model.spans[0].networks[False].layers] == [H, 5, 6]


def test_without_a_linear_layer_the_first_reason_is_told(tmp_path):
    onnx.save(reader(), tmp_path / "m.onnx")
    found = read_source(tmp_path / "m.onnx")
    assert leave_last(found) is None

    def never(source):
        raise CompileError(f"{len(list(source.model.networks()))} networks")

    with pytest.raises(CompileError, match="1 networks"):
        flow.fitting(found, never)
