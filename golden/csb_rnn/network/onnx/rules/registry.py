# SPDX-License-Identifier: Apache-2.0
"""The table of rules: (kind of node, meaning of its operands) -> function.

A rule takes a :class:`Call` and returns the meanings of the outputs. It raises
:class:`~csb_rnn.network.onnx.errors.HostOnly` if the engine has no meaning for this use of the
node, and :class:`~csb_rnn.network.onnx.errors.OnnxError` if the file cannot be built at all.
The first sentence of its docstring stands in the operator table of docs/use/importing.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from csb_rnn.network.onnx.errors import HostOnly, OnnxError, refuse
from csb_rnn.network.onnx.values import Value, View, as_sizes, known

if TYPE_CHECKING:
    import onnx


class Context(Protocol):
    """The rules' needs of the walk: a model without recurrent nodes is ``linear``."""

    linear: bool
    nodes: list[onnx.NodeProto]

    def run(self, node: onnx.NodeProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """A node on constants, in ONNX Runtime."""

    def read(self, name: str, rank: int | None = None, fresh: bool = False) -> View | None:
        """A tensor as frames for the engine; fresh: as the engine's input."""

    def on_engine(self, value: Value | None) -> bool:
        """Whether a tensor depends on a layer of the engine."""


@dataclass
class Call:
    """A node with the meanings of its operands.

    Attributes:
        values: of each input; None if it is absent.
        opset: version of the operator set of its domain.
    """

    walk: Context
    node: onnx.NodeProto
    values: list[Value | None]
    attr: dict[str, Any]
    opset: int
    names: list[str] = field(default_factory=list)

    def value(self, i: int) -> Value | None:
        return self.values[i] if i < len(self.values) else None

    def given(self, i: int) -> bool:
        return self.value(i) is not None

    def constant(self, i: int, what: str) -> np.ndarray | None:
        """Numbers of an operand; None if it is absent.

        Raises:
            HostOnly: it is computed in the graph.
        """
        v = self.value(i)
        if v is None:
            return None
        a = known(v)
        if a is None:
            raise HostOnly(f"{what} is computed in the graph; supported: a constant")
        return a

    def sizes(self, i: int) -> np.ndarray | None:
        """An operand as integers, of which some may be unknown."""
        v = self.value(i)
        return None if v is None else as_sizes(v)

    def integers(self, i: int, name: str) -> list[int] | None:
        """An attribute of old operator sets, or operand ``i`` of new ones; None if absent."""
        if name in self.attr:
            a = self.attr[name]
            return [int(v) for v in a] if isinstance(a, (list, tuple)) else [int(a)]
        a = self.constant(i, name)
        if a is not None and a.dtype.kind not in "iu":
            raise self.refuse(f"{name} is of type {a.dtype}, expected integers")
        return None if a is None else [int(v) for v in np.asarray(a).reshape(-1)]

    def refuse(self, text: str) -> OnnxError:
        return refuse(self.node, text)


Rule = Callable[[Call], Sequence[Value | None]]
AnyRule = TypeVar("AnyRule", bound=Rule)
RULES: dict[tuple[str, str, str], Rule] = {}


def rule(*kinds: str, on: str, domain: str = "") -> Callable[[AnyRule], AnyRule]:
    """Enter a rule; ``on``: engine, sizes, repeated."""

    def enter(function: AnyRule) -> AnyRule:
        for kind in kinds:
            RULES[domain, kind, on] = function
        return function

    return enter


def axis_of(call: Call, axis: int, rank: int) -> int:
    """An axis counted from the front.

    Raises:
        OnnxError: the tensor has no such axis.
    """
    if not -rank <= axis < max(rank, 1):
        raise call.refuse(f"axis {axis} of a tensor of {rank} axes")
    return axis % rank if rank else 0


def only_output(call: Call) -> None:
    """Refuse a node with a use of another output than the first."""
    if any(call.node.output[1:]):
        raise HostOnly("its second output is used")
