"""Cells as small declarative graphs: what *float*, *fixed*, compiler and timing are derived from.

A cell works on H *units*. For every unit it *drains* sums of CSB products (one accumulator row
each) and combines them element by element. Two kinds of nodes are all there is, because they are
what a data path lane can do in one issue:

* :class:`Drain`: ``act(sum of W[gate, v] @ v over inputs + biases)``
* :class:`Elem`: ``v = m0*x0 + m1*x1`` (or ``-``). A later node that names it gets ``act(v)``;
  a state, the neuron buffers and the output get ``v``.

Operands are names of earlier nodes, ``state:NAME`` (wide operands only) or ``one``/``zero``.
"""

from __future__ import annotations

import dataclasses


class GraphError(ValueError):
    """A cell description that the data path cannot run."""


@dataclasses.dataclass(frozen=True)
class Drain:
    """A drained sum of products. ``inputs`` and ``biases`` are those of the layer: x, h, ..."""

    name: str
    gate: str
    inputs: tuple[str, ...]
    act: str = "identity"
    biases: tuple[str, ...] | None = None  # those of `inputs` unless told otherwise

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
    state: str | None = None  # state that takes v
    vector: str | None = None  # neuron vector that takes v
    output: bool = False  # v is what the layer returns


@dataclasses.dataclass(frozen=True)
class Cell:
    """A recurrent cell: gates in the order in which torch stacks their rows, states, nodes.

    ``vectors`` maps each neuron vector that the cell writes to the state that holds its value
    of the frame before (None: it is used only within the frame).
    """

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    vectors: dict[str, str | None]
    nodes: tuple[Drain | Elem, ...]

    @property
    def drains(self) -> tuple[Drain, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Drain))

    @property
    def elems(self) -> tuple[Elem, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Elem))

    def fine(self, state: str) -> bool:
        """Whether a state is kept with LANE_FRAC fraction bits instead of the configuration's
        state_frac: those that are neuron vectors as well, so that the neurons can be restored
        from the state without loss."""
        return state in self.vectors.values()

    def check(self) -> Cell:
        """The cell itself, if its nodes name only what exists before them."""
        seen: set[str] = set()
        for n in self.nodes:
            if isinstance(n, Drain):
                if n.gate not in self.gates:
                    raise GraphError(f"{self.name}.{n.name}: no gate '{n.gate}'")
            else:
                for port in ("m0", "m1", "x0", "x1"):
                    op = getattr(n, port)
                    known = {"one"} | ({"zero"} if port[0] == "m" else set()) | seen
                    if port[0] == "x":
                        known |= {f"state:{s}" for s in self.states}
                    if op not in known:
                        raise GraphError(f"{self.name}.{n.name}: {port} names unknown '{op}'")
                states = {op for op in (n.x0, n.x1) if op.startswith("state:")}
                if len(states) > 1:
                    raise GraphError(f"{self.name}.{n.name}: reads two states at once")
                if n.state is not None and n.state not in self.states:
                    raise GraphError(f"{self.name}.{n.name}: no state '{n.state}'")
            if n.name in seen:
                raise GraphError(f"{self.name}: two nodes are called '{n.name}'")
            seen.add(n.name)
        return self
