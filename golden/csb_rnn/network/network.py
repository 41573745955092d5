# SPDX-License-Identifier: Apache-2.0
"""Networks: a stack of recurrent layers with the weights the user trained, gate by gate.

A :class:`Network` is what all models and the compiler start from. It knows nothing of number
formats (:mod:`csb_rnn.models.quantise`) or of the engine (:mod:`csb_rnn.compiler`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import UNITS, Cell, GraphError
from csb_rnn.errors import CsbError

if TYPE_CHECKING:
    import torch

    from csb_rnn.network.checkpoint import Checkpoint

Floats = NDArray[np.float64]
GateInput = tuple[str, str]


class NetworkError(CsbError, ValueError):
    """Tensors that do not make a network; the message is one line that names what is wrong."""


def gate_inputs(cell: Cell, gate: str) -> list[str]:
    """Inputs of a gate's drains, in the order of the cell's nodes."""
    return list(dict.fromkeys(i for d in cell.drains if d.gate == gate for i in d.inputs))


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer: a cell, its sizes and its parameters.

    Attributes:
        hidden: units H.
        inputs: length n of each input vector: "x" and every neuron vector that the cell reads.
        weights: float64 ``[H, n]`` of each (gate, input) that a drain of the cell multiplies.
        biases: float64 ``[H]`` of each (gate, input); what is absent is zero.
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
        """Values that the layer returns."""
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
        """Weights that are not zero, before quantisation."""
        return sum(int(np.count_nonzero(w)) for w in self.weights.values())


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
        """Weights that are not zero, before quantisation; biases do not count."""
        return sum(layer.kept_weights for layer in self.layers)

    def state_shapes(self) -> dict[str, int]:
        """Length of every state by its torch-like name: ``h_l0``, ``c_l0``, ``h_l1``, ..."""
        return {
            f"{s}_l{n}": la.units(f"state:{s}")
            for n, la in enumerate(self.layers)
            for s in la.cell.states
        }


def split_stacked(
    cell: Cell, tensors: Mapping[str, ArrayLike], layer: int, suffix: str = ""
) -> Layer:
    """One layer from torch's stacked tensors.

    ``weight_ih_l{n}`` is ``[gates*H, inputs]``, ``weight_hh_l{n}`` ``[gates*H, R]`` (the gate's
    recurrent input, whatever the cell calls it; absent if the cell has none), biases
    ``bias_ih_l{n}`` and ``bias_hh_l{n}`` ``[gates*H]``, both optional. Rows are in the order of
    ``cell.gates``, of which the hidden units' are stacked so. ``weight_hr_l{n}`` ``[R, H]`` is the
    one gate of another unit space (a projection), ``weight_p_l{n}`` ``[constants*H]`` the cell's
    constants.

    Raises:
        NetworkError: a tensor is missing or its shape does not fit.
    """
    where = f"layer {layer}{suffix and ' reverse'}"
    stacked = [g for g in cell.gates if cell.spaces[g] == UNITS]
    others = [g for g in cell.gates if cell.spaces[g] != UNITS]
    if len(others) > 1:
        raise NetworkError(f"{where}: {cell.name} has several projections: build its Layer")

    def get(name: str, dims: int, parts: int) -> Floats | None:
        key = f"{name}_l{layer}{suffix}"
        if key not in tensors:
            return None
        t = tensors[key]
        t = t.detach().cpu().double().numpy() if hasattr(t, "detach") else t
        t = np.asarray(t, np.float64)
        if t.ndim != dims or t.shape[0] == 0 or t.shape[0] % parts:
            raise NetworkError(
                f"{where}: {key} has shape {t.shape}: {cell.name} stacks {parts} gates"
            )
        return t

    gates = len(stacked)
    ih = get("weight_ih", 2, gates)
    if ih is None:
        raise NetworkError(f"{where}: weight_ih_l{layer}{suffix} is missing")
    stacks = {"ih": ih, "hh": get("weight_hh", 2, gates)}
    offsets = {"ih": get("bias_ih", 1, gates), "hh": get("bias_hh", 1, gates)}
    hidden = ih.shape[0] // gates
    for name, t in (*stacks.items(), *offsets.items()):
        if t is not None and t.shape[0] != ih.shape[0]:
            raise NetworkError(
                f"{where}: {'weight' if t.ndim == 2 else 'bias'}_{name}_l{layer}{suffix} has "
                f"{t.shape[0]} rows, weight_ih_l{layer}{suffix} {ih.shape[0]}"
            )
    sizes: dict[str, int] = {}
    weights: dict[GateInput, Floats] = {}
    biases: dict[GateInput, Floats] = {}
    inputs = {"x": ih.shape[1]}
    for gate in others:
        hr = get("weight_hr", 2, 1)
        if hr is None:
            raise NetworkError(f"{where}: weight_hr_l{layer}{suffix} is missing")
        sizes[cell.spaces[gate]] = hr.shape[0]
        (projected,) = gate_inputs(cell, gate)
        weights[gate, projected], inputs[projected] = hr, hidden
    for g, gate in enumerate(stacked):
        rows = slice(g * hidden, (g + 1) * hidden)
        recurrent = [v for v in gate_inputs(cell, gate) if v != "x"]
        if len(recurrent) > 1:
            raise NetworkError(
                f"{where}: gate '{gate}' of {cell.name} has several recurrent inputs "
                f"({', '.join(recurrent)}): build its Layer from single matrices"
            )
        reads_x = "x" in gate_inputs(cell, gate)
        sources = {"ih": "x" if reads_x else None, "hh": recurrent[0] if recurrent else None}
        for kind, source in sources.items():
            if source is None:
                continue
            stack, offset = stacks[kind], offsets[kind]
            if stack is None:
                raise NetworkError(f"{where}: weight_{kind}_l{layer}{suffix} is missing")
            own = cell.spaces.get(source, UNITS)
            within = source != "x" and own == UNITS
            inputs.setdefault(source, hidden if within else stack.shape[1])
            weights[gate, source] = stack[rows].copy()
            if offset is not None:
                biases[gate, source] = offset[rows].copy()
    constants = {}
    if cell.constants:
        p = get("weight_p", 1, len(cell.constants))
        if p is None:
            raise NetworkError(f"{where}: weight_p_l{layer}{suffix} is missing")
        constants = dict(zip(cell.constants, np.split(p, len(cell.constants)), strict=True))
    return Layer(cell, hidden, inputs, weights, biases, sizes, constants).check(where)


def from_tensors(
    cells: Cell | list[Cell],
    tensors: Mapping[str, ArrayLike],
    layers: int | None = None,
    block: int | None = None,
    csb: Mapping[str, Any] | None = None,
) -> Network:
    """A network from a state dict with torch's names; ``cells`` is one cell or one a layer.

    Raises:
        NetworkError: see :func:`split_stacked`.
    """
    if layers is None:
        layers = 1
        while f"weight_ih_l{layers}" in tensors:
            layers += 1
    stack = list(cells) if isinstance(cells, list) else [cells] * layers
    if len(stack) != layers:
        raise NetworkError(f"{len(stack)} cells for {layers} layers")
    for n, c in enumerate(stack):
        if f"weight_hr_l{n}" in tensors and "proj" not in c.gates:
            raise NetworkError(f"weight_hr_l{n}: {c.name} has no projection")
    odd = [k for k in tensors if k.endswith("_reverse")]
    if odd:
        raise NetworkError(
            f"{odd[0]}: a network of one direction has none, see csb_rnn.network.bidirectional"
        )
    return Network(
        tuple(split_stacked(c, tensors, n) for n, c in enumerate(stack)), block, dict(csb or {})
    )


def find_cell(name: str) -> Cell:
    """The cell of that name.

    Raises:
        NetworkError: there is none.
    """
    if name not in CELLS:
        raise NetworkError(f"unknown cell '{name}': known are {', '.join(CELLS)}")
    return CELLS[name]


def from_checkpoint(checkpoint: Checkpoint) -> Network:
    """The network of a checkpoint; ``block`` is that of its ``csb`` metadata."""
    csb = checkpoint.csb or {}
    projected = any(layer.proj for layer in checkpoint.layers)
    return from_tensors(
        find_cell("lstmp" if projected and checkpoint.cell == "lstm" else checkpoint.cell),
        checkpoint.tensors,
        len(checkpoint.layers),
        csb.get("block"),
        csb,
    )


def torch_cell(module: torch.nn.RNNBase) -> str:
    """Name of the cell of a ``torch.nn.LSTM``, ``nn.GRU`` or ``nn.RNN``."""
    name = type(module).__name__.lower()
    if name == "rnn":
        name = "rnn" if module.nonlinearity == "tanh" else f"rnn_{module.nonlinearity}"
    return "lstmp" if getattr(module, "proj_size", 0) else name


def from_torch(module: torch.nn.RNNBase, block: int | None = None) -> Network:
    """The network of a ``torch.nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` of one direction.

    Raises:
        NetworkError: the module is bidirectional or of another kind.
    """
    if getattr(module, "bidirectional", False):
        raise NetworkError(
            f"{type(module).__name__}: bidirectional, see csb_rnn.network.bidirectional"
        )
    return from_tensors(
        find_cell(torch_cell(module)), module.state_dict(), module.num_layers, block
    )
