# SPDX-License-Identifier: Apache-2.0
"""Cells as small declarative graphs: what *float*, *fixed*, compiler and timing are derived from.

A cell works on *units*. For every unit it *drains* sums of CSB products (one accumulator row
each) and combines them element by element. Two kinds of nodes are all there is, because they are
what a data path lane can do in one issue:

* :class:`Drain`: ``act(sum of W[gate, v] @ v over inputs + biases)``
* :class:`Elem`: ``v = m0*x0 + m1*x1`` (or ``-``). Later nodes with its name as operand get
``act(v)``;
  a state, the neuron buffers and the output get ``v``.

Operands are names of earlier nodes or ``one``/``zero`` and, wide ones (x0, x1) only,
``state:NAME`` (the value before this frame, wherever it is named) and ``const:NAME`` (a number of
each unit that never changes). Narrow operands (m0, m1) hold less than 4.

Most cells have one number of units. A cell with more than one (LSTMP: hidden and projection)
names the *unit space* of each node; nodes of different spaces meet in products only.
"""

from __future__ import annotations

import dataclasses
import functools

from csb_rnn.errors import CsbError

UNITS = "hidden"  # the space of every node without a name of one
PORTS = ("m0", "x0", "m1", "x1")


class GraphError(CsbError, ValueError):
    """A cell description beyond the data path."""


@dataclasses.dataclass(frozen=True)
class Drain:
    """A drained sum of products. ``inputs`` and ``biases`` are those of the layer: x, h, ..."""

    name: str
    gate: str
    inputs: tuple[str, ...]
    act: str = "identity"
    biases: tuple[str, ...] | None = None  # those of `inputs` unless told otherwise
    space: str = UNITS

    @property
    def bias_of(self) -> tuple[str, ...]:
        return self.inputs if self.biases is None else self.biases


@dataclasses.dataclass(frozen=True)
class Elem:
    """An element-wise node, ``v = m0*x0 (+|-) m1*x1``."""

    name: str
    m0: str
    x0: str
    m1: str = "zero"
    x1: str = "one"
    sub: bool = False
    act: str = "identity"
    state: str | None = None  # state with the value v
    vector: str | None = None  # neuron vector with the value v
    output: bool = False  # v is the layer's output
    space: str = UNITS

    @property
    def operands(self) -> tuple[str, ...]:
        return tuple(getattr(self, port) for port in PORTS)

    @property
    def memory(self) -> tuple[str, ...]:
        """States and constants read by it, with their prefix."""
        return tuple(dict.fromkeys(op for op in (self.x0, self.x1) if ":" in op))


