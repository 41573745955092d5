# SPDX-License-Identifier: Apache-2.0
"""ONNX files as models: LSTM, GRU, RNN, Gemm and MatMul in a chain from input to output.

Read with all their options: ``direction``, ``linear_before_reset`` 0 and 1, ``activations`` that
the hardware has (Sigmoid, Tanh, Relu), biases, peepholes, constant initial states, ``layout``.
Between them may stand what only arranges axes (Transpose, Squeeze, Unsqueeze, Reshape, Flatten,
Identity, Dropout), behind a Gemm or MatMul the Add of its bias and one activation, and beside them
the arithmetic of shapes with which exporters make a zero state.

What cannot be represented is refused by name: the node, the attribute, what is supported.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from csb_rnn import cells, untrusted
from csb_rnn.cells import gru, gru_before, lstm, peephole, rnn
from csb_rnn.cells.graph import Cell
from csb_rnn.network.bidirectional import Directions, Model, stack
from csb_rnn.network.network import Floats, GateInput, Layer, NetworkError

if TYPE_CHECKING:
    import onnx

ACTS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu"}
ORDER = {"LSTM": "iofc", "GRU": "zrh", "RNN": "h"}  # of the gates in W, R and B
NAMES = {"LSTM": {"c": "g"}, "GRU": {"h": "n"}, "RNN": {}}  # ours, where they differ
PEEPHOLES = ("p_i", "p_o", "p_f")
DEFAULT_ACTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
ARRANGES = (
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Reshape",
    "Flatten",
    "Identity",
    "Dropout",
    "Cast",
)


#: What is computed when the file is read, if all of its operands are constants.
FOLDED = {
    *("Add", "Cast", "Concat", "ConstantOfShape", "Div", "Equal", "Expand", "Flatten", "Gather"),
    *("Identity", "Mul", "Neg", "Reshape", "Shape", "Slice", "Split", "Squeeze", "Sub"),
    *("Transpose", "Unsqueeze", "Where"),
}
FOLDED_SIZE = 1 << 24  # numbers in such operands and results


class OnnxError(NetworkError):
    """An ONNX file that cannot be read or represented; one line that names the node."""


def _with_acts(cell: Cell, acts: dict[str, str]) -> Cell:
    """The cell with other activations of the named nodes."""
    changed = {n.name: acts.get(n.name, n.act) for n in cell.nodes}
    if all(changed[n.name] == n.act for n in cell.nodes):
        return cell
    nodes = tuple(dataclasses.replace(n, act=changed[n.name]) for n in cell.nodes)
    used = "_".join(dict.fromkeys(a for a in acts.values()))
    return dataclasses.replace(cell, name=f"{cell.name}_{used}", nodes=nodes).check()


class _Reader:
    """Walks the graph from its input; ``axes`` are those of the tensor at hand: T, B, D
    (directions), H (units of one), F (values of a frame), N (T and B together), 1."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        from onnx import numpy_helper

        self.graph = graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.shapes: set[str] = set()  # what follows from the shape of a tensor alone
        self.filled: dict[str, float] = {}  # tensors of such a shape that hold one number
        self.layers: list[Directions] = []
        self.initial: dict[str, Floats] = {}
        self.linear: dict[str, Any] | None = None  # the Gemm or MatMul that may go on
        self.directions = 1

    # --- helpers --------------------------------------------------------------------------------

    def fail(self, node: onnx.NodeProto, text: str) -> OnnxError:
        return OnnxError(f"{node.op_type} '{node.name or node.output[0]}': {text}")

    @staticmethod
    def attributes(node: onnx.NodeProto) -> dict[str, Any]:
        from onnx import helper

        return {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def constant(self, node: onnx.NodeProto, index: int, what: str) -> Floats | None:
        """Input ``index`` of a node as float64; None if it has none.

        Raises:
            OnnxError: it is not constant.
        """
        name = node.input[index] if index < len(node.input) else ""
        if not name:
            return None
        if self.filled.get(name) == 0.0:
            return None
        if name not in self.constants:
            raise self.fail(node, f"{what} is computed in the graph; supported: a constant")
        return np.asarray(self.constants[name], np.float64)

    def aside(self, node: onnx.NodeProto) -> bool:
        """Whether a node only computes shapes, or constants, as exporters do for a zero state."""
        from onnx import numpy_helper
        from onnx.reference import ReferenceEvaluator

        attr, names = self.attributes(node), [n for n in node.input if n]
        out = node.output[0]
        if node.op_type == "Constant":
            (value,) = attr.values()
            whole = "value" in attr
            self.constants[out] = numpy_helper.to_array(value) if whole else np.asarray(value)
        elif node.op_type == "Shape":
            self.shapes.add(out)
        elif all(n in self.constants for n in names):
            if node.op_type not in FOLDED or not names:
                raise self.fail(node, f"of constants; supported: {', '.join(sorted(FOLDED))}")
            fed = {n: self.constants[n] for n in names}
            if sum(a.size for a in fed.values()) > FOLDED_SIZE:
                raise self.fail(node, f"of more than {FOLDED_SIZE} constants")
            if node.op_type in ("ConstantOfShape", "Expand"):
                self.check_shape(node, fed[names[-1]])
            try:
                results = ReferenceEvaluator(node).run(None, fed)
            except Exception as error:  # whatever onnx and numpy raise for operands of other shapes
                raise self.fail(node, untrusted.clean(str(error), 200)) from None
            self.constants |= zip(node.output, map(np.asarray, results), strict=True)
        elif node.op_type == "ConstantOfShape" and names[0] in self.shapes:
            value = attr.get("value")
            self.filled[out] = 0.0 if value is None else float(numpy_helper.to_array(value)[0])
        elif node.op_type == "Expand" and names[1] in self.shapes and names[0] in self.constants:
            value = np.unique(self.constants[names[0]])
            self.filled[out] = float(value[0]) if len(value) == 1 else np.nan
        elif names[0] in self.filled and all(n in self.constants for n in names[1:]):
            self.filled[out] = self.filled[names[0]]
        elif all(n in self.constants or n in self.shapes for n in names):
            self.shapes.add(out)
        else:
            return False
        return True

    def check_shape(self, node: onnx.NodeProto, shape: np.ndarray) -> None:
        """Refuse to fill more than the hardware could ever take."""
        sizes = [int(n) for n in shape.reshape(-1)] if shape.dtype.kind in "iu" else [-1]
        if any(n < 0 for n in sizes) or math.prod(max(1, n) for n in sizes) > FOLDED_SIZE:
            raise self.fail(node, f"fills the shape {untrusted.show(str(sizes))}")

    # --- recurrent nodes ------------------------------------------------------------------------

    def recurrent(self, node: onnx.NodeProto) -> None:
        kind, attr = node.op_type, self.attributes(node)
        for name, plain in (("clip", None), ("input_forget", 0), ("activation_alpha", None),
                            ("activation_beta", None)):  # fmt: skip
            if attr.get(name, plain) not in (plain, []):
                raise self.fail(node, f"attribute {name} = {attr[name]} is not supported")
        if len(node.input) > 4 and node.input[4]:
            raise self.fail(node, "sequence_lens is not supported: frames end when they end")
        direction = attr.get("direction", b"forward").decode()
        ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}
        if direction not in ways:
            raise self.fail(node, f"direction '{direction}'; supported: {', '.join(ways)}")
        reverse = ways[direction]
        w, r = self.constant(node, 1, "W"), self.constant(node, 2, "R")
        if w is None or r is None:
            raise self.fail(node, "W or R is missing")
        b, p = self.constant(node, 3, "B"), None
        if kind == "LSTM":
            p = self.constant(node, 7, "P")
        if w.ndim != 3 or r.ndim != 3:
            raise self.fail(node, f"W of shape {w.shape} and R of shape {r.shape} have not 3 axes")
        hidden, gates = r.shape[2], len(ORDER[kind])
        if w.shape[:2] != (len(reverse), gates * hidden) or r.shape[:2] != w.shape[:2]:
            raise self.fail(
                node, f"W of shape {w.shape} and R of shape {r.shape} are not {direction}"
            )
        if len(self.axes) != 3 or sorted(self.axes) != ["B", "F", "T"]:
            raise self.fail(node, f"its input has the axes {', '.join(self.axes)}")
        layout = attr.get("layout", 0)
        if self.axes != (["B", "T", "F"] if layout else ["T", "B", "F"]):
            raise self.fail(node, f"layout {layout} does not fit axes {', '.join(self.axes)}")
        acts = [a.decode() for a in attr.get("activations", [])]
        acts = acts or [*DEFAULT_ACTS[kind]] * len(reverse)
        for a in acts:
            if a.lower() not in ACTS:
                raise self.fail(
                    node, f"activations: '{a}'; supported: {', '.join(a.title() for a in ACTS)}"
                )
        each = len(DEFAULT_ACTS[kind])
        layer: Directions = {}
        for i, way in enumerate(reverse):
            own = [ACTS[a.lower()] for a in acts[i * each : (i + 1) * each]]
            before = not attr.get("linear_before_reset", 0)
            cell = self.cell(kind, own, before, p is not None and bool(p[i].any()))
            layer[way] = self.layer(node, kind, cell, w[i], r[i], None if b is None else b[i],
                                    None if p is None else p[i])  # fmt: skip
            for at, state in ((5, "h"), (6, "c"))[: 2 if kind == "LSTM" else 1]:
                self.start(node, at, state, i, way, bool(layout))
        self.layers.append(layer)
        self.directions = len(reverse)
        self.axes = ["B", "T", "D", "H"] if layout else ["T", "D", "B", "H"]

    @staticmethod
    def cell(kind: str, acts: Sequence[str], before: bool, peepholes: bool) -> Cell:
        """The cell of a node with these activations."""
        if kind == "RNN":
            return _with_acts(rnn.RNN, {"a": acts[0]})
        if kind == "GRU":
            base = gru_before.GRU_BEFORE if before else gru.GRU
            return _with_acts(base, {"r": acts[0], "z": acts[0], "n": acts[1]})
        f, g, h = acts
        base = peephole.PEEPHOLE if peepholes else lstm.LSTM
        return _with_acts(base, {"i": f, "f": f, "o": f, "g": g, "tanh_c": h})

    def layer(
        self,
        node: onnx.NodeProto,
        kind: str,
        cell: Cell,
        w: Floats,
        r: Floats,
        b: Floats | None,
        p: Floats | None,
    ) -> Layer:
        """One direction of a node."""
        hidden, order = r.shape[1], ORDER[kind]
        names = [NAMES[kind].get(g, g) for g in order]
        recurs = {g: next(v for d in cell.drains if d.gate == g for v in d.inputs if v != "x")
                  for g in names}  # fmt: skip
        weights: dict[GateInput, Floats] = {}
        biases: dict[GateInput, Floats] = {}
        for i, g in enumerate(names):
            rows = slice(i * hidden, (i + 1) * hidden)
            weights[g, "x"], weights[g, recurs[g]] = w[rows], r[rows]
            if b is not None:
                wb, rb = np.split(b, 2)
                biases[g, "x"], biases[g, recurs[g]] = wb[rows], rb[rows]
        inputs = {"x": w.shape[1]} | dict.fromkeys(recurs.values(), hidden)
        constants = {}
        if cell.constants and p is not None:
            constants = dict(zip(PEEPHOLES, np.split(p, 3), strict=True))
        try:
            return Layer(cell, hidden, inputs, weights, biases, {}, constants).check(node.name)
        except NetworkError as error:
            raise self.fail(node, str(error)) from None

    def start(
        self, node: onnx.NodeProto, at: int, state: str, i: int, way: bool, batch_first: bool
    ) -> None:
        """Initial state of a direction, if it is not zero."""
        value = self.constant(node, at, f"initial_{state}")
        if value is None or not value.any():
            return
        value = value[:, i] if batch_first else value[i]  # [B, H]
        if (value == value[0]).all():
            value = value[0]
        self.initial[f"{state}_l{len(self.layers)}{'_reverse' if way else ''}"] = value

    # --- linear nodes ---------------------------------------------------------------------------

    def product(self, node: onnx.NodeProto) -> None:
        attr = self.attributes(node)
        w = self.constant(node, 1, "the second operand")
        if w is None or w.ndim != 2:
            raise self.fail(node, "the second operand is no constant matrix")
        if self.axes[-1] != "F":
            raise self.fail(node, f"its input has the axes {', '.join(self.axes)}")
        b = None
        if node.op_type == "Gemm":
            if attr.get("transA", 0):
                raise self.fail(node, "attribute transA = 1 is not supported")
            w = (w if attr.get("transB", 0) else w.T) * attr.get("alpha", 1.0)
            b = self.constant(node, 2, "C")
            b = None if b is None else b * attr.get("beta", 1.0)
        else:
            w = w.T
        self.linear = {"w": w, "b": b, "act": None}
        self.axes = [*self.axes[:-1], "F"]

    def finish(self) -> None:
        """The linear node at hand becomes a layer."""
        if self.linear is None:
            return
        w, b, act = self.linear["w"], self.linear["b"], self.linear["act"]
        cell = cells.CELLS[f"linear_{act}" if act else "linear"]
        bias = {} if b is None else {("y", "x"): np.broadcast_to(b.reshape(-1), (len(w),)).copy()}
        layer = Layer(cell, len(w), {"x": w.shape[1]}, {("y", "x"): w}, bias)
        self.layers.append({False: layer.check(f"layer {len(self.layers)}")})
        self.linear = None

    def bias(self, node: onnx.NodeProto) -> None:
        other = [n for n in node.input if n != self.at]
        if self.linear is None or self.linear["act"] or self.linear["b"] is not None:
            raise self.fail(node, "supported: the bias of a MatMul, right behind it")
        if len(other) != 1 or other[0] not in self.constants:
            raise self.fail(node, "supported: the sum of a MatMul and a constant")
        b = np.asarray(self.constants[other[0]], np.float64)
        if b.size not in (1, len(self.linear["w"])):
            raise self.fail(node, f"a bias of shape {b.shape} behind {len(self.linear['w'])} rows")
        self.linear["b"] = b

    def activation(self, node: onnx.NodeProto) -> None:
        if self.linear is None or self.linear["act"]:
            raise self.fail(node, "supported: one activation, right behind a Gemm or MatMul")
        self.linear["act"] = ACTS[node.op_type.lower()]

    # --- axes -----------------------------------------------------------------------------------

    def arrange(self, node: onnx.NodeProto) -> None:
        attr, kind = self.attributes(node), node.op_type
        if kind in ("Identity", "Dropout", "Cast"):
            return
        if kind == "Transpose":
            self.axes = [self.axes[i] for i in attr.get("perm", range(len(self.axes))[::-1])]
        elif kind in ("Squeeze", "Unsqueeze"):
            axes = attr.get("axes")
            if axes is None and len(node.input) > 1:
                found = self.constant(node, 1, "axes")
                axes = None if found is None else found.astype(int).tolist()
            if axes is None:
                raise self.fail(node, "without axes it is not supported")
            if kind == "Squeeze":
                gone = {a % len(self.axes) for a in axes}
                ones = {"1"} | ({"D"} if self.directions == 1 else set())
                if any(self.axes[a] not in ones for a in gone):
                    raise self.fail(
                        node, f"axes {axes} of {', '.join(self.axes)} are not of size 1"
                    )
                self.axes = [a for i, a in enumerate(self.axes) if i not in gone]
            else:
                for a in sorted(a % (len(self.axes) + len(axes)) for a in axes):
                    self.axes.insert(a, "1")
            if self.axes[-1:] == ["H"] and "D" not in self.axes:
                self.axes[-1] = "F"
        else:
            self.reshape(node)

    def reshape(self, node: onnx.NodeProto) -> None:
        """Only what joins directions and units, or frames and streams."""
        rank = 2
        if node.op_type == "Reshape":
            shape = self.constant(node, 1, "shape")
            rank = 0 if shape is None else len(shape)
        if self.axes[-2:] == ["D", "H"] and rank == 3:
            self.axes = [*self.axes[:2], "F"]
        elif self.directions == 1 and "D" in self.axes and self.axes[-1] == "H" and rank == 3:
            self.axes = [a for a in self.axes[:-1] if a != "D"] + ["F"]
        elif self.axes[-1] == "F" and len(self.axes) == 3 and rank == 2:
            self.axes = ["N", "F"]
        elif len(self.axes) != rank or self.axes[-1] != "F":
            raise self.fail(
                node,
                f"axes {', '.join(self.axes)} to {rank}; supported: directions and units joined, "
                "or frames and streams",
            )

    # --- the chain ------------------------------------------------------------------------------

    def read(self) -> Model:
        given = [i for i in self.graph.input if i.name not in self.constants]
        if len(given) != 1:
            names = ", ".join(i.name for i in given)
            raise OnnxError(f"the graph has {len(given)} inputs ({names}); supported: one")
        rest = [n for n in self.graph.node if not self.aside(n)]
        self.at = given[0].name
        readers = {i for n in rest for i in n.input}
        first = next((n for n in rest if self.at in n.input), None)
        batch_first = first is not None and (
            self.attributes(first).get("layout", 0)
            or (first.op_type == "Transpose" and self.attributes(first).get("perm") == [1, 0, 2])
        )
        rank = len(given[0].type.tensor_type.shape.dim)
        self.axes = ["N", "F"] if rank == 2 else ["B", "T", "F"] if batch_first else ["T", "B", "F"]
        jobs = {"Add": self.bias, "Gemm": self.product, "MatMul": self.product}
        jobs |= dict.fromkeys(ORDER, self.recurrent) | dict.fromkeys(ARRANGES, self.arrange)
        jobs |= dict.fromkeys((a.title() for a in ACTS), self.activation)
        for node in rest:
            if self.at not in node.input:
                raise self.fail(node, f"does not read '{self.at}'; supported: one chain of nodes")
            if node.op_type not in jobs:
                raise self.fail(
                    node,
                    f"this kind of node is not supported; supported: {', '.join(sorted(jobs))}",
                )
            if node.op_type not in ("Add", *(a.title() for a in ACTS)):
                self.finish()
            jobs[node.op_type](node)
            for extra in node.output[1:]:
                if extra and extra in readers:
                    raise self.fail(node, f"its output '{extra}' is read; supported: the first one")
            self.at = node.output[0]
        self.finish()
        if not self.layers:
            raise OnnxError("the graph has no LSTM, GRU, RNN, Gemm or MatMul")
        if self.at not in {o.name for o in self.graph.output}:
            raise OnnxError(f"'{self.at}', the end of the chain, is no output of the graph")
        return stack(self.layers, initial=self.initial)


