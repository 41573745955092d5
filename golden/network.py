"""Networks: a stack of recurrent layers with the weights the user trained, gate by gate.

A :class:`Network` is what all models and the compiler start from. It knows nothing of number
formats (:mod:`golden.quantise`) or of the engine (:mod:`golden.compiler`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golden.cells import CELLS
from golden.graph import Cell, Drain

if TYPE_CHECKING:
    import torch

    from golden.checkpoint import Checkpoint

Floats = NDArray[np.float64]
GateInput = tuple[str, str]


class NetworkError(ValueError):
    """Tensors that do not make a network; the message is one line that names what is wrong."""


def recurrent_inputs(cell: Cell, gate: str) -> list[str]:
    """Inputs of a gate's drains other than the layer input, in the order of the cell's nodes."""
    names = [i for d in cell.drains if d.gate == gate for i in d.inputs if i != "x"]
    return list(dict.fromkeys(names))


def check_vectors(cell: Cell) -> None:
    """Every vector has one writer, what a drain reads of this frame is written before it, and
    one node is the output.

    Raises:
        NetworkError: not so.
    """
    written: set[str] = set()
    for n in cell.nodes:
        if isinstance(n, Drain):
            for i in n.inputs:
                if i != "x" and i not in cell.vectors:
                    raise NetworkError(f"{cell.name}.{n.name}: no vector '{i}'")
                if i != "x" and cell.vectors[i] is None and i not in written:
                    raise NetworkError(f"{cell.name}.{n.name}: '{i}' is read before it is written")
        elif n.vector is not None:
            if n.vector not in cell.vectors or n.vector in written:
                raise NetworkError(f"{cell.name}.{n.name}: unknown vector or its second writer")
            written.add(n.vector)
    if written != cell.vectors.keys():
        raise NetworkError(f"{cell.name}: nobody writes {min(cell.vectors.keys() - written)}")
    if sum(n.output for n in cell.elems) != 1:
        raise NetworkError(f"{cell.name}: exactly one node is the output")


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer: a cell, its sizes and its parameters.

    Attributes:
        hidden: units H.
        inputs: length n of each input vector: "x" and every neuron vector that the cell reads.
        weights: float64 ``[H, n]`` of each (gate, input) that a drain of the cell multiplies.
        biases: float64 ``[H]`` of each (gate, input); what is absent is zero.
    """

    cell: Cell
    hidden: int
    inputs: dict[str, int]
    weights: dict[GateInput, Floats]
    biases: dict[GateInput, Floats]

    def check(self, where: str) -> Layer:
        """The layer itself if its parameters are those of its cell; ``where`` is for messages.

        Raises:
            NetworkError: a matrix is missing, too many, of the wrong shape or not finite.
        """
        if self.hidden < 1:
            raise NetworkError(f"{where}: hidden size is {self.hidden}")
        check_vectors(self.cell)
        vectors = {"x": self.inputs.get("x", 0)} | dict.fromkeys(self.cell.vectors, self.hidden)
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
                shape = (self.hidden, self.inputs[key[1]]) if name == "W" else (self.hidden,)
                if w.shape != shape:
                    raise NetworkError(f"{label} has shape {w.shape}, not {shape}")
                if not np.isfinite(w).all():
                    raise NetworkError(f"{label} holds NaN or infinity")
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
            if n and layer.inputs["x"] != self.layers[n - 1].hidden:
                raise NetworkError(
                    f"layer {n}: takes {layer.inputs['x']} inputs, "
                    f"layer {n - 1} returns {self.layers[n - 1].hidden}"
                )

    @property
    def inputs(self) -> int:
        """Values of one input frame."""
        return self.layers[0].inputs["x"]

    @property
    def outputs(self) -> int:
        """Values of one output frame."""
        return self.layers[-1].hidden

    @property
    def kept_weights(self) -> int:
        """Weights that are not zero, before quantisation; biases do not count."""
        return sum(layer.kept_weights for layer in self.layers)

    def state_shapes(self) -> dict[str, int]:
        """Length of every state by its torch-like name: ``h_l0``, ``c_l0``, ``h_l1``, ..."""
        return {f"{s}_l{n}": la.hidden for n, la in enumerate(self.layers) for s in la.cell.states}