@dataclasses.dataclass(frozen=True)
class Stage:
    """Nodes of a cell that run together on every unit of a space, slot after slot.

    Elems are in order: each comes after its operands, and the writer of a state
    after everything that reads it.
    """

    space: str
    drains: tuple[Drain, ...]
    elems: tuple[Elem, ...]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A recurrent cell: gates in the order of torch's rows, states, nodes.

    ``vectors`` maps each neuron vector of the cell to the state with its value
    of the frame before (None: it is used only within the frame). ``constants`` are numbers of
    each unit, such as peephole weights.
    """

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    vectors: dict[str, str | None]
    nodes: tuple[Drain | Elem, ...]
    constants: tuple[str, ...] = ()

    @property
    def drains(self) -> tuple[Drain, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Drain))

    @property
    def elems(self) -> tuple[Elem, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Elem))

    @property
    def output(self) -> Elem:
        """The node returned by the layer."""
        return next(n for n in self.elems if n.output)

    def writer(self, vector: str) -> Elem:
        """The writer of a neuron vector."""
        return next(n for n in self.elems if n.vector == vector)

    @functools.cached_property
    def spaces(self) -> dict[str, str]:
        """Unit space of every gate, state (with ``state:``), constant (``const:``) and vector."""
        found: dict[str, str] = {}
        for n in self.nodes:
            if isinstance(n, Drain):
                found.setdefault(n.gate, n.space)
                continue
            for op in n.memory:
                found.setdefault(op, n.space)
            if n.state is not None:
                found.setdefault(f"state:{n.state}", n.space)
            if n.vector is not None:
                found.setdefault(n.vector, n.space)
        return found

    def memory(self, space: str) -> tuple[str, ...]:
        """States and constants of a space, with their prefix, in the order of the cell."""
        names = [f"state:{s}" for s in self.states] + [f"const:{k}" for k in self.constants]
        return tuple(n for n in names if self.spaces.get(n) == space)

    def fine(self, state: str) -> bool:
        """Whether a state is kept with LANE_FRAC fraction bits instead of the configuration's
        state_frac: those that are neuron vectors as well, so the neurons can be restored
        from the state without loss."""
        return state in self.vectors.values()

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The cell cut where a product needs a vector of the same frame.

        A node runs as late as its users allow: a drain for a later stage alone is
        drained there, behind products, which hide the wait for the vector.

        Raises:
            GraphError: a value is named in two stages, or in another space than its own.
        """
        level: dict[str, int] = {}
        for n in self.nodes:
            if isinstance(n, Drain):
                within = [v for v in n.inputs if v in self.vectors and self.vectors[v] is None]
                level[n.name] = max((1 + level[self.writer(v).name] for v in within), default=0)
            else:
                level[n.name] = max((level[op] for op in n.operands if op in level), default=0)
        users = {n.name: [u for u in self.elems if n.name in u.operands] for n in self.nodes}
        for n in reversed(self.nodes):
            if users[n.name] and (isinstance(n, Drain) or not (n.state or n.vector or n.output)):
                level[n.name] = min(level[u.name] for u in users[n.name])
        for n in self.nodes:
            for u in users[n.name]:
                if u.space != n.space:
                    raise GraphError(
                        f"{self.name}.{u.name}: names {n.name} of the unit space '{n.space}'"
                    )
                if level[u.name] != level[n.name]:
                    raise GraphError(
                        f"{self.name}.{u.name}: names {n.name} from before a product of the same "
                        "frame: carry it in a state"
                    )
        for n in self.elems:
            readers = [u for u in self.elems if n.state and f"state:{n.state}" in u.memory]
            if any(level[u.name] > level[n.name] for u in readers):
                raise GraphError(
                    f"{self.name}.{n.name}: writes state '{n.state}' before a product of the same "
                    "frame, after which its old value is read"
                )
        keys = list(dict.fromkeys((level[n.name], n.space) for n in self.nodes))
        stages = []
        for key in sorted(keys, key=lambda k: (k[0], keys.index(k))):
            mine = [n for n in self.nodes if (level[n.name], n.space) == key]
            drains = tuple(n for n in mine if isinstance(n, Drain))
            if not drains:
                raise GraphError(f"{self.name}.{mine[0].name}: nothing is drained in its stage")
            elems = self._ordered([n for n in mine if isinstance(n, Elem)])
            stages.append(Stage(key[1], drains, elems))
        return tuple(stages)

    def _ordered(self, elems: list[Elem]) -> tuple[Elem, ...]:
        """Nodes of a stage with every writer of a state behind its readers."""
        out: list[Elem] = []
        left = list(elems)
        while left:
            names = {n.name for n in left}
            for n in left:
                old = {f"state:{n.state}"} if n.state else set()
                waits = any(op in names for op in n.operands)
                if not waits and not any(old & set(u.memory) for u in left if u is not n):
                    break
            else:
                raise GraphError(
                    f"{self.name}.{left[0].name}: needs the old value of a state and what "
                    "replaces it: copy the old value first"
                )
            out.append(n)
            left.remove(n)
        return tuple(out)

    def check(self) -> Cell:
        """The cell itself, if its nodes name only earlier nodes and the data path can
        run them.

        Raises:
            GraphError: not so.
        """
        seen: set[str] = set()
        memory = {f"state:{s}" for s in self.states} | {f"const:{k}" for k in self.constants}
        written: dict[str, str] = {}
        for n in self.nodes:
            where = f"{self.name}.{n.name}"
            if n.name in seen or n.name in ("one", "zero"):
                raise GraphError(f"{self.name}: two nodes are called '{n.name}'")
            if isinstance(n, Drain):
                if n.gate not in self.gates:
                    raise GraphError(f"{where}: no gate '{n.gate}'")
                if self.spaces[n.gate] != n.space:
                    raise GraphError(f"{where}: gate '{n.gate}' is of another unit space")
                if not n.inputs:
                    raise GraphError(f"{where}: a drain has at least one input")
            else:
                for port in PORTS:
                    op = getattr(n, port)
                    known = {"one"} | ({"zero"} if port[0] == "m" else memory) | seen
                    if op not in known:
                        raise GraphError(f"{where}: {port} names unknown '{op}'")
                if len(n.memory) > 1:
                    raise GraphError(f"{where}: reads two states at once")
                if n.state is not None:
                    if n.state not in self.states:
                        raise GraphError(f"{where}: no state '{n.state}'")
                    if n.state in written:
                        raise GraphError(f"{where}: state '{n.state}' has a second writer")
                    written[n.state] = n.name
                for name in (*n.memory, *([f"state:{n.state}"] if n.state else [])):
                    if self.spaces[name] != n.space:
                        raise GraphError(f"{where}: '{name}' is of another unit space")
                kept = self.vectors.get(n.vector or "")
                if kept is not None and n.state != kept:
                    raise GraphError(f"{where}: vector '{n.vector}' is kept in state '{kept}'")
            if n.act not in ("identity", "sigmoid", "tanh", "relu"):
                raise GraphError(f"{where}: unknown activation '{n.act}'")
            seen.add(n.name)
        for s in self.states:
            if s not in written:
                raise GraphError(f"{self.name}: nobody writes state '{s}': is it a constant?")
        named = {op for n in self.elems for op in n.operands}
        for n in self.nodes:
            sink = isinstance(n, Elem) and (n.state or n.vector or n.output)
            if n.name not in named and not sink:
                raise GraphError(f"{self.name}.{n.name}: nobody uses it")
        self._check_vectors()
        if not any("x" in d.inputs for d in self.drains):
            raise GraphError(f"{self.name}: no drain reads x")
        _ = self.stages
        return self

    def _check_vectors(self) -> None:
        """Every vector has one writer, a drain's vector of this frame is written before it,
        and one node is the output, in a vector."""
        written: set[str] = set()
        for n in self.nodes:
            if isinstance(n, Drain):
                for i in n.inputs:
                    if i != "x" and i not in self.vectors:
                        raise GraphError(f"{self.name}.{n.name}: no vector '{i}'")
                    if i != "x" and self.vectors[i] is None and i not in written:
                        raise GraphError(
                            f"{self.name}.{n.name}: '{i}' is read before it is written"
                        )
            elif n.vector is not None:
                if n.vector not in self.vectors or n.vector in written:
                    raise GraphError(f"{self.name}.{n.name}: unknown vector or its second writer")
                written.add(n.vector)
        if written != self.vectors.keys():
            raise GraphError(f"{self.name}: nobody writes {min(self.vectors.keys() - written)}")
        if [bool(n.vector) for n in self.elems if n.output] != [True]:
            raise GraphError(f"{self.name}: exactly one node is the output, with a vector")
