# SPDX-License-Identifier: Apache-2.0
"""Meanings of tensors: every tensor of a graph is one of five things.

* :class:`Constant`: numbers of the file, or derived from them;
* :class:`Sizes`: integers, some of them unknown extents, such as the shape of the input;
* :class:`Repeated`: constants repeated along axes of unknown extent, such as a zero state for a
  batch of any size;
* :class:`View`: values of the engine, and the axes of the tensor for frames, streams, directions
  or features;
* :class:`Host`: anything else. It depends on layers of the engine (``after``) or not.

An axis is a tuple of atoms: ``(B, T)`` is the axis of joined streams and frames, the
empty tuple an axis of extent 1. An atom never has the extent 1. Transpose, Reshape and their like
move atoms around, and a layer accepts a tensor only if the right atoms stand in the right places.

Example: the output Y of a bidirectional LSTM has the axes ``(T) (D) (B) (H)``. A Transpose by
0, 2, 1, 3 and a Reshape to three axes make ``(T) (B) (D, H)`` of it: frames, streams, and both
directions side by side as features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from csb_rnn.network.network import Directions
from csb_rnn.network.onnx.extents import Extent, is_known, times


class Atom:
    """The kind of an axis, or of a factor of it. Each is itself only."""

    __slots__ = ("extent", "label")

    def __init__(self, extent: Extent, label: str) -> None:
        self.extent, self.label = extent, label

    def __repr__(self) -> str:
        return f"{self.label}[{self.extent}]"


Axis = tuple[Atom, ...]


def axis(extent: Extent, label: str) -> Axis:
    """A new axis; empty if its extent is 1."""
    return () if is_known(extent) and extent == 1 else (Atom(extent, label),)


def size(a: Axis) -> Extent:
    """Extent of an axis."""
    return times(*(atom.extent for atom in a))


def show(axes: tuple[Axis, ...]) -> str:
    """Axes for a message: ``frames x streams x directions*units``."""
    return " x ".join("*".join(a.label for a in ax) or "1" for ax in axes) or "a number"


@dataclass(eq=False)
class Root:
    """A tensor, read by the engine as its input frames.

    Attributes:
        tensor: its name in the graph.
        axes: its axes, each an atom of its own.
        roles: ``frames``, ``streams``, ``features`` -> atoms, as soon as a layer has told.
    """

    tensor: str
    axes: tuple[Axis, ...]
    roles: dict[str, Axis] = field(default_factory=dict)

    def tell(self, **roles: Axis) -> str | None:
        """Set roles; a text if they contradict the known ones, or each other."""
        for name, atoms in roles.items():
            if self.roles.get(name, atoms) != atoms:
                return f"is read with {show((self.roles[name],))} as its {name}, and otherwise"
        all_roles = {**self.roles, **roles}
        used = [a for atoms in all_roles.values() for a in atoms]
        if len(set(used)) != len(used):
            return "is read with one axis in two roles"
        self.roles = all_roles
        return None


@dataclass(eq=False)
class State:
    """Where the initial state of one direction comes from.

    Attributes:
        values: ``[units]`` or ``[streams, units]``; None if the host gives it in every run.
        tensor: the host's tensor then, of three axes.
        layout: ``DBH`` or ``BDH``: directions, streams, units.
        direction: index in its axis of directions.
        streams: sequences of the file, None if any number.
    """

    values: np.ndarray | None = None
    tensor: str = ""
    layout: str = "DBH"
    direction: int = 0
    streams: int | None = None


@dataclass(eq=False)
class Stage:
    """A layer on the engine, in one direction or both.

    Attributes:
        before: the stage, or root, whose frames it reads.
        layer: the layer of each direction.
        features: atoms of its output vector, in the engine's order.
        initial: (state, backwards) -> where it starts from; absent: zero.
        name: of the node, for messages.
        tensor: a tensor of the graph with its outputs, or "".
        linear: weights, bias and activation, of a layer without a state.
        lengths: tensor with the number of frames of each sequence; "": all have all frames.
        parts, both: the directions of a stage of both, and back.
        pairs: the stage of both, by the backward stage beside this one.
    """

    before: Stage | Root
    layer: Directions
    features: Axis
    name: str
    tensor: str = ""
    initial: dict[tuple[str, bool], State] = field(default_factory=dict)
    linear: tuple[np.ndarray, np.ndarray | None, str] | None = None
    lengths: str = ""
    parts: dict[bool, Stage] = field(default_factory=dict)
    pairs: dict[Stage, Stage] = field(default_factory=dict)
    both: Stage | None = None

    @property
    def root(self) -> Root:
        """Where the frames come from at last."""
        at: Stage | Root = self
        while isinstance(at, Stage):
            at = at.before
        return at

    def chain(self) -> list[Stage]:
        """All stages up to this one."""
        found: list[Stage] = []
        at: Stage | Root = self
        while isinstance(at, Stage):
            found.insert(0, at)
            at = at.before
        return found

    @property
    def recurrent(self) -> bool:
        return self.linear is None

    @property
    def width(self) -> int:
        """Values of an output frame."""
        return sum(layer.outputs for layer in self.layer.values())

    @property
    def weights(self) -> int:
        """Numbers in its matrices."""
        return sum(w.size for la in self.layer.values() for w in la.weights.values())

    def one(self, reverse: bool) -> Stage:
        """One direction of both, as a stage of its own."""
        if len(self.layer) == 1:
            return self
        if reverse not in self.parts:
            mine = {k: v for k, v in self.initial.items() if k[1] == reverse}
            only = {reverse: self.layer[reverse]}
            self.parts[reverse] = Stage(
                self.before, only, axis(only[reverse].outputs, "units"), self.name, "", mine
            )
            self.parts[reverse].both = self
            self.parts[reverse].lengths = self.lengths
        return self.parts[reverse]


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant tensor."""

    array: np.ndarray


