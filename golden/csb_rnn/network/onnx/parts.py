# SPDX-License-Identifier: Apache-2.0
"""A file as parts: the engine's, the host's, and the tensors between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from csb_rnn.network.network import Model
from csb_rnn.network.onnx.errors import name_of
from csb_rnn.network.onnx.layout import Layout

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Tap:
    """A tensor of the file made of the engine's results.

    Attributes:
        tensor: its name.
        states: final states in it, side by side; empty: the output frames.
        layout: how.
    """

    tensor: str
    states: list[str]
    layout: Layout


@dataclass(frozen=True)
class HostState:
    """An initial state from the host in every run: direction ``direction`` of a tensor
    whose axes are directions, streams and units (``DBH``) or streams first (``BDH``)."""

    key: str
    tensor: str
    layout: str
    direction: int

    def rows(self, tensor: np.ndarray) -> np.ndarray:
        """``[streams, units]``."""
        return tensor[self.direction] if self.layout == "DBH" else tensor[:, self.direction]


@dataclass(frozen=True)
class Probe:
    """A tensor of the file with the output frames of a layer, to find a first difference."""

    layer: int
    name: str
    tensor: str
    layout: Layout


@dataclass
class Plan:
    """A file as parts.

    Attributes:
        model: the engine's part.
        graph: the file as one flat graph.
        inputs, outputs: names of the graph's.
        source: input tensor of the engine, and its layout.
        states: initial states of every run.
        lengths: tensor with the number of frames of each sequence; "": all have all frames.
        taps: tensors made of the engine's results.
        before, after: parts for the host; None if there is nothing to do.
        streams: sequences of a constant state; None: any number.
        original: the file as it was read.
        symbols: (input, axis) -> name of an extent left open by the file.
        infos: type and shape of every tensor, as far as they are known.
        left: Linear layers behind the model that the engine could run and the host does.
    """

    model: Model
    graph: onnx.ModelProto
    inputs: list[str]
    outputs: list[str]
    source: tuple[str, Layout]
    states: list[HostState]
    lengths: str
    taps: list[Tap]
    before: onnx.ModelProto | None
    after: onnx.ModelProto | None
    probes: list[Probe]
    original: onnx.ModelProto
    symbols: dict[tuple[str, int], str]
    streams: int | None = None
    infos: dict[str, tuple[int, list[int | str | None] | None]] = field(default_factory=dict)
    left: int = 0

    @property
    def batch(self) -> tuple[str, int] | None:
        """(input, axis) of the streams, if the engine reads an input as it is."""
        name, layout = self.source
        at = [i for i, ax in enumerate(layout.axes) if ax == ["streams.0"]]
        return (name, at[0]) if at and name in self.inputs else None

    @property
    def plain(self) -> bool:
        """Whether the engine does all: one input, and one output of all frames."""
        direct = len(self.taps) == 1 and [t.tensor for t in self.taps] == self.outputs
        frames = direct and not self.taps[0].states and self.taps[0].layout.pick is None
        whole = frames and self.taps[0].layout.part is None and not self.taps[0].layout.turned
        return bool(whole) and not (self.before or self.after or self.states or self.lengths)

    def host_nodes(self) -> str:
        """The host's tasks, for a message."""
        parts = [p for p in (self.before, self.after) if p is not None]
        names = [name_of(n) for p in parts for n in p.graph.node if n.op_type != "Constant"]
        names += [f"the state '{s.tensor}'" for s in self.states]
        names += [f"'{t.tensor}'" for t in self.taps] if not names else []
        return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
