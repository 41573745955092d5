# SPDX-License-Identifier: Apache-2.0
"""Random ONNX models of recurrent layers, as tests of several rooms draw them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

T, B = 7, 2
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
ACTS = {"LSTM": 3, "GRU": 2, "RNN": 1}


class Builder:
    """A random chain of nodes; every choice comes from the generator."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes, self.init = [], []
        self.batch_first = bool(self.rng.integers(2))
        self.width = self.inputs = int(self.rng.integers(1, 9))
        self.at, self.count = "x", 0

    def array(self, *shape: int, scale: float = 0.4) -> str:
        return self.constant((self.rng.normal(size=shape) * scale).astype(np.float32))

    def constant(self, a: np.ndarray) -> str:
        name = f"c{len(self.init)}"
        self.init.append(numpy_helper.from_array(a, name))
        return name

    def node(self, kind: str, *inputs: str, **attributes) -> None:
        self.count += 1
        out = f"t{self.count}"
        self.nodes.append(helper.make_node(kind, [self.at, *inputs], [out], f"n{self.count}",
                                           **attributes))  # fmt: skip
        self.at = out

    def recurrent(self, kind: str) -> None:
        rng = self.rng
        direction = str(rng.choice(["forward", "reverse", "bidirectional"]))
        d, h = 1 + (direction == "bidirectional"), int(rng.integers(1, 9))
        options: dict = {"hidden_size": h, "direction": direction}
        if rng.random() < 0.3:
            options["activations"] = [
                str(rng.choice(["Sigmoid", "Tanh", "Relu"] if i else ["Sigmoid", "Tanh"]))
                for _ in range(d)
                for i in range(ACTS[kind])
            ]
        if kind == "GRU":
            options["linear_before_reset"] = int(rng.integers(2))
        inputs = [self.array(d, GATES[kind] * h, self.width), self.array(d, GATES[kind] * h, h)]
        inputs.append(self.array(d, 2 * GATES[kind] * h) if rng.random() < 0.8 else "")
        inputs.append("")
        starts = rng.random() < 0.5
        for _ in range(1 + (kind == "LSTM")):
            inputs.append(self.array(d, B, h) if starts else "")
        if kind == "LSTM" and rng.random() < 0.3:
            inputs.append(self.array(d, 3 * h))
        self.node(kind, *inputs, **options)
        if d == 1:
            self.node("Squeeze", self.constant(np.array([1])))
        else:
            self.node("Transpose", perm=[0, 2, 1, 3])
            self.node("Reshape", self.constant(np.array([0, 0, -1])))
        self.width = d * h

    def linear(self) -> None:
        out = int(self.rng.integers(1, 9))
        self.node("MatMul", self.array(self.width, out))
        if self.rng.random() < 0.7:
            self.node("Add", self.array(out))
        if self.rng.random() < 0.5:
            self.node(str(self.rng.choice(["Relu", "Tanh", "Sigmoid"])))
        self.width = out

    def proto(self) -> onnx.ModelProto:
        x_shape = [B, T, self.inputs] if self.batch_first else [T, B, self.inputs]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)
        rank = 2 if self.nodes[-1].op_type == "Gemm" else 3
        y = helper.make_tensor_value_info(self.at, TensorProto.FLOAT, [None] * rank)
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.init)
        opset = [helper.make_opsetid("", 17)]
        made = helper.make_model(graph, opset_imports=opset, ir_version=8)
        onnx.checker.check_model(made)
        return made


def random_model(seed: int) -> tuple[onnx.ModelProto, Builder]:
    b = Builder(seed)
    if b.batch_first:
        b.node("Transpose", perm=[1, 0, 2])
    if b.rng.random() < 0.3:
        b.linear()
    for _ in range(int(b.rng.integers(1, 3))):
        b.recurrent(str(b.rng.choice(list(GATES))))
    if b.rng.random() < 0.5:
        b.linear()
    if b.rng.random() < 0.3:
        b.node("Reshape", b.constant(np.array([-1, b.width])))
        b.node("Gemm", b.array(3, b.width), b.array(3), transB=1, alpha=0.5, beta=2.0)
        b.width = 3
    return b.proto(), b
