# SPDX-License-Identifier: Apache-2.0
"""The walk over a graph: the meaning of every tensor, node by node, by the rules.

Constants are folded, the others get their meaning from a rule, and a node without a
meaning becomes the host's. A recurrent node beyond the machine is an error; so is a random
node. An If whose condition is a constant is replaced by its branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from csb_rnn.network.onnx import folding, worker
from csb_rnn.network.onnx.errors import HostOnly, OnnxError, name_of, refuse
from csb_rnn.network.onnx.extents import Extent, unknown
from csb_rnn.network.onnx.load import DEFAULT, bodies, reads
from csb_rnn.network.onnx.rules import RULES, Call
from csb_rnn.network.onnx.rules.arranging import FLOATS
from csb_rnn.network.onnx.rules.sizes import shape_of
from csb_rnn.network.onnx.values import (
    Constant,
    Host,
    Repeated,
    Root,
    Sizes,
    Value,
    View,
    axis,
    known,
)

if TYPE_CHECKING:
    import onnx

RECURRENT = ("LSTM", "GRU", "RNN")
ENGINE = sorted({kind for _, kind, on in RULES if on in ("engine", "recurrent")})


def _open_extents_named(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a name of its own for every open extent of an input. The file's own
    names may call two extents equal without any guarantee."""
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(model)
    for v in made.graph.input:
        for i, d in enumerate(v.type.tensor_type.shape.dim):
            if not d.HasField("dim_value"):
                d.dim_param = f"{v.name}.{i}"
    for v in made.graph.output:
        v.type.tensor_type.ClearField("shape")
    return made


def _rename(node: onnx.NodeProto, names: set[str], prefix: str) -> None:
    """Let a node, and the graphs in it, read ``prefix + name`` for the names."""
    node.input[:] = [prefix + x if x in names else x for x in node.input]
    for g in bodies(node):
        hidden = {i.name for i in g.input} | {t.name for t in g.initializer}
        hidden |= {o for n in g.node for o in n.output}
        outer = names - hidden
        for n in g.node:
            _rename(n, outer, prefix)
        for o in g.output:
            if o.name in outer:
                o.name = prefix + o.name


