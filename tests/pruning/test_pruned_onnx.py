# SPDX-License-Identifier: Apache-2.0
"""ONNX in, ONNX out: gates in their places, everything else of the file untouched."""

from __future__ import annotations

import sys
from unittest import mock

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import csb_rnn
from csb_rnn.cli.main import script
from csb_rnn.network.onnx.rewrite import recurrent_nodes
from csb_rnn.pruning.activations import run_layer
from csb_rnn.pruning.parts import tensors_of

INPUTS, UNITS, FRAMES = 8, 32, 12
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def model(kind: str, rng: np.random.Generator, ways: int = 1, nodes: int = 1) -> onnx.ModelProto:
    """``nodes`` recurrent nodes, one behind the other, and a sum behind them."""
    graph, init, at, width = [], [], "x", INPUTS
    for n in range(nodes):
        rows = GATES[kind] * UNITS
        for name, shape in (("W", (ways, rows, width)), ("R", (ways, rows, UNITS)),
                            ("B", (ways, 2 * rows))):  # fmt: skip
            a = (0.15 * rng.normal(size=shape)).astype(np.float32)
            init.append(numpy_helper.from_array(a, f"{name}{n}"))
        more = {"linear_before_reset": 1} if kind == "GRU" else {}
        way = "bidirectional" if ways == 2 else "forward"
        graph += [
            helper.make_node(kind, [at, f"W{n}", f"R{n}", f"B{n}"], [f"y{n}"], f"rnn{n}",
                             hidden_size=UNITS, direction=way, **more),
            helper.make_node("ReduceSum", [f"y{n}", "axis"], [f"s{n}"], keepdims=0),
        ]  # fmt: skip
        at, width = f"s{n}", UNITS
    init.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1, INPUTS])
    y = helper.make_tensor_value_info(at, TensorProto.FLOAT, [None, 1, UNITS])
    whole = helper.make_graph(graph, "g", [x], [y], init)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def held(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}


def outputs(path, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(path).run(None, {"x": x})[0]


def prune(*arguments) -> int:
    with mock.patch.object(sys, "argv", ["prune.py", *map(str, arguments)]):
        return script("prune")()


@pytest.mark.parametrize(("kind", "ways"), [("LSTM", 2), ("GRU", 1), ("RNN", 1)])
def test_weights_that_are_left_stand_where_they_stood(kind, ways, seed, tmp_path) -> None:
    proto = model(kind, np.random.default_rng(seed), ways, nodes=2)
    onnx.save(proto, tmp_path / "a.onnx")
    assert prune(tmp_path / "a.onnx", "--rate", "4", "--block", "8", "--out",
                 tmp_path / "b.onnx") == 0  # fmt: skip
    new = onnx.load(tmp_path / "b.onnx")
    onnx.checker.check_model(new)
    assert [n.SerializeToString() for n in new.graph.node] == [
        n.SerializeToString() for n in proto.graph.node
    ]
    before, after = held(proto), held(new)
    assert before.keys() == after.keys()
    for name, a in after.items():
        left = a != 0
        assert np.array_equal(a[left], before[name][left])
        share = 0.25 if name[0] in "WR" else 1
        assert left.mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("kind", GATES)
def test_with_data_outputs_stay_near(kind, seed, tmp_path) -> None:
    """Gates and biases go to their places and back: a run of the checkpoint is onnxruntime's."""
    rng = np.random.default_rng(seed)
    onnx.save(model(kind, rng), tmp_path / "a.onnx")
    x = (0.3 * rng.normal(size=(40 * FRAMES, INPUTS)).cumsum(0) % 2 - 1).astype(np.float32)
    np.save(tmp_path / "x.npy", x.reshape(40, FRAMES, INPUTS))
    common = (tmp_path / "a.onnx", "--rate", "2", "--block", "8", "--out")
    assert prune(*common, tmp_path / "size.onnx") == 0
    assert prune(*common, tmp_path / "data.onnx", "--data", tmp_path / "x.npy") == 0
    seen = x[:FRAMES, None]
    dense, size, data = (outputs(tmp_path / f"{n}.onnx", seen) for n in ("a", "size", "data"))
    assert np.square(data - dense).mean() < 0.8 * np.square(size - dense).mean()
    (found,) = recurrent_nodes(tmp_path / "data.onnx")[1]
    c, inputs = found.checkpoint, torch.from_numpy(seen).double().transpose(0, 1)
    run = run_layer(c.cell, c.layers[0], tensors_of(c, "_l0"), inputs)
    assert np.abs(run.outputs[0].numpy() - data[:, 0]).max() < 1e-4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", "b.pt"), "of an ONNX file another one"),
        (("--out", "b.onnx", "--prefix", "rnn"), "--prefix is for state dicts"),
        (("--out", "b.onnx", "--data", "x.npy"), "one recurrent node"),
    ],
)
def test_what_does_not_apply_is_one_line(arguments, words, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    onnx.save(model("RNN", np.random.default_rng(0), nodes=2), "a.onnx")
    np.save("x.npy", np.ones((4, INPUTS)))
    with pytest.raises(csb_rnn.errors.CsbError, match=words):
        prune("a.onnx", "--rate", "2", *arguments)
    assert not (tmp_path / "b.onnx").exists()
