# SPDX-License-Identifier: Apache-2.0
"""The plan of a file: the chain of layers for the engine, and the host's parts before and after.

The outputs of the graph demand tensors; views of layers among them must all come from one
chain: frames of its last layer, final states of any. Everything else behind an output is the
host's: behind the layers (``after``) or in front of them (``before``).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from csb_rnn.network.network import NetworkError
from csb_rnn.network.onnx import cut
from csb_rnn.network.onnx.errors import OnnxError, name_of
from csb_rnn.network.onnx.layout import of_root, of_view
from csb_rnn.network.onnx.load import all_nodes, bodies, flat, reads
from csb_rnn.network.onnx.parts import HostState, Plan, Probe, Tap
from csb_rnn.network.onnx.values import Host, Root, Sizes, Stage, View, axis
from csb_rnn.network.onnx.walk import RECURRENT, Walk
from csb_rnn.network.stacking import stack

if TYPE_CHECKING:
    import onnx


def inner(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Nodes of the graphs in a node, at any depth."""
    return [n for g in bodies(node) for n in all_nodes(g)]


class _Planner:
    def __init__(self, walk: Walk, original: onnx.ModelProto, left: int = 0) -> None:
        self.walk, self.original, self.left = walk, original, left
        self.makes = {o: n for n in walk.nodes for o in n.output if o}
        self.outputs = [o.name for o in walk.model.graph.output]

    def engine(self, name: str) -> View | None:
        v = self.walk.values.get(name)
        return v if isinstance(v, View) and self.walk.on_engine(v) else None

    def demanded(self, cut: set[int] | None = None) -> dict[str, View]:
        """Views behind the outputs; with ``cut``: only of those stages."""
        found: dict[str, View] = {}
        todo, seen = list(self.outputs), set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            v, value = self.engine(name), self.walk.values.get(name)
            shape = cut is not None and isinstance(value, Sizes)  # perhaps of a layer's tensor
            if v is not None and (cut is None or id(v.stage) in cut):
                found[name] = v
            elif shape or v is not None or self.walk.on_engine(value):
                todo += reads(self.makes[name]) if name in self.makes else []
        return {n: found[n] for n in sorted(found, key=lambda n: (n not in self.outputs, n))}

    def plan(self) -> Plan:
        views = self.demanded()
        if not views:
            raise OnnxError(self.nothing())
        needed = {id(s): s for v in views.values() for s in self.stages(v)}

        def joined(s: Stage) -> Stage:
            """The stage of both directions, if both are needed."""
            if s.both is None:
                return s
            used = [p for p in s.both.parts.values() if id(p) in needed]
            return s.both if len(used) == 2 or id(s.both) in needed else s

        chains = [[joined(s) for s in self.stages(v)] for v in views.values()]
        deepest = [s for s in max(chains, key=lambda c: sum(s.recurrent for s in c)) if s.recurrent]
        for c in chains:
            odd = next((s for s in c if s.recurrent and s not in deepest), None)
            if odd is not None:
                raise OnnxError(
                    f"'{odd.name}' and '{deepest[-1].name}' do not stand in one chain; supported: "
                    "layers of which each reads the one before"
                )
        other = next((s for s in deepest if s.lengths != deepest[0].lengths), None)
        if other is not None:
            raise OnnxError(
                f"'{other.name}' has other sequence_lens than '{deepest[0].name}'; supported: the "
                "same for all layers"
            )
        frames = [c for c, v in zip(chains, views.values(), strict=True) if v.kind == "frames"]
        last = self.last(frames, chains)
        for _ in range(self.left):
            before = last.before
            if last.recurrent or not isinstance(before, Stage):
                raise OnnxError(f"'{last.name}' cannot be left to the host")
            last = before
        chain = [joined(s) for s in last.chain()]
        for one, two in itertools.pairwise(chain):
            if two.before is not one:
                raise OnnxError(
                    f"'{two.name}' reads one direction of '{one.name}', of which the other is used "
                    "too; supported: both together, or one alone"
                )
        parts = {id(s) for c in chain for s in (c, *c.parts.values())}
        ends = {id(s) for s in (last, *last.parts.values())}
        for name, v in views.items():
            assert isinstance(v.stage, Stage)
            if not self.walk.linear and v.kind == "frames" and id(v.stage) in parts - ends:
                raise OnnxError(
                    f"frames of '{v.stage.name}' are used beside those of '{last.name}' (tensor "
                    f"'{name}'); supported: frames of the last layer, final states of any"
                )
        states = {id(s) for c in chain for s in (c, *c.parts.values())}
        taps = {
            n: v
            for n, v in self.demanded(ends | states).items()
            if v.kind != "frames" or id(v.stage) in ends
        }
        return self.assemble(chain, taps)

    @staticmethod
    def stages(v: View) -> list[Stage]:
        assert isinstance(v.stage, Stage)
        return v.stage.chain()

    def nothing(self) -> str:
        """Why no output is the engine's."""
        kinds = [n for n in self.walk.nodes if n.op_type in RECURRENT]
        if kinds:
            return f"no output of the graph depends on {name_of(kinds[0])}"
        for n in self.walk.nodes:
            if n.op_type.startswith("DynamicQuantize") and n.op_type[15:] in RECURRENT:
                return (
                    f"{name_of(n)}: rounds what it reads to 8 bits by the range of every run, a "
                    f"cell that the engine does not have; supported: {n.op_type[15:]}"
                )
            if n.op_type == "If" and any(m.op_type in RECURRENT for m in inner(n)):
                names = ", ".join(f"{i}=NUMBER" for i in self.inputs_of(n.input[0]))
                return (
                    f"{name_of(n)}: its branches hold layers, and its condition comes with every "
                    f"run; choose one for good: --constant {names}"
                )
        why = [v.why for v in self.walk.values.values() if isinstance(v, Host) and v.why]
        text = f"; {why[0]}" if why else ""
        return f"the graph has no LSTM, GRU, RNN, Gemm or MatMul that the engine can run{text}"

    def inputs_of(self, name: str) -> list[str]:
        """Inputs of the graph behind a tensor."""
        given = [i.name for i in self.walk.model.graph.input]
        todo, seen = [name], set[str]()
        while todo:
            one = todo.pop()
            if one not in seen:
                seen.add(one)
                todo += reads(self.makes[one]) if one in self.makes else []
        return [i for i in given if i in seen]

    def last(self, frames: list[list[Stage]], chains: list[list[Stage]]) -> Stage:
        """The last layer on the engine: the deepest one behind all demanded frames."""
        deepest = max(chains, key=len)
        recurrent = [s for s in deepest if s.recurrent]
        common = [s for s in (frames[0] if frames else deepest) if all(s in c for c in frames)]
        if recurrent:
            bottom = recurrent[-1]
            if not frames:
                return bottom
            if bottom not in common:
                names = {c[-1].name for c in frames if bottom not in c}
                raise OnnxError(
                    f"frames of '{min(names)}' are used beside '{bottom.name}'; supported: frames "
                    "of the last layer, final states of any"
                )
            if bottom.lengths:
                return bottom  # a Linear makes of the zeros behind a sequence its bias: the host's
        elif not common:  # the host computes the others: they need no state
            return max(chains, key=lambda c: sum(s.weights for s in c))[-1]
        return common[-1]

    def assemble(self, chain: list[Stage], taps: dict[str, View]) -> Plan:
        walk, root = self.walk, chain[0].root
        if "features" not in root.roles or "frames" not in root.roles:
            self.default_roles(root)
        number: dict[int, tuple[int, Stage]] = {}
        for i, s in enumerate(chain):
            number |= {id(p): (i, s) for p in (s, *s.parts.values())}
        initial: dict[str, np.ndarray] = {}
        states: list[HostState] = []
        streams = None
        for i, s in enumerate(chain):
            for (state, way), start in s.initial.items():
                key = f"{state}_l{i}{'_reverse' if way else ''}"
                if start.values is None:
                    states.append(HostState(key, start.tensor, start.layout, start.direction))
                    continue
                initial[key] = start.values
                streams = start.streams or streams
        try:
            model = stack([s.layer for s in chain], initial=initial)
        except NetworkError as error:
            raise OnnxError(str(error)) from None
        made = [self.tap(n, v, number, chain[-1]) for n, v in taps.items()]
        graph = cut.normalised(walk)
        host = [o for o in self.outputs if o not in taps]
        inputs = [i.name for i in graph.graph.input]
        lengths = self.lengths(chain, graph, inputs)
        tensors = [root.tensor, *(s.tensor for s in states), *[lengths] * bool(lengths)]
        tensors = list(dict.fromkeys(tensors))
        symbols = {
            (v.name, i): d.dim_param
            for v in self.original.graph.input
            for i, d in enumerate(v.type.tensor_type.shape.dim)
            if d.dim_param
        }
        # The last layer's tensor may be a Linear: then the host has nothing to compute there.
        return Plan(
            model,
            graph,
            inputs,
            self.outputs,
            (root.tensor, of_root(root)),
            states,
            lengths,
            made,
            cut.part(walk, graph, inputs, [t for t in tensors if t not in inputs], self.makes),
            cut.part(walk, graph, [*taps, *inputs], host, self.makes),
            [
                Probe(i, s.name, s.tensor, of_view(v))
                for i, s in enumerate(chain)
                if isinstance(v := walk.values.get(s.tensor), View) and v.kind == "frames"
                and v.stage is s
            ],
            self.original,
            symbols,
            streams,
            walk.infos,
            self.left,
        )  # fmt: skip

    def lengths(self, chain: list[Stage], graph: onnx.ModelProto, inputs: list[str]) -> str:
        """Tensor of the lengths of sequences, made by a node if it is a constant."""
        from onnx import helper

        name = next((s.lengths for s in chain if s.lengths), "")
        held = [t for t in graph.graph.initializer if t.name == name]
        if not held or name in inputs:
            return name
        self.walk.infos[f"{name}.lengths"] = (held[0].data_type, list(held[0].dims))
        graph.graph.node.append(helper.make_node("Identity", [name], [f"{name}.lengths"]))
        return f"{name}.lengths"

    @staticmethod
    def default_roles(root: Root) -> None:
        """Without a recurrent layer all axes but the features are alike: frames first."""
        rest = [ax for ax in root.axes if ax and ax != root.roles.get("features")]
        root.roles.setdefault("features", ())
        root.roles["frames"] = rest[0] if rest else axis(1, "")
        root.roles["streams"] = tuple(a for ax in rest[1:] for a in ax)

    def tap(self, name: str, v: View, number: dict[int, tuple[int, Stage]], last: Stage) -> Tap:
        assert isinstance(v.stage, Stage)
        i, whole = number[id(v.stage)]
        part = None
        if v.stage is not whole and v.kind == "frames":
            way = next(iter(v.stage.layer))
            first = 0 if not way else whole.width - v.stage.width
            part = [first, first + v.stage.width]
        keys = []
        if v.kind != "frames":
            keys = [f"{v.kind}_l{i}{'_reverse' if way else ''}" for way in sorted(v.stage.layer)]
        return Tap(name, keys, of_view(v, part))


def plan(original: onnx.ModelProto, left: int = 0) -> Plan:
    """The parts of a file.

    Args:
        original: the file.
        left: Linear layers at the end of the chain for the host instead of the engine.

    Raises:
        OnnxError: a node beyond the machine, or layers out of a chain.
    """
    model = flat(original)
    linear = not any(n.op_type in RECURRENT for n in model.graph.node)
    return _Planner(Walk(model, linear), original, left).plan()
