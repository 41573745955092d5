# SPDX-License-Identifier: Apache-2.0
"""Networks and models in float: recurrent layers with the weights the user trained, gate by gate.

A :class:`Network` reads frames in one direction. A bidirectional layer is a :class:`Span` of two
networks: one runs over the frames forwards, the other over the same frames backwards, on the same
hardware, and their outputs stand side by side, as torch has them. A :class:`Model` is spans,
run one after the other. Neighbouring layers of one direction are one network, so a model
without a backward layer is one span of one network.

States have torch's names over all spans: ``h_l1``, ``c_l1_reverse``. A state is the
final one of the network of its direction: backwards, the one after frame 0. Nothing here knows of
number formats (:mod:`csb_rnn.models.quantise`) or of the engine (:mod:`csb_rnn.compiler`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csb_rnn.cells.graph import UNITS, Cell, GraphError
from csb_rnn.errors import CsbError

Floats = NDArray[np.float64]
GateInput = tuple[str, str]


class NetworkError(CsbError, ValueError):
    """Tensors without a network in them; the message is one line with the fault."""


def gate_inputs(cell: Cell, gate: str) -> list[str]:
    """Inputs of a gate's drains, in the order of the cell's nodes."""
    return list(dict.fromkeys(i for d in cell.drains if d.gate == gate for i in d.inputs))


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer: a cell, its sizes and its parameters.

    Attributes:
        hidden: units H.
        inputs: length n of each input vector: "x" and every neuron vector read by the cell.
        weights: float64 ``[H, n]`` of each (gate, input) in a drain of the cell.
        biases: float64 ``[H]`` of each (gate, input); an absent one is zero.
        sizes: units of each unit space other than the hidden one; rows of its gates.
        constants: float64 ``[H]`` of each constant of the cell.
    """

    cell: Cell
    hidden: int
    inputs: dict[str, int]
    weights: dict[GateInput, Floats]
    biases: dict[GateInput, Floats]
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    constants: dict[str, Floats] = dataclasses.field(default_factory=dict)

    def units(self, name: str) -> int:
        """Units of the space of a gate, vector, state (``state:h``) or constant."""
        return self.size(self.cell.spaces[name])

    def size(self, space: str) -> int:
        """Units of a space."""
        return self.hidden if space == UNITS else self.sizes.get(space, 0)

    @property
    def outputs(self) -> int:
        """Values returned by the layer."""
        return self.units(str(self.cell.output.vector))

    def check(self, where: str) -> Layer:
        """The layer itself if its parameters are those of its cell; ``where`` is for messages.

        Raises:
            NetworkError: a matrix is missing, too many, of the wrong shape or not finite.
        """
        if self.hidden < 1:
            raise NetworkError(f"{where}: hidden size is {self.hidden}")
        try:
            self.cell.check()
        except GraphError as error:
            raise NetworkError(f"{where}: {error}") from None
        spaces = {s for s in self.cell.spaces.values() if s != UNITS}
        if self.sizes.keys() != spaces or any(n < 1 for n in self.sizes.values()):
            raise NetworkError(
                f"{where}: sizes are of {sorted(self.sizes)}, {self.cell.name} has the unit "
                f"spaces {sorted(spaces)}"
            )
        vectors = {"x": self.inputs.get("x", 0)}
        vectors |= {v: self.units(v) for v in self.cell.vectors}
        needed: dict[GateInput, str] = {}
        for d in self.cell.drains:
            for i in d.inputs:
                if i not in self.inputs or self.inputs[i] != vectors[i] or self.inputs[i] < 1:
                    raise NetworkError(f"{where}: length of input '{i}' is {self.inputs.get(i)}")
                if (d.gate, i) in needed:
                    raise NetworkError(
                        f"{where}: W[{d.gate}, {i}] is drained twice: "
                        f"{needed[d.gate, i]} and {d.name}"
                    )
                needed[d.gate, i] = d.name
        if self.weights.keys() != needed.keys():
            odd = min(self.weights.keys() ^ needed.keys())
            what = "is missing" if odd in needed else "is none of the cell's"
            raise NetworkError(f"{where}: W[{', '.join(odd)}] {what}")
        used = {(d.gate, i) for d in self.cell.drains for i in d.bias_of}
        for table, name in ((self.weights, "W"), (self.biases, "b")):
            for key, w in table.items():
                label = f"{where}: {name}[{', '.join(key)}]"
                if name == "b" and key not in used:
                    raise NetworkError(f"{label} is none of the cell's")
                units = self.units(key[0])
                shape = (units, self.inputs[key[1]]) if name == "W" else (units,)
                if w.shape != shape:
                    raise NetworkError(f"{label} has shape {w.shape}, not {shape}")
                if not np.isfinite(w).all():
                    raise NetworkError(f"{label} holds NaN or infinity")
        if self.constants.keys() != set(self.cell.constants):
            raise NetworkError(
                f"{where}: constants are {sorted(self.constants)}, not "
                f"{sorted(self.cell.constants)}"
            )
        for k, v in self.constants.items():
            if v.shape != (self.units(f"const:{k}"),) or not np.isfinite(v).all():
                raise NetworkError(
                    f"{where}: constant {k} is not {self.units(f'const:{k}')} finite numbers"
                )
        return self

    @property
    def kept_weights(self) -> int:
        """Weights other than zero, before quantisation."""
        return sum(int(np.count_nonzero(w)) for w in self.weights.values())


