# SPDX-License-Identifier: Apache-2.0
"""Small ONNX graphs by hand, and whether a plan of one equals ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from csb_rnn.models import directions
from csb_rnn.network import onnx as importer
from csb_rnn.network.onnx import Plan, hosting

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
F = np.float32


class Graph:
    """A graph that grows node by node.

    Attributes:
        nodes, init, ins, outs: parts of the graph.
        extra: more operator sets than ONNX's own.
    """

    def __init__(self, *shape: int | None, opset: int = 17, ir: int = 8, seed: int = 0) -> None:
        self.rng, self.opset, self.ir = np.random.default_rng(seed), opset, ir
        self.nodes: list[onnx.NodeProto] = []
        self.init: list[onnx.TensorProto] = []
        self.outs: list[onnx.ValueInfoProto] = []
        self.ins = [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))]
        self.extra: list[onnx.OperatorSetIdProto] = []

    def c(self, a) -> str:
        """A constant."""
        self.init.append(numpy_helper.from_array(np.asarray(a), f"k{len(self.init)}"))
        return self.init[-1].name

    def r(self, *shape: int, s: float = 0.4) -> str:
        """Random numbers."""
        return self.c((self.rng.normal(size=shape) * s).astype(F))

    def given(self, name: str, *shape: int | None, kind: int = TensorProto.FLOAT) -> str:
        """Another input."""
        self.ins.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def n(self, kind: str, *ins: str, outs: list[str] | None = None, **attributes) -> str:
        """A node; its first output."""
        outs = [f"t{len(self.nodes)}"] if outs is None else outs
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(ins), outs, name, **attributes))
        return next(o for o in outs if o)

    def axes(self, kind: str, x: str, *axes: int) -> str:
        """Squeeze or Unsqueeze in the form of the operator set."""
        if self.opset < 13:
            return self.n(kind, x, axes=list(axes))
        return self.n(kind, x, self.c(np.array(axes)))

    def rnn(
        self, kind: str, x: str, n: int, h: int, d: int = 1, bias: bool = True, lens: str = "",
        h0: str = "", c0: str = "", p: str = "", outs: list[str] | None = None, **attributes,
    ) -> str:  # fmt: skip
        """A recurrent node with random weights."""
        g = GATES[kind] * h
        ins = [x, self.r(d, g, n), self.r(d, g, h), self.r(d, 2 * g) if bias else "", lens, h0]
        ins += [c0, p] if kind == "LSTM" else []
        while not ins[-1]:
            ins.pop()
        if d == 2:
            attributes.setdefault("direction", "bidirectional")
        return self.n(kind, *ins, outs=outs, hidden_size=h, **attributes)

    def squeezed(self, kind: str, x: str, n: int, h: int, **options) -> str:
        """A recurrent node of one direction and its output without the axis of directions."""
        return self.axes("Squeeze", self.rnn(kind, x, n, h, **options), 1)

    def out(self, name: str, rank: int = 3, kind: int = TensorProto.FLOAT) -> Graph:
        self.outs.append(helper.make_tensor_value_info(name, kind, [None] * rank))
        return self

    def proto(self) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "g", self.ins, self.outs, self.init)
        opsets = [helper.make_opsetid("", self.opset), *self.extra]
        return helper.make_model(graph, opset_imports=opsets, ir_version=self.ir)


def reference(proto: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of a graph in ONNX Runtime, not optimised."""
    o = onnxruntime.SessionOptions()
    o.intra_op_num_threads, o.log_severity_level = 1, 4
    o.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), o)
    return dict(zip([v.name for v in session.get_outputs()], session.run(None, feeds), strict=True))


def ours(plan: Plan, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of a plan with the float model as engine."""

    def engine(x, state):
        return directions.run(plan.model, x, state)

    return hosting.of_plan(plan).run(feeds, engine)[0]


def difference(plan: Plan, proto: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> float:
    """Largest difference from ONNX Runtime, of the largest value."""
    want, got = reference(proto, feeds), ours(plan, feeds)
    assert list(want) == list(got)
    worst = 0.0
    for name, w in want.items():
        assert got[name].shape == w.shape, (name, got[name].shape, w.shape)
        if w.size:
            scale = max(float(np.abs(w).max()), 1e-3)
            worst = max(worst, float(np.abs(got[name] - w).max()) / scale)
    return worst


def equal(g: Graph | onnx.ModelProto, **feeds: np.ndarray) -> Plan:
    """The plan of a graph, which equals ONNX Runtime for these inputs."""
    proto = g if isinstance(g, onnx.ModelProto) else g.proto()
    plan = importer.plan_of(proto)
    assert difference(plan, proto, feeds) < 1e-4
    return plan