def from_onnx(proto: onnx.ModelProto) -> Model:
    """The model of an ONNX graph.

    Raises:
        OnnxError: a node or attribute that is not supported.
        NetworkError: layers that do not fit each other.
    """
    return _Reader(proto.graph).read()


def read_onnx(path: str | os.PathLike) -> Model:
    """Read an ONNX file.

    Raises:
        OnnxError: no such file, not ONNX, or something in it is not supported.
    """
    import onnx

    path = Path(path)
    if not path.is_file():
        raise OnnxError(f"{path}: no such file")
    try:
        with untrusted.bounded_memory():
            proto = _load(path)
            onnx.checker.check_model(proto)
            return from_onnx(proto)
    except (NetworkError, untrusted.FileError) as error:
        raise OnnxError(f"{path}: {error}") from None
    except Exception as error:  # whatever protobuf, the checker and odd attributes raise
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        if isinstance(error, MemoryError):
            reason = f"takes more than {untrusted.ROOM:,} bytes"
        reason = untrusted.clean(reason, 200)
        raise OnnxError(f"{path}: not a valid ONNX file: {reason}") from None


def _load(path: Path) -> onnx.ModelProto:
    """The file and the tensors that lie beside it, if they are of moderate size.

    Raises:
        FileError: too large, or a tensor lies outside of the file's folder.
    """
    import onnx
    from onnx import external_data_helper

    proto = onnx.load_model_from_string(untrusted.read_bytes(path))
    total = path.stat().st_size
    for tensor in external_data_helper._get_all_tensors(proto):
        if not external_data_helper.uses_external_data(tensor):
            size = math.prod(max(0, n) for n in tensor.dims)
            total += 4 * size if size > FOLDED_SIZE else 0
            untrusted.check_size(total)
            continue
        info = {e.key: e.value for e in tensor.external_data}
        name, length = info.get("location", ""), info.get("length", "")
        file = path.parent / name
        if name in ("", ".", "..") or Path(name).name != name or not file.is_file():
            raise untrusted.FileError(f"no file {untrusted.show(name)} of tensors beside it")
        if file.is_symlink() or not re.fullmatch("[0-9]{0,12}", length):
            raise untrusted.FileError(f"{untrusted.show(name)}: a link, or of no length")
        total += int(length or file.stat().st_size)
        untrusted.check_size(total)
    external_data_helper.load_external_data_for_model(proto, str(path.parent))
    return proto
