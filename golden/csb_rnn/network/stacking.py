# SPDX-License-Identifier: Apache-2.0
"""Networks and models from torch's stacked tensors, and models from their layers.

Torch stacks the matrices of all gates: ``weight_ih_l0`` of an LSTM with 64 units and 8 inputs is
``[256, 8]``, rows 64 to 127 those of its second gate. Here they become the
:class:`~csb_rnn.network.network.Layer` at the start of everything else, gate by gate, and layers
a :class:`~csb_rnn.network.network.Model`.

Example: ``weight_ih_l0`` of a GRU with 64 units is [192, n]: gates r, z and n of 64 rows each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import UNITS, Cell
from csb_rnn.network.network import (
    Directions,
    Floats,
    GateInput,
    Layer,
    Model,
    Network,
    NetworkError,
    Span,
    gate_inputs,
)

if TYPE_CHECKING:
    import torch

    from csb_rnn.network.checkpoint import Checkpoint


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
        raise NetworkError(f"{odd[0]}: a network of one direction has none: from_torch reads both")
    return Network(
        tuple(split_stacked(c, tensors, n) for n, c in enumerate(stack)), block, dict(csb or {})
    )


def find_cell(name: str) -> Cell:
    """The cell of this name.

    Raises:
        NetworkError: there is none.
    """
    if name not in CELLS:
        raise NetworkError(f"unknown cell '{name}': known are {', '.join(CELLS)}")
    return CELLS[name]


def torch_cell(module: torch.nn.RNNBase) -> str:
    """Name of the cell of a ``torch.nn.LSTM``, ``nn.GRU`` or ``nn.RNN``."""
    name = type(module).__name__.lower()
    if name == "rnn":
        name = "rnn" if module.nonlinearity == "tanh" else f"rnn_{module.nonlinearity}"
    return "lstmp" if getattr(module, "proj_size", 0) else name


def network_from_torch(module: torch.nn.RNNBase, block: int | None = None) -> Network:
    """The network of a ``torch.nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` of one direction.

    Raises:
        NetworkError: the module is bidirectional or of another kind.
    """
    if getattr(module, "bidirectional", False):
        raise NetworkError(
            f"{type(module).__name__}: bidirectional, see csb_rnn.network.stacking.from_torch"
        )
    return from_tensors(
        find_cell(torch_cell(module)), module.state_dict(), module.num_layers, block
    )


def stack(
    layers: Sequence[Directions],
    block: int | None = None,
    csb: Mapping[str, Any] | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
) -> Model:
    """A model from its layers, each with its directions.

    Raises:
        NetworkError: layers do not fit each other.
    """
    groups: list[tuple[int, list[Directions]]] = []
    for n, layer in enumerate(layers):
        if groups and layer.keys() == groups[-1][1][-1].keys() and len(layer) == 1:
            groups[-1][1].append(layer)
        else:
            groups.append((n, [layer]))
    spans = []
    for first, group in groups:
        networks = {}
        for reverse in sorted(group[0]):
            try:
                chain = tuple(layer[reverse] for layer in group)
                networks[reverse] = Network(chain, block, dict(csb or {}))
            except NetworkError as error:
                raise NetworkError(
                    f"from layer {first} on: {error}" if first else str(error)
                ) from None
        spans.append(Span(networks, first))
    start = {k: np.asarray(v, np.float64) for k, v in (initial or {}).items()}
    return Model(tuple(spans), start)


def layers_of(
    cell: str, tensors: Mapping[str, ArrayLike], layers: int, both: bool
) -> list[Directions]:
    """So many layers of torch's tensors, each in one or both directions.

    Raises:
        NetworkError: see :func:`split_stacked`.
    """
    graph = find_cell(cell)
    ends = {False: "", True: "_reverse"} if both else {False: ""}
    return [
        {reverse: split_stacked(graph, tensors, n, end) for reverse, end in ends.items()}
        for n in range(layers)
    ]


def checkpoint_layers(checkpoint: Checkpoint) -> list[Directions]:
    """The layers of a checkpoint, with every option of torch's modules."""
    first = checkpoint.layers[0]
    cell = "lstmp" if first.proj and checkpoint.cell == "lstm" else checkpoint.cell
    return layers_of(cell, checkpoint.tensors, len(checkpoint.layers), first.bidirectional)


def from_checkpoint(checkpoint: Checkpoint) -> Model:
    """The model of a checkpoint; ``block`` is from its ``csb`` metadata."""
    csb = checkpoint.csb or {}
    return stack(checkpoint_layers(checkpoint), block=csb.get("block"), csb=csb)


def network_from_checkpoint(checkpoint: Checkpoint) -> Network:
    """The network of a checkpoint of one direction.

    Raises:
        NetworkError: it runs in both directions.
    """
    network = from_checkpoint(checkpoint).single
    if network is None:
        raise NetworkError(
            "the checkpoint is bidirectional, see csb_rnn.network.stacking.from_checkpoint"
        )
    return network


def from_torch(module: torch.nn.RNNBase, block: int | None = None) -> Model:
    """The model of a ``torch.nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` with any of their options.

    ``batch_first`` and ``dropout`` make no difference here: frames come one after the other, and
    nothing is trained.
    """
    tensors, both = module.state_dict(), bool(module.bidirectional)
    return stack(layers_of(torch_cell(module), tensors, module.num_layers, both), block)