@dataclass(frozen=True, eq=False)
class Sizes:
    """Integers of 0 or 1 axes: an object array of numbers and unknown extents."""

    array: np.ndarray


@dataclass(frozen=True, eq=False)
class Repeated:
    """``array`` repeated to ``shape``: along an axis of unknown extent its own extent is 1."""

    array: np.ndarray
    shape: tuple[Extent, ...]


@dataclass(frozen=True, eq=False)
class View:
    """Values of the engine in the axes of a tensor.

    Attributes:
        stage: whose values; a root's are input frames.
        kind: ``frames``, or ``h`` or ``c``: this state at the end.
        axes: of the tensor.
        turned: the axis whose places run backwards, if there is one.
        pick: the one frame in it, 0 or -1 of the sequence; None: all.
    """

    stage: Stage | Root
    kind: str
    axes: tuple[Axis, ...]
    turned: Axis | None = None
    pick: int | None = None

    @property
    def flipped(self) -> bool:
        """Whether the last frame stands first."""
        return self.turned is not None

    @property
    def root(self) -> Root:
        return self.stage.root if isinstance(self.stage, Stage) else self.stage

    @property
    def shape(self) -> tuple[Extent, ...]:
        return tuple(size(a) for a in self.axes)


@dataclass(frozen=True, eq=False)
class Host:
    """A tensor of the host.

    Attributes:
        after: it depends on a layer of the engine.
        why: the reason, if a rule gave one; and the node.
    """

    after: bool
    why: str = ""


Value = Constant | Sizes | Repeated | View | Host


def known(value: Any) -> np.ndarray | None:
    """The numbers of a constant, else None."""
    return value.array if isinstance(value, Constant) else None


def as_sizes(value: Value) -> np.ndarray | None:
    """Integers, some perhaps unknown, of 0 or 1 axes; None if the value is something else."""
    if isinstance(value, Sizes):
        return value.array
    a = known(value)
    if a is None or a.ndim > 1 or a.dtype.kind not in "iub":
        return None
    return np.array([int(v) for v in a.reshape(-1)] or [], object).reshape(a.shape)


def sizes(array: Any) -> Constant | Sizes:
    """Integers as the simpler of both kinds."""
    a = np.asarray(array, object)
    if all(is_known(v) for v in a.reshape(-1)):
        return Constant(np.array([int(v) for v in a.reshape(-1)], np.int64).reshape(a.shape))
    return Sizes(a)


def whole(extents: tuple[Extent, ...]) -> int:
    """Product of known extents."""
    return math.prod([int(e) for e in extents if is_known(e)])
