# SPDX-License-Identifier: Apache-2.0
"""Drawn graphs and exports against ONNX Runtime and torch, in float and in integers.

A graph is equal to ONNX Runtime within 1e-4 of the largest value, or refused in one line. There is
nothing else: no other number, no traceback, no line that blames the file. ``CSB_FUZZ_GRAPHS`` says
how many graphs are drawn (300; the nightly suite draws 5000) and ``CSB_FUZZ_EXPORTS`` how many
modules torch exports (20).
"""

from __future__ import annotations

import io
import logging
import os
import random
import warnings
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csb_rnn.network import onnx as importer
from csb_rnn.network.onnx import OnnxError
from tests.network.onnx_drawn import drawn
from tests.network.onnx_graphs import ours
from tests.network.onnx_verdict import fixed_is_near, verdict

GRAPHS = int(os.environ.get("CSB_FUZZ_GRAPHS", "300"))
EXPORTS = int(os.environ.get("CSB_FUZZ_EXPORTS", "20"))

onnxruntime.set_default_logger_severity(4)


@settings(
    max_examples=GRAPHS,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
    database=None,
)
@given(st.data())
def test_drawn_graphs_equal_onnxruntime_or_are_refused(data):
    proto, feeds = drawn(lambda values: data.draw(st.sampled_from(list(values))))
    if verdict(proto, feeds) == "equal" and data.draw(st.sampled_from([False] * 3 + [True])):
        fixed_is_near(proto, 0)


def test_most_drawn_graphs_are_taken():
    """A reader that refuses everything would pass the test above."""
    seen: Counter[str] = Counter()
    for seed in range(60):
        rng = random.Random(seed)
        seen[verdict(*drawn(rng.choice))] += 1
    assert seen["equal"] > 0.8 * (60 - seen["illegal"]), seen
    assert seen["illegal"] < 8, seen


@pytest.mark.parametrize("version", [None, 13, 21])
@pytest.mark.parametrize("level", ["BASIC", "EXTENDED"])
def test_optimised_and_converted_files(level, version, tmp_path):
    """ONNX Runtime's optimiser and ONNX's version converter rewrite a file: the meaning stays."""
    levels = onnxruntime.GraphOptimizationLevel
    taken = 0
    for seed in range(16):
        rng = random.Random(seed)
        proto, feeds = drawn(rng.choice)
        if verdict(proto, feeds) == "illegal":
            continue
        try:
            if version is not None:
                proto = onnx.version_converter.convert_version(proto, version)
            o = onnxruntime.SessionOptions()
            o.graph_optimization_level = getattr(levels, f"ORT_ENABLE_{level}")
            o.optimized_model_filepath = str(tmp_path / "o.onnx")
            o.log_severity_level = 4
            onnxruntime.InferenceSession(
                proto.SerializeToString(), o, providers=["CPUExecutionProvider"]
            )
        except Exception:  # the converter, or the runtime, has no such version
            continue
        taken += verdict(onnx.load(tmp_path / "o.onnx"), feeds) == "equal"
    assert taken >= (8 if version is None else 1)


# --- exports of torch -----------------------------------------------------------------------------


class Net(torch.nn.Module):
    """A network of drawn options: a Linear in front, a recurrent module, a head."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        kind = rng.choice([torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN])
        n, h = rng.randint(1, 5), rng.randint(2, 6)
        self.first = rng.random() < 0.3
        self.batch_first = rng.random() < 0.7
        both, self.form = rng.random() < 0.4, rng.choice(["all", "last", "mean", "states", "both"])
        self.n, self.learned = n, rng.random() < 0.2
        self.linear = torch.nn.Linear(n, 4)
        options = {"nonlinearity": rng.choice(["tanh", "relu"])} if kind is torch.nn.RNN else {}
        self.rnn = kind(4 if self.first else n, h, rng.randint(1, 3), bias=rng.random() < 0.8,
                        batch_first=self.batch_first, bidirectional=both, **options)  # fmt: skip
        d = 1 + both
        self.h0 = torch.nn.Parameter(torch.randn(self.rnn.num_layers * d, 1, h) * 0.5)
        self.head = torch.nn.Linear(h * d, 3) if rng.random() < 0.6 else torch.nn.Identity()

    def forward(self, x: torch.Tensor) -> object:
        if self.first:
            x = torch.relu(self.linear(x))
        state = None
        if self.learned:
            h = self.h0.expand(-1, x.shape[0 if self.batch_first else 1], -1).contiguous()
            state = (h, torch.zeros_like(h)) if isinstance(self.rnn, torch.nn.LSTM) else h
        y, end = self.rnn(x, state)
        h = end[0] if isinstance(end, tuple) else end
        if self.form == "last":
            return self.head(y[:, -1] if self.batch_first else y[-1])
        if self.form == "mean":
            return torch.softmax(self.head(y.mean(1 if self.batch_first else 0)), -1)
        if self.form == "states":
            return self.head(y), h
        return (self.head(y), torch.tanh(y)) if self.form == "both" else self.head(y)


def export(net: Net, x: torch.Tensor, rng: random.Random) -> tuple[onnx.ModelProto, str]:
    """An export by either exporter, static or dynamic, and its options as a text."""
    dynamo, dynamic = rng.random() < 0.3, rng.random() < 0.5
    options: dict = {"dynamo": dynamo}
    if dynamo and dynamic:
        options["dynamic_shapes"] = ({0: torch.export.Dim("b"), 1: torch.export.Dim("t")},)
    elif dynamic:
        options["dynamic_axes"] = {"x": {0: "b", 1: "t"}}
    if not dynamo:
        options["opset_version"] = rng.randint(9, 20)
    buffer = io.BytesIO()
    if dynamo:
        program = torch.onnx.export(net, (x,), None, input_names=["x"], **options)
        program.save(buffer)
    else:
        torch.onnx.export(net, (x,), buffer, input_names=["x"], **options)
    return onnx.load_from_string(buffer.getvalue()), f"{net} {net.form} {options}"


def test_drawn_exports_of_torch(capsys):
    """Both exporters, static and dynamic, opset 9 to 20: at least 98 of 100 run."""
    logging.disable(logging.CRITICAL)
    seen: Counter[str] = Counter()
    refused = []
    for seed in range(EXPORTS):
        rng = random.Random(seed)
        torch.manual_seed(seed)
        net = Net(rng).eval()
        x = torch.randn(rng.randint(2, 3), rng.randint(4, 5), net.n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                proto, text = export(net, x, rng)
            except Exception:  # the exporter itself fails
                seen["not exported"] += 1
                continue
        with torch.no_grad():
            want = net(x)
        want = [w.numpy() for w in (want if isinstance(want, tuple) else (want,))]
        try:
            plan = importer.plan_of(proto)
        except OnnxError as error:
            seen["refused"] += 1
            refused.append(f"{seed}: {error}; {text}")
            continue
        for got, w in zip(ours(plan, {"x": x.numpy()}).values(), want, strict=True):
            assert got.shape == w.shape, text
            assert np.abs(got - w).max() < 1e-4 * max(1e-3, np.abs(w).max()), text
        seen["equal"] += 1
    logging.disable(logging.NOTSET)
    with capsys.disabled():
        if EXPORTS > 20:
            print(dict(seen), *refused, sep="\n")
    assert seen["equal"] >= 0.98 * (EXPORTS - seen["not exported"]), refused
    assert seen["not exported"] <= EXPORTS // 4
