# SPDX-License-Identifier: Apache-2.0
"""A checkpoint: the recurrent layers of one model with their tensors, and their metadata.

The cell follows from the shapes (4H gate rows: lstm, 3H: gru, H: rnn) unless the ``csb`` metadata
names one. Cells without a product of their state (SRU) have no ``weight_hh`` and ``bias_hh``, cells
with constants (peephole weights) have them stacked in ``weight_p_l0``.

:mod:`csb_rnn.network.checkpoint_files` reads and writes the files,
:mod:`csb_rnn.network.state_dict` knows the key names, :mod:`csb_rnn.network.checkpoint_metadata`
the metadata. Errors are :class:`CheckpointError`: one line with the key and the value that
was expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import UNITS
from csb_rnn.errors import CsbError

CELL_GATES = {n: sum(c.spaces[g] == UNITS for g in c.gates) for n, c in CELLS.items()}
"""Gate rows per hidden unit. Shapes alone imply lstm, gru, rnn; metadata names the others."""

_IMPLIED = {4: "lstm", 3: "gru", 1: "rnn"}
STEMS = "weight_ih|weight_hh|weight_hr|weight_p|bias_ih|bias_hh"
_NAME = re.compile(rf"^({STEMS})_l([0-9]{{1,4}})(_reverse)?$")


class CheckpointError(CsbError, ValueError):
    """An unusable checkpoint; the message is one line for the user."""


@dataclass(frozen=True)
class Layer:
    """One recurrent layer. With ``bidirectional`` there are weights for both directions."""

    index: int
    inputs: int
    hidden: int
    bias: bool
    proj: int = 0  # LSTM projection size, 0 for none
    bidirectional: bool = False
    recurrent: bool = True  # has weight_hh
    constants: int = 0  # of each unit

    @property
    def outputs(self) -> int:
        """Width of the layer's output, both directions together."""
        return (self.proj or self.hidden) * (2 if self.bidirectional else 1)

    def names(self) -> list[str]:
        """Torch names of this layer's tensors."""
        kinds = ["ih", "hh"] if self.recurrent else ["ih"]
        stems = [f"weight_{kind}" for kind in kinds]
        stems += [f"bias_{kind}" for kind in kinds] if self.bias else []
        stems += ["weight_hr"] if self.proj else []
        stems += ["weight_p"] if self.constants else []
        ends = ["", "_reverse"] if self.bidirectional else [""]
        return [f"{stem}_l{self.index}{end}" for end in ends for stem in stems]


@dataclass(frozen=True)
class Checkpoint:
    """Recurrent layers of one model, and their metadata.

    ``tensors`` maps torch's names, without prefix, to float32 arrays in torch's gate order.
    """

    tensors: dict[str, np.ndarray]
    cell: str
    layers: list[Layer]
    csb: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, np.ndarray] = field(default_factory=dict)
    prefix: str = ""

    def matrices(self) -> list[str]:
        """Names of the weight matrices, in layer order."""
        names = [name for layer in self.layers for name in layer.names()]
        return [name for name in names if name.startswith("weight") and "_p_" not in name]

    @property
    def kept_weights(self) -> int:
        """Non-zero entries of the weight matrices."""
        return sum(int(np.count_nonzero(self.tensors[name])) for name in self.matrices())

    @property
    def weights(self) -> int:
        """Entries of the weight matrices."""
        return sum(self.tensors[name].size for name in self.matrices())

    @property
    def rate(self) -> float:
        """Weights / non-zeros over all matrices together."""
        kept = self.kept_weights
        return self.weights / kept if kept else float("inf")

    def with_tensors(self, tensors: dict[str, np.ndarray], **csb: Any) -> Checkpoint:
        """The same model with some tensors replaced and metadata fields set."""
        return replace(self, tensors={**self.tensors, **tensors}, csb={**self.csb, **csb})


def layers_of(
    shapes: Mapping[str, tuple[int, ...]], prefix: str, named_cell: str | None
) -> tuple[str, list[Layer]]:
    """Cell and layers of tensors with these names and shapes; each must have its place.

    Args:
        shapes: by torch's names, at least one of them.
        prefix: of the names in the file, for messages.
        named_cell: by the metadata; None if it follows from the shapes.

    Raises:
        CheckpointError: a tensor is missing, has another shape, or has no place.
    """
    count = 1 + max(int(m[2]) for name in shapes if (m := _NAME.match(name)))
    cell, layers, width = named_cell, [], None
    bidirectional = any(name.endswith("_reverse") for name in shapes)
    bias = any(name.startswith("bias") for name in shapes)
    projected = any(name.startswith("weight_hr") for name in shapes)
    graph = CELLS.get(named_cell or "")
    recurrent = graph is None or any(v != "x" for d in graph.drains for v in d.inputs)
    for index in range(count):
        end = f"_l{index}"
        for stem in ("weight_ih", *["weight_hh"] * recurrent, *["weight_hr"] * projected):
            name = stem + end
            if name not in shapes:
                raise CheckpointError(f"{prefix}{name}: missing; expected for layer {index}")
            if len(shapes[name]) != 2 or 0 in shapes[name]:
                raise CheckpointError(
                    f"{prefix}{name}: expected a matrix, got shape {shapes[name]}"
                )
        rows, state_width = shapes[("weight_hh" if recurrent else "weight_ih") + end]
        if not recurrent:
            state_width = rows // CELL_GATES[str(cell)]
        hidden = shapes["weight_hr" + end][1] if projected else state_width
        gates = rows // hidden if rows % hidden == 0 else 0
        if cell is None:
            if gates not in _IMPLIED:
                raise CheckpointError(
                    f"{prefix}weight_hh{end}: expected 4, 3 or 1 times {hidden} rows"
                    f" (lstm, gru, rnn), got {rows}"
                )
            cell = _IMPLIED[gates]
            if cell == "rnn":
                raise CheckpointError(
                    f"{prefix}weight_hh{end}: is of a torch.nn.RNN, whose state dict does not say "
                    "its activation: say --activation tanh or relu (or csb.cell rnn or rnn_relu)"
                )
        gates = CELL_GATES[cell]
        if projected and cell not in ("lstm", "lstmp"):
            raise CheckpointError(
                f"{prefix}weight_hr{end}: only an lstm has a projection, not {cell}"
            )
        inputs = shapes["weight_ih" + end][1] if width is None else width
        layer = Layer(
            index,
            inputs,
            hidden,
            bias,
            state_width if projected else 0,
            bidirectional,
            recurrent,
            len(CELLS[cell].constants),
        )
        needed = {
            "weight_ih": (gates * hidden, inputs),
            "weight_hh": (gates * hidden, state_width),
            "weight_hr": (state_width, hidden),
            "weight_p": (layer.constants * hidden,),
            "bias_ih": (gates * hidden,),
            "bias_hh": (gates * hidden,),
        }
        for name in layer.names():
            need, got = needed[name[: name.index("_l")]], shapes.get(name)
            if got is None:
                raise CheckpointError(f"{prefix}{name}: missing; expected shape {need}")
            if got != need:
                raise CheckpointError(f"{prefix}{name}: expected shape {need}, got {got}")
        layers.append(layer)
        width = layer.outputs
    known = {name for layer in layers for name in layer.names()}
    for name in shapes:
        if name not in known:
            raise CheckpointError(f"{prefix}{name}: has no place in {count} layer(s) of {cell}")
    assert cell is not None
    return cell, layers