Directions = dict[bool, Layer]  # reverse? -> layer; one of them or both


@dataclasses.dataclass(frozen=True)
class Network:
    """A stack of layers: x of layer 0 is the input, x of layer l the output of layer l - 1.

    Attributes:
        block: CSB block size the weights were pruned in, None if unknown.
        csb: the checkpoint's ``csb`` metadata, as read.
    """

    layers: tuple[Layer, ...]
    block: int | None = None
    csb: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.layers:
            raise NetworkError("a network has at least one layer")
        for n, layer in enumerate(self.layers):
            layer.check(f"layer {n}")
            if n and layer.inputs["x"] != self.layers[n - 1].outputs:
                raise NetworkError(
                    f"layer {n}: takes {layer.inputs['x']} inputs, "
                    f"layer {n - 1} returns {self.layers[n - 1].outputs}"
                )

    @property
    def inputs(self) -> int:
        """Values of one input frame."""
        return self.layers[0].inputs["x"]

    @property
    def outputs(self) -> int:
        """Values of one output frame."""
        return self.layers[-1].outputs

    @property
    def kept_weights(self) -> int:
        """Weights other than zero, before quantisation; biases do not count."""
        return sum(layer.kept_weights for layer in self.layers)

    def state_shapes(self) -> dict[str, int]:
        """Length of every state by its torch-like name: ``h_l0``, ``c_l0``, ``h_l1``, ..."""
        return {
            f"{s}_l{n}": la.units(f"state:{s}")
            for n, la in enumerate(self.layers)
            for s in la.cell.states
        }


@dataclasses.dataclass(frozen=True)
class Span:
    """Networks over the same frames.

    Attributes:
        networks: by whether it runs backwards; outputs stand side by side, forwards first.
        first: number of the first layer in the model.
    """

    networks: dict[bool, Network]
    first: int

    @property
    def outputs(self) -> int:
        """Values of an output frame."""
        return sum(n.outputs for n in self.networks.values())

    @property
    def inputs(self) -> int:
        """Values of an input frame."""
        return next(iter(self.networks.values())).inputs


def model_key(key: str, first: int, reverse: bool) -> str:
    """The model's name of a network's state: ``h_l0`` of the span from layer 2 on is
    ``h_l2`` or ``h_l2_reverse``."""
    name, n = key.rsplit("_l", 1)
    return f"{name}_l{int(n) + first}{'_reverse' if reverse else ''}"


def part_state(
    state: Mapping[str, Any], keys: Iterable[str], first: int, reverse: bool
) -> dict[str, Any]:
    """The states of one network out of a model's.

    Args:
        state: by the model's names; absent states stay absent.
        keys: the network's own names of its states, as ``h_l0``.
        first: number of the network's first layer in the model.
    """
    names = {k: model_key(k, first, reverse) for k in keys}
    return {k: state[name] for k, name in names.items() if name in state}


@dataclasses.dataclass(frozen=True)
class Model:
    """Spans; each reads the outputs of the one before.

    Attributes:
        initial: the model's own initial states, by name; absent ones are zero.
    """

    spans: tuple[Span, ...]
    initial: dict[str, Floats] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for before, after in zip(self.spans, self.spans[1:], strict=False):
            if {n.inputs for n in after.networks.values()} != {before.outputs}:
                raise NetworkError(
                    f"layer {after.first}: takes {after.inputs} inputs, layer {after.first - 1} "
                    f"returns {before.outputs}"
                )
        known = self.state_shapes()
        for key, value in self.initial.items():
            if key not in known or np.shape(value)[-1:] != (known[key],):
                raise NetworkError(f"initial state '{key}' of shape {np.shape(value)}: no such")

    @property
    def inputs(self) -> int:
        """Values of an input frame."""
        return self.spans[0].inputs

    @property
    def outputs(self) -> int:
        """Values of an output frame."""
        return self.spans[-1].outputs

    def networks(self) -> Iterator[tuple[int, bool, Network]]:
        """(first layer, backwards, network), in the order of the run."""
        for p in self.spans:
            for reverse, network in p.networks.items():
                yield p.first, reverse, network

    @property
    def single(self) -> Network | None:
        """The network, if the model is a single forward one."""
        found = list(self.networks())
        return found[0][2] if len(found) == 1 and not found[0][1] else None

    @property
    def kept_weights(self) -> int:
        """Weights other than zero, before quantisation."""
        return sum(n.kept_weights for _, _, n in self.networks())

    def state_shapes(self) -> dict[str, int]:
        """Length of every state by its name."""
        return {
            model_key(k, first, reverse): size
            for first, reverse, network in self.networks()
            for k, size in network.state_shapes().items()
        }