class Walk:
    """Values of all tensors of a flat model.

    Attributes:
        values: meaning of each tensor by its name.
        nodes: nodes as walked, branches of a constant If in place of it.
        linear: whether layers without a state count as the engine's when the host's nodes are
            told apart (of a model without a recurrent node).
    """

    def __init__(self, model: onnx.ModelProto, linear: bool = False) -> None:
        from onnx import numpy_helper

        self.model, self.linear = model, linear
        self.opsets = {o.domain: o.version for o in model.opset_import}
        self.nodes: list[onnx.NodeProto] = []
        self.values: dict[str, Value] = {}
        self._roots: dict[str, View | None] = {}
        try:
            self.infos = worker.ask("infer", _open_extents_named(model).SerializeToString())
        except worker.WorkerError as error:
            raise OnnxError(f"shapes cannot be inferred: {error}") from None
        for t in model.graph.initializer:
            try:
                self.values[t.name] = Constant(numpy_helper.to_array(t))
            except Exception as error:  # lying sizes, types without an array
                raise OnnxError(f"tensor '{t.name}': {' '.join(str(error).split())}") from None
        for i in model.graph.input:
            found = self._input(i.name)
            self.values[i.name] = found or Host(False)
        for node in model.graph.node:
            self.visit(node)

    # --- operands -------------------------------------------------------------------------------

    def extents(self, name: str) -> list[Extent] | None:
        """Extents of a tensor, named where unknown; None if even their number is."""
        shape = self.infos.get(name, (0, None))[1]
        if shape is None:
            return None
        return [
            e if isinstance(e, int) else unknown(e or f"{name}.{i}") for i, e in enumerate(shape)
        ]

    def _input(self, name: str, rank: int | None = None) -> View | None:
        """A tensor as input frames of the engine."""
        kind, _ = self.infos.get(name, (0, None))
        extents = self.extents(name)
        if extents is None and rank is not None:
            extents = [unknown(f"{name}.{i}") for i in range(rank)]
        if kind not in FLOATS or extents is None or 0 in extents:
            return None
        axes = tuple(axis(e, f"{name}.{i}") for i, e in enumerate(extents))
        return View(Root(name, axes), "frames", axes)

    def on_engine(self, value: Value | None) -> bool:
        """Whether a tensor depends on a layer of the engine."""
        if isinstance(value, Host):
            return value.after
        if not isinstance(value, View) or isinstance(value.stage, Root):
            return False
        return self.linear or any(s.recurrent for s in value.stage.chain())

    def read(self, name: str, rank: int | None = None, fresh: bool = False) -> View | None:
        """A tensor as frames; ``fresh``, or if it is the host's: as the engine's input."""
        value = self.values.get(name)
        if isinstance(value, View) and not fresh:
            return value
        if value is None or self.on_engine(value) or isinstance(value, (Constant, Repeated, Sizes)):
            return None
        if name not in self._roots:
            self._roots[name] = self._input(name, rank)
        return self._roots[name]

    def run(self, node: onnx.NodeProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        return folding.run_node(self.model, node, feeds)

    # --- nodes ----------------------------------------------------------------------------------

    def visit(self, node: onnx.NodeProto) -> None:
        """Find the meaning of a node's outputs."""
        names = reads(node)
        missing = [n for n in names if n not in self.values]
        if missing:
            raise refuse(node, f"reads '{missing[0]}', which nothing before it makes")
        if any(o in self.values for o in node.output if o):
            raise refuse(node, "makes a tensor that exists")
        odd = folding.random_node(node) or (node if self.drops(node) else None)
        if odd is not None:
            raise refuse(odd, "draws random numbers every time; supported: constants")
        if node.op_type == "If" and node.domain in DEFAULT:
            condition = self.values[node.input[0]]
            if isinstance(condition, Constant) and condition.array.size == 1:
                self.branch(node, bool(condition.array.reshape(-1)[0]))
                return
        self.nodes.append(node)
        outputs = self.outputs(node, names)
        for name, value in zip(node.output, outputs, strict=False):
            if name:
                self.values[name] = value if value is not None else Host(self.after(names))
        for name in node.output:
            if name:
                self.values.setdefault(name, Host(self.after(names)))

    def drops(self, node: onnx.NodeProto) -> bool:
        """Whether a Dropout drops units: as in training, not when a model runs."""
        if node.op_type != "Dropout" or node.domain not in DEFAULT:
            return False
        if self.opsets.get(node.domain, 1) < 7:
            return not folding.attributes(node).get("is_test", 0)
        mode = self.values[node.input[2]] if len(node.input) > 2 and node.input[2] else None
        return mode is not None and not (isinstance(mode, Constant) and not mode.array.any())

    def after(self, names: list[str]) -> bool:
        return any(self.on_engine(self.values[n]) for n in names)

    def branch(self, node: onnx.NodeProto, taken: bool) -> None:
        """Walk a branch in place of an If."""
        import onnx
        from onnx import helper, numpy_helper

        (body,) = [a.g for a in node.attribute if a.name == ("else_branch", "then_branch")[taken]]
        prefix = f"{node.name or node.output[0]}/"
        own = {o for n in body.node for o in n.output if o} | {t.name for t in body.initializer}
        if body.sparse_initializer:
            raise refuse(node, "its branch holds sparse tensors; supported: in the graph itself")
        for t in body.initializer:
            self.values[prefix + t.name] = Constant(numpy_helper.to_array(t))
            new = onnx.TensorProto()
            new.CopyFrom(t)
            new.name = prefix + t.name
            self.model.graph.initializer.append(new)
        made = []
        for n in body.node:
            new_node = onnx.NodeProto()
            new_node.CopyFrom(n)
            _rename(new_node, own, prefix)
            new_node.output[:] = [prefix + x if x else x for x in n.output]
            made.append(new_node)
        for mine, theirs in zip(node.output, body.output, strict=True):
            source = prefix + theirs.name if theirs.name in own else theirs.name
            made.append(helper.make_node("Identity", [source], [mine], f"{prefix}{mine}"))
        self.infer(made)
        for new_node in made:
            self.visit(new_node)

    def infer(self, more: list[onnx.NodeProto]) -> None:
        """Types and shapes of nodes behind the walked ones."""
        import onnx

        made = onnx.ModelProto()
        made.CopyFrom(self.model)
        del made.graph.node[:], made.graph.output[:]
        made.graph.node.extend([*self.nodes, *more])
        made.graph.output.extend(onnx.ValueInfoProto(name=o) for o in more[-1].output)
        try:
            found = worker.ask("infer", _open_extents_named(made).SerializeToString())
        except worker.WorkerError as error:
            raise OnnxError(f"shapes cannot be inferred: {error}") from None
        self.infos |= found

    def outputs(self, node: onnx.NodeProto, names: list[str]) -> list[Value | None]:
        """Meanings of a node's outputs by constants, by its rule, or the host's."""
        values = [self.values[n] if n else None for n in node.input]
        domain = "" if node.domain in DEFAULT else node.domain
        if node.op_type == "Constant" and not domain:
            return [Constant(folding.literal(node))]
        recurrent = node.op_type in RECURRENT and not domain
        arrays = {n: a for n in names if (a := known(self.values[n])) is not None}
        if names and len(arrays) == len(set(names)) and not recurrent:
            return [Constant(a) for a in folding.fold(self.model, node, arrays)]
        call = Call(self, node, values, folding.attributes(node), self.opsets.get(node.domain, 1))
        try:
            if recurrent:
                return list(RULES["", node.op_type, "recurrent"](call))
            if bodies(node):
                raise HostOnly("holds graphs")
            found = RULES.get((domain, node.op_type, self.kind(node, values)))
            if found is None:
                if node.op_type == "Shape" and not domain and self.extents(node.input[0]):
                    return list(shape_of(self.extents(node.input[0]) or [], call))
                raise HostOnly(f"the engine runs none; supported: {', '.join(ENGINE)}")
            return list(found(call))
        except HostOnly as why:
            host = Host(self.after(names), f"{name_of(node)} ({why})")
            return [host for _ in node.output]
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            if isinstance(error, OnnxError):
                raise
            # Attributes or operands of types and shapes not allowed here by ONNX.
            text = " ".join(str(error).split())
            raise refuse(node, f"is not as ONNX defines it: {text}") from None

    def kind(self, node: onnx.NodeProto, values: list[Value | None]) -> str:
        """The rules for a node: the engine's, those of repeated constants, or those of shapes."""
        product = node.op_type in ("MatMul", "Gemm", "FusedGemm", "FusedMatMul")
        if any(isinstance(v, Host) for v in values):
            return "engine" if product and isinstance(values[0], Host) else "host"
        for meaning, kind in ((View, "engine"), (Repeated, "repeated"), (Sizes, "sizes")):
            if any(isinstance(v, meaning) for v in values):
                return kind
        return "host"