def split_stacked(cell: Cell, tensors: Mapping[str, ArrayLike], layer: int) -> Layer:
    """One layer from torch's stacked tensors.

    ``weight_ih_l{n}`` is ``[gates*H, inputs]``, ``weight_hh_l{n}`` ``[gates*H, H]`` (the gate's
    recurrent input, whatever the cell calls it; absent if the cell has none), biases
    ``bias_ih_l{n}`` and ``bias_hh_l{n}`` ``[gates*H]``, both optional. Rows are in the order of
    ``cell.gates``.

    Raises:
        NetworkError: a tensor is missing or its shape does not fit.
    """
    where, gates = f"layer {layer}", len(cell.gates)

    def get(name: str, dims: int) -> Floats | None:
        key = f"{name}_l{layer}"
        if key not in tensors:
            return None
        t = tensors[key]
        t = t.detach().cpu().double().numpy() if hasattr(t, "detach") else t
        t = np.asarray(t, np.float64)
        if t.ndim != dims or t.shape[0] == 0 or t.shape[0] % gates:
            raise NetworkError(
                f"{where}: {key} has shape {t.shape}: {cell.name} stacks {gates} gates"
            )
        return t

    ih = get("weight_ih", 2)
    if ih is None:
        raise NetworkError(f"{where}: weight_ih_l{layer} is missing")
    stacks = {"ih": ih, "hh": get("weight_hh", 2)}
    offsets = {"ih": get("bias_ih", 1), "hh": get("bias_hh", 1)}
    hidden = ih.shape[0] // gates
    for name, t in (*stacks.items(), *offsets.items()):
        if t is not None and t.shape[0] != ih.shape[0]:
            raise NetworkError(
                f"{where}: {'weight' if t.ndim == 2 else 'bias'}_{name}_l{layer} has "
                f"{t.shape[0]} rows, weight_ih_l{layer} {ih.shape[0]}"
            )
    weights: dict[GateInput, Floats] = {}
    biases: dict[GateInput, Floats] = {}
    inputs = {"x": ih.shape[1]}
    for g, gate in enumerate(cell.gates):
        rows = slice(g * hidden, (g + 1) * hidden)
        recurrent = recurrent_inputs(cell, gate)
        if len(recurrent) > 1:
            raise NetworkError(
                f"{where}: gate '{gate}' of {cell.name} has several recurrent inputs "
                f"({', '.join(recurrent)}): build its Layer from single matrices"
            )
        reads_x = any("x" in d.inputs for d in cell.drains if d.gate == gate)
        for kind, name in (("ih", "x" if reads_x else None), ("hh", (recurrent or [None])[0])):
            if name is None:
                continue
            inputs.setdefault(name, hidden)
            stack, offset = stacks[kind], offsets[kind]
            if stack is None:
                raise NetworkError(f"{where}: weight_{kind}_l{layer} is missing")
            weights[gate, name] = stack[rows].copy()
            if offset is not None:
                biases[gate, name] = offset[rows].copy()
    return Layer(cell, hidden, inputs, weights, biases).check(where)


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
    odd = [k for k in tensors if k.endswith("_reverse") or k.startswith("weight_hr_")]
    if odd:
        raise NetworkError(f"{odd[0]}: bidirectional layers and projections are not supported")
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
    return from_tensors(
        find_cell(checkpoint.cell),
        checkpoint.tensors,
        len(checkpoint.layers),
        csb.get("block"),
        csb,
    )


def from_torch(module: torch.nn.RNNBase, block: int | None = None) -> Network:
    """The network of a ``torch.nn.LSTM``, ``nn.GRU`` or ``nn.RNN``.

    Raises:
        NetworkError: the module is bidirectional, has a projection or is of another kind.
    """
    name = type(module).__name__.lower()
    if name == "rnn":
        name = "rnn" if module.nonlinearity == "tanh" else f"rnn_{module.nonlinearity}"
    for option in ("bidirectional", "proj_size"):
        if getattr(module, option, 0):
            raise NetworkError(f"{type(module).__name__}: {option} is not supported")
    return from_tensors(find_cell(name), module.state_dict(), module.num_layers, block)
