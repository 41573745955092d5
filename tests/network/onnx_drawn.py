# SPDX-License-Identifier: Apache-2.0
"""Drawn ONNX graphs: layers, and the arithmetic and arrangement that exporters put around them.

:func:`drawn` takes a function that draws one of several values, so that hypothesis, which shrinks,
and a plain generator can make graphs. What is drawn is legal ONNX: axes in every order, states
that are constant, computed, given or absent, biases of every shape, heads on every frame, one
frame or all together, and operator sets from 7 to 24.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from tests.network.onnx_graphs import F, Graph

Draw = Callable[[Sequence[Any]], Any]
IR = {7: 3, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9,
      20: 9, 21: 10, 22: 10, 23: 11, 24: 12}  # fmt: skip


class Drawn:
    """A graph under construction, and how its tensor at hand lies.

    Attributes:
        at: name of the tensor, ``[frames, streams, width]`` unless told otherwise.
    """

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.opset = draw(sorted(IR))
        self.frames, self.streams = draw([1, 2, 3, 4]), draw([1, 2, 3, 4])
        self.width = draw([1, 2, 3, 4])
        self.open = draw([False, True])  # extents not in the file
        self.seed = draw(range(1000))
        self.feeds: dict[str, np.ndarray] = {}

    # --- helpers ----------------------------------------------------------------------------------

    def constant(self, a) -> str:
        """A constant, as an initialiser or a node."""
        if self.draw([True, True, False]):
            return self.g.c(a)
        return self.g.n("Constant", value=onnx.numpy_helper.from_array(np.asarray(a)))

    def random(self, *shape: int) -> str:
        return self.constant((self.g.rng.normal(size=shape) * 0.4).astype(F))

    def cut(self, x: str, start: int, end: int, axis: int, step: int = 1) -> str:
        if self.opset < 10:
            return self.g.n("Slice", x, starts=[start], ends=[end], axes=[axis])
        ins = [self.g.c(np.array([v])) for v in (start, end, axis, step)]
        return self.g.n("Slice", x, *ins)

    def reduce(self, kind: str, x: str, axis: int) -> str:
        by_input = self.opset >= (13 if kind == "ReduceSum" else 18)
        if by_input:
            return self.g.n(kind, x, self.g.c(np.array([axis])), keepdims=0)
        return self.g.n(kind, x, axes=[axis], keepdims=0)

    def size(self, axis: int, of: str) -> str:
        return self.g.n("Gather", self.g.n("Shape", of), self.g.c(np.array([axis])))

    # --- the input --------------------------------------------------------------------------------

    def begin(self) -> str:
        """The input in one of its forms, arranged to [frames, streams, width]."""
        t, b, n = self.frames, self.streams, self.width
        form = self.draw(["TBN", "BTN", "BNT", "TN", "BN", "B1TN", "flat"])
        if form == "TN":
            self.streams = b = 1
        if form == "BN":
            self.frames = t = 1
        shape = {"TBN": (t, b, n), "BTN": (b, t, n), "BNT": (b, n, t), "TN": (t, n), "BN": (b, n),
                 "B1TN": (b, 1, t, n), "flat": (b, t * n)}[form]  # fmt: skip
        letters = {"T": None, "B": None, "N": n, "1": 1}
        given = [letters[c] for c in form] if form != "flat" else [None, t * n]
        self.g = Graph(*(given if self.open else shape), opset=self.opset, ir=IR[self.opset],
                       seed=self.seed)  # fmt: skip
        self.feeds["x"] = np.random.default_rng(self.seed).normal(size=shape).astype(F)
        g, x = self.g, "x"
        if self.draw([False, False, True]):
            x = self.noise(x)
        if form == "BTN":
            return g.n("Transpose", x, perm=[1, 0, 2])
        if form == "BNT":
            return g.n("Transpose", x, perm=[2, 0, 1])
        if form == "TN":
            return g.axes("Unsqueeze", x, 1)
        if form == "BN":
            return g.axes("Unsqueeze", x, 0)
        if form == "B1TN":
            return g.n("Transpose", g.axes("Squeeze", x, 1), perm=[1, 0, 2])
        if form == "flat":
            x = g.n("Reshape", x, g.c(np.array([-1, t, n])))
            return g.n("Transpose", x, perm=[1, 0, 2])
        return x

    def noise(self, x: str) -> str:
        """Something in front of the layers: nothing, or the host's."""
        kind = self.draw(["Identity", "Dropout", "Cast", "Mul", "Add", "Clip", "Softmax", "Neg"])
        g = self.g
        if kind == "Cast":
            return g.n(kind, x, to=TensorProto.FLOAT)
        if kind in ("Mul", "Add"):
            n = self.feeds["x"].shape[-1]
            return g.n(kind, x, self.random(*self.draw([(n,), (1,), ()])))
        if kind == "Clip":
            if self.opset < 11:
                return g.n(kind, x, min=-0.5, max=0.5)
            return g.n(kind, x, g.c(np.array(-0.5, F)), g.c(np.array(0.5, F)))
        return g.n(kind, x)

    # --- states -----------------------------------------------------------------------------------

    def state(self, name: str, d: int, h: int, of: str) -> str:
        """An initial state [d, streams, h] in one of its forms, or none."""
        g, b = self.g, self.streams
        form = self.draw(["", "", "constant", "zeros", "zeros + parameter", "expand", "given"])
        if self.opset < 9 and form.startswith("zeros"):
            form = "constant"  # before ConstantOfShape
        if form == "constant":
            return self.random(d, b, h) if not self.open or b == 1 else ""
        if form == "given":
            self.feeds[name] = g.rng.normal(size=(d, b, h)).astype(F)
            return g.given(name, d, None if self.open else b, h)
        if not form:
            return ""
        shape = g.n("Concat", g.c(np.array([d])), self.size(1, of), g.c(np.array([h])), axis=0)
        if form == "expand":
            return g.n("Expand", self.random(d, 1, h), shape)
        z = g.n("ConstantOfShape", shape)
        if form == "zeros":
            return z
        kind = self.draw(["Add", "Sub", "Mul", "Exp", "Sigmoid", "Transpose", "Concat"])
        if kind in ("Exp", "Sigmoid"):
            return g.n(kind, z)
        if kind == "Transpose":
            y = g.n("Transpose", z, perm=[1, 0, 2])
            return g.n("Transpose", g.n("Add", y, self.random(1, d, h)), perm=[1, 0, 2])
        if kind == "Concat":
            y = g.n("Concat", g.n("Add", z, self.random(d, 1, h)), z, axis=0)
            return self.cut(y, self.draw([0, d]), 2 * d, 0) if self.draw([0, 1]) else \
                self.cut(y, 0, d, 0)  # fmt: skip
        return g.n(kind, z, self.random(*self.draw([(d, 1, h), (1, 1, h), (h,), ()])))

    # --- layers -----------------------------------------------------------------------------------

    def weight(self, *shape: int) -> str:
        """A constant, as it is or computed."""
        g = self.g
        form = self.draw(["", "", "", "Identity", "Transpose", "Unsqueeze", "Mul", "Concat"])
        if form == "Identity":
            return g.n(form, self.random(*shape))
        if form == "Transpose":
            return g.n(form, self.random(*shape[::-1]))
        if form == "Unsqueeze" and shape[0] == 1:
            return g.axes(form, self.random(*shape[1:]), 0)
        if form == "Mul":
            return g.n(form, self.random(*shape), self.random())
        if form == "Concat" and shape[-1] > 1:
            return g.n(form, self.random(*shape[:-1], 1), self.random(*shape[:-1], shape[-1] - 1),
                       axis=len(shape) - 1)  # fmt: skip
        return self.random(*shape)

    def layer(self, x: str, last: bool) -> tuple[str, dict[str, str], int, int]:
        """A recurrent node: Y, final states by kind, directions, units."""
        g, draw = self.g, self.draw
        kind = draw(["LSTM", "GRU", "RNN"])
        way = draw(["forward", "forward", "reverse", "bidirectional", "bidirectional"])
        d, h, gates = 1 + (way == "bidirectional"), draw([1, 2, 3, 4]), {"LSTM": 4, "GRU": 3}
        rows = gates.get(kind, 1) * h
        lens = ""
        if draw([False] * 5 + [True]) and not self.open:
            lens = self.constant(np.full(self.streams, self.frames, np.int32))
        batch_first = self.opset >= 14 and draw([False] * 7 + [True])
        ins = [x, self.weight(d, rows, self.width), self.weight(d, rows, h),
               self.weight(d, 2 * rows) if draw([True, True, False]) else "", lens]  # fmt: skip
        options: dict[str, Any] = {"hidden_size": h, "direction": way}
        if batch_first:  # onnxruntime has no layout 1
            batch_first = False
        count = len(g.ins)
        ins.append(self.state(f"h{count}_{len(g.nodes)}", d, h, x))
        if kind == "LSTM":
            ins.append(self.state(f"c{count}_{len(g.nodes)}", d, h, x))
            ins.append(self.weight(d, 3 * h) if draw([False] * 4 + [True]) else "")
        if kind == "GRU":
            options["linear_before_reset"] = draw([0, 1])
        if draw([False] * 3 + [True]):
            each = {"LSTM": 3, "GRU": 2, "RNN": 1}[kind]
            options["activations"] = [
                draw(["Sigmoid", "Tanh", "Relu"] if i else ["Sigmoid", "Tanh"])
                for _ in range(d) for i in range(each)
            ]  # fmt: skip
        while not ins[-1]:
            ins.pop()
        n = len(g.nodes)
        names = [f"y{n}", f"yh{n}", f"yc{n}"][: 3 if kind == "LSTM" else 2]
        g.n(kind, *ins, outs=names, **options)
        return names[0], dict(zip("hc", names[1:], strict=False)), d, h

    def joined(self, y: str, d: int, h: int) -> str:
        """[frames, directions, streams, units] as [frames, streams, features]; now and then wrong
        but legal, or one direction of both."""
        g, draw, t, b = self.g, self.draw, self.frames, self.streams
        self.width = d * h
        if d == 1 and draw([True, True, False]):
            return g.axes("Squeeze", y, 1)
        if d == 2 and draw([False] * 3 + [True]):
            self.width = h
            index = draw([0, 1, -1])
            if draw([False, True]):
                return g.axes("Squeeze", self.cut(y, index % 2, index % 2 + 1, 1), 1)
            return g.n("Gather", y, g.c(np.array(index)), axis=1)
        wrong = draw([False] * 7 + [True])
        z = y if wrong else g.n("Transpose", y, perm=[0, 2, 1, 3])
        form = draw(["0, 0, -1", "sizes", "numbers"])
        if wrong and form == "0, 0, -1":
            form = "numbers"
        if form == "0, 0, -1":
            return g.n("Reshape", z, g.c(np.array([0, 0, -1])))
        if form == "numbers" and not self.open:
            return g.n("Reshape", z, g.c(np.array([t, b, d * h])))
        parts = [self.size(0, y), self.size(2, y), g.c(np.array([d * h]))]
        return g.n("Reshape", z, g.n("Concat", *parts, axis=0))

    def linear(self, x: str) -> str:
        """A product, perhaps a bias of some shape, perhaps an activation."""
        g, draw, t, b = self.g, self.draw, self.frames, self.streams
        m = draw([1, 2, 3, 4])
        y = g.n("MatMul", x, self.weight(self.width, m))
        self.width = m
        if draw([True, True, False]):
            shapes = [(m,), (m,), (m,), (1, m), (1, 1, m), (1,), ()]
            if not self.open:
                shapes += [(b, 1), (t, 1, 1), (b, m), (t, b, m), (1, b, 1)]
            c = self.random(*draw(shapes))
            kind = draw(["Add", "Add", "Add", "Sub", "Mul"])
            y = g.n(kind, *((y, c) if draw([True, False]) else (c, y)))
        if draw([True, False]):
            y = g.n(draw(["Relu", "Sigmoid", "Tanh", "LeakyRelu"]), y)
        return y

    def head(self, x: str) -> tuple[str, int]:
        """What becomes of the last layer's frames: a tensor and its axes."""
        g, draw = self.g, self.draw
        form = draw(["all", "all", "batch first", "last", "last by Slice", "first", "mean", "max",
                     "softmax", "flat", "turned"])  # fmt: skip
        if form == "batch first":
            return g.n("Transpose", x, perm=[1, 0, 2]), 3
        if form in ("last", "first"):
            index = -1 if form == "last" else 0
            index = self.frames - 1 if index and not self.open and draw([0, 1]) else index
            if self.opset < 11:
                index = max(index, 0)
            y, rank = g.n("Gather", x, g.c(np.array(index)), axis=0), 2
        elif form == "last by Slice":
            y, rank = self.cut(x, -1, 2**31 - 1, 0), 3
            if draw([True, False]):
                y, rank = g.axes("Squeeze", y, 0), 2
        elif form in ("mean", "max"):
            y, rank = self.reduce(f"Reduce{form.title()}", x, 0), 2
        elif form == "flat":
            y, rank = g.n("Reshape", x, g.c(np.array([-1, self.width]))), 2
        elif form == "turned" and self.opset >= 10:
            y, rank = self.cut(x, -1, -(2**31), 0, -1), 3
        else:
            y, rank = x, 3
            if form == "softmax":
                return g.n("Softmax", y), 3
        if rank == 2 and draw([True, True, False]):
            m = draw([1, 2, 3])
            c = [self.random(*draw([(m,), (1, m), (1,)]))] if draw([True, False]) else []
            if self.opset < 11 and not c:
                c = [self.random(m)]
            y = g.n("Gemm", y, self.weight(m, self.width), *c, transB=1, alpha=draw([1.0, 0.5]),
                    beta=draw([1.0, 2.0]))  # fmt: skip
        if draw([False, True]):
            y = g.n(draw(["Relu", "Softmax", "Tanh"]), y)
        return y, rank

    def graph(self) -> onnx.ModelProto:
        x = self.begin()
        if self.draw([False, False, True]):
            x = self.linear(x)
        states: list[str] = []
        count = self.draw([1, 1, 1, 2, 3])
        for i in range(count):
            y, final, d, h = self.layer(x, i == count - 1)
            states += final.values()
            x = self.joined(y, d, h)
            if self.draw([False] * 5 + [True]):
                x = self.linear(x)
        y, rank = self.head(x)
        outputs = [(y, rank)]
        for s in states:
            if self.draw([False] * 4 + [True]):
                outputs.append((s, 3))
        if self.draw([False] * 9 + [True]) and states:
            outputs = [(s, 3) for s in states]
        for name, axes in outputs:
            self.g.out(name, axes)
        return self.g.proto()


def drawn(draw: Draw) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A graph and inputs for it."""
    made = Drawn(draw)
    return made.graph(), made.feeds
