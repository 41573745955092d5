# SPDX-License-Identifier: Apache-2.0
"""ONNX files: against onnxruntime on random networks, and refused files."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from csb_rnn.machine import config
from csb_rnn.models import directions, quantise
from csb_rnn.network import onnx as onnx_import
from csb_rnn.network import stacking
from csb_rnn.network.onnx import OnnxError
from tests.network.onnx_models import GATES, B, Builder, T, random_model


def test_a_hundred_random_networks_equal_onnxruntime():
    kinds: set[str] = set()
    for seed in range(100):
        proto, b = random_model(seed)
        x = np.random.default_rng(seed).normal(size=(B, T, b.inputs)).astype(np.float32)
        fed = x if b.batch_first else np.swapaxes(x, 0, 1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
        want = session.run(None, {"x": fed})[0].reshape(T, B, -1).swapaxes(0, 1)
        m = onnx_import.from_onnx(proto)
        got, _ = directions.run(m, x)
        assert np.abs(got - want).max() < 1e-5, seed
        kinds |= {la.cell.name for _, _, n in m.networks() for la in n.layers}
    assert len(kinds) > 15, kinds  # activations make cells of their own


def test_a_hundred_random_modules_equal_torch():
    """Every option of torch's modules, drawn at random."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        kind = [torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN][seed % 3]
        inputs, hidden, layers = (int(n) for n in rng.integers(1, (9, 12, 4)))
        options = {"bias": bool(rng.integers(2)), "bidirectional": bool(rng.integers(2))}
        if kind is torch.nn.LSTM and hidden > 1 and rng.integers(2):
            options["proj_size"] = int(rng.integers(1, hidden))
        if kind is torch.nn.RNN:
            options["nonlinearity"] = str(rng.choice(["tanh", "relu"]))
        module = kind(inputs, hidden, layers, batch_first=True, **options)
        x = rng.normal(size=(2, 9, inputs)).astype(np.float32)
        with torch.no_grad():
            want = module(torch.from_numpy(x))[0].numpy()
        got, _ = directions.run(stacking.from_torch(module), x)
        assert np.abs(got - want).max() < 1e-5, (kind, options)


@pytest.mark.parametrize("dynamic", [None, {"x": {0: "batch", 1: "time"}}])
@pytest.mark.filterwarnings("ignore")
def test_what_torch_exports_is_read(dynamic, tmp_path):
    """Its zero states are computed from the shape of the input."""

    class Tagger(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(5, 7, 2, batch_first=True, bidirectional=True)
            self.head = torch.nn.Linear(14, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.head(self.rnn(x)[0]))

    tagger, x = Tagger().eval(), torch.randn(1, 6, 5)
    file = tmp_path / "tagger.onnx"
    torch.onnx.export(tagger, (x,), file, input_names=["x"], dynamic_axes=dynamic, dynamo=False)
    m = onnx_import.read_onnx(file)
    with torch.no_grad():
        want = tagger(x).numpy()
    assert np.abs(directions.run(m, x.numpy())[0] - want).max() < 1e-5
    assert [la.cell.name for la in m.spans[-1].networks[False].layers] == ["linear_relu"]


def test_imported_model_in_fixed_point():
    proto, b = random_model(3)
    m = onnx_import.from_onnx(proto)
    c = config.load("tiny")
    x = np.random.default_rng(1).normal(size=(B, 40, b.inputs))
    q = quantise.quantise_model(m, c, x)
    y, _ = directions.run_fixed(q, c, q.quantise_inputs(x), q.quantise_state(m.initial))
    want, _ = directions.run(m, x)
    assert np.abs(q.output_float(y) - want).max() < 2.0**-7 * max(1, np.abs(want).max())


def one_node(kind: str = "LSTM", extra: tuple[str, ...] = (), **options) -> onnx.ModelProto:
    b = Builder(0)
    b.batch_first = False
    d = 1 + (options.get("direction") == "bidirectional")
    options = {"hidden_size": 4} | options
    b.node(kind, b.array(d, 4 * GATES[kind], b.width), b.array(d, 4 * GATES[kind], 4), *extra,
           **options)  # fmt: skip
    return b.proto()


def chain(*nodes: tuple) -> onnx.ModelProto:
    b = Builder(0)
    b.batch_first = False
    for kind, arrays, options in nodes:
        b.node(kind, *[b.constant(np.asarray(a)) for a in arrays], **options)
    return b.proto()


W = np.zeros((7, 4), np.float32)
BAD = [
    (lambda: one_node(clip=3.0), "LSTM 'n1': attribute clip = 3.0 is not supported"),
    (lambda: one_node(input_forget=1), "attribute input_forget"),
    (lambda: one_node(activations=["Sigmoid", "Tanh", "Softsign"]), "'Softsign'; supported: Sig"),
    (lambda: one_node("GRU", activations=["HardSigmoid", "Tanh"]), "GRU 'n1': .*'HardSigmoid'"),
    (
        lambda: one_node(extra=("", "lens")),
        "LSTM 'n1': reads 'lens', which nothing",
    ),
    (lambda: chain(("Relu", [], {})), r"Relu 'n1' \(supported on the engine: one activ"),
    (lambda: chain(("Softmax", [], {})), r"Softmax 'n1' \(the engine runs none; sup"),
    (lambda: chain(("Gemm", [W], {"transA": 1})), "transA"),
    (lambda: chain(("Transpose", [], {"perm": [0, 2, 1]}), ("MatMul", [W], {})), "7 rows for x.1"),
    (lambda: chain(("Transpose", [], {"perm": [1, 0, 2]})), "no LSTM, GRU, RNN, Gemm or MatMul"),
    (lambda: chain(("Reshape", [np.array([-1])], {})), "no LSTM, GRU, RNN, Gemm or MatMul"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_what_cannot_be_represented_is_named(make, message, monkeypatch):
    monkeypatch.setattr(onnx.checker, "check_model", lambda _: None)
    with pytest.raises(OnnxError, match=message):
        onnx_import.from_onnx(make())


def test_files(tmp_path):
    with pytest.raises(OnnxError, match="no such file"):
        onnx_import.read_onnx(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    with pytest.raises(OnnxError, match="not a valid ONNX file"):
        onnx_import.read_onnx(tmp_path / "bad.onnx")
    proto, b = random_model(5)
    onnx.save(proto, tmp_path / "good.onnx")
    assert onnx_import.read_onnx(tmp_path / "good.onnx").inputs == b.inputs
