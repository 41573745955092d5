# SPDX-License-Identifier: Apache-2.0
"""Description files: models of any cell, from tensors under any names.

A TOML file beside its weights, for what neither torch nor ONNX has a layer (docs/cells.md has an
example)::

    weights = "model.npz"              # or .safetensors, .pt
    block = 32                         # optional, for the pattern statistics

    [[layer]]
    cell = "ligru"                     # a known cell, or one of [cells.NAME]
    W.a.x = { key = "w.weight", rows = [0, 256], norm = "bn" }
    W.a.h = "u_a.weight"
    b.a.x = "b_a"
    ...
    reverse.W.a.x = "w_back.weight"    # the backward direction, if there is one
    backwards = true                   # of a layer with one direction that runs backwards

    [cells.janet]                      # in the words of golden/csb_rnn/cells/graph.py
    gates = ["f", "g"]
    states = ["h"]
    vectors = { h = "h" }              # "" for a vector of one frame
    nodes = [
      { drain = "f", gate = "f", inputs = ["x", "h"], act = "sigmoid" },
      { elem = "not_f", m0 = "one", x0 = "one", m1 = "one", x1 = "f", sub = true },
      ...
    ]

``W.gate.input`` is a matrix ``[units, n]``, ``b.gate.input`` a vector, ``const.name`` a constant.
Each is a key of the weights or a table of ``key``, ``rows`` (first, end), ``transpose`` and
``norm``: the prefix of a batch norm (``weight``, ``bias``, ``running_mean``, ``running_var``;
epsilon ``eps``) behind the product with x, which is folded into W and b. A layer may be
``torch = "rnn."`` instead: torch's stacked names (``weight_ih_l0`` ...) behind that prefix;
``number`` says which.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import UNITS, Cell, GraphError
from csb_rnn.network.bidirectional import Directions, Model, stack
from csb_rnn.network.checkpoint import CheckpointError, read_arrays
from csb_rnn.network.network import (
    Floats,
    GateInput,
    Layer,
    NetworkError,
    gate_inputs,
    split_stacked,
)
from csb_rnn.program.archive import cell_from_json

EPS = 1e-5  # of torch's batch norm


class DescriptionError(NetworkError):
    """A description file that cannot be used; one line that names the entry."""


class _Tensors:
    """Arrays of the weights file under the references of a description."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays

    def key(self, key: str, where: str) -> Floats:
        if key not in self.arrays:
            raise DescriptionError(f"{where}: the weights have no '{key}'")
        return np.asarray(self.arrays[key], np.float64)

    def get(self, ref: Any, where: str) -> tuple[Floats, tuple[Floats, Floats] | None]:
        """A tensor, and (scale, offset) of the batch norm behind it."""
        ref = {"key": ref} if isinstance(ref, str) else ref
        if not isinstance(ref, dict) or not isinstance(ref.get("key"), str):
            raise DescriptionError(f"{where}: expected a key or a table with a key")
        odd = ref.keys() - {"key", "rows", "transpose", "norm", "eps"}
        if odd:
            raise DescriptionError(f"{where}: unknown '{min(odd)}'")
        a = self.key(ref["key"], where)
        a = a.T if ref.get("transpose") else a
        rows = slice(*ref.get("rows", [None]))
        norm = None
        if "norm" in ref:
            parts = ("weight", "bias", "running_mean", "running_var")
            w, b, mean, var = (self.key(f"{ref['norm']}.{n}", where)[rows] for n in parts)
            scale = w / np.sqrt(var + ref.get("eps", EPS))
            norm = (scale, b - mean * scale)
        return a[rows], norm


def _layer(cell: Cell, table: Mapping[str, Any], tensors: _Tensors, where: str) -> Layer:
    """One direction of a layer."""
    if "torch" in table:
        prefix, number = table["torch"], table.get("number", 0)
        plain = {
            k.removeprefix(prefix): v for k, v in tensors.arrays.items() if k.startswith(prefix)
        }
        return split_stacked(cell, plain, number, table.get("suffix", ""))
    weights: dict[GateInput, Floats] = {}
    biases: dict[GateInput, Floats] = {}
    for gate in cell.gates:
        for v in gate_inputs(cell, gate):
            name = f"{where}: W.{gate}.{v}"
            if v not in table.get("W", {}).get(gate, {}):
                raise DescriptionError(f"{name} is missing")
            w, norm = tensors.get(table["W"][gate][v], name)
            if norm is not None:
                w, biases[gate, v] = w * norm[0][:, None], norm[1]
            weights[gate, v] = w
    for gate, row in table.get("b", {}).items():
        for v, ref in row.items():
            b, _ = tensors.get(ref, f"{where}: b.{gate}.{v}")
            biases[gate, v] = biases.get((gate, v), 0.0) + b
    constants = {
        k: tensors.get(ref, f"{where}: const.{k}")[0] for k, ref in table.get("const", {}).items()
    }
    if any(w.ndim != 2 for w in weights.values()):
        raise DescriptionError(f"{where}: a W is no matrix")
    units = {cell.spaces[g]: len(weights[g, gate_inputs(cell, g)[0]]) for g in cell.gates}
    inputs = {v: w.shape[1] for (_, v), w in weights.items()}
    hidden = units.pop(UNITS)
    return Layer(cell, hidden, inputs, weights, biases, units, constants).check(where)


def _cells(tables: Mapping[str, Any]) -> dict[str, Cell]:
    """Known cells, and those of the file."""
    found = dict(CELLS)
    for name, table in tables.items():
        nodes = []
        for n in table.get("nodes", []):
            kind = "drain" if "drain" in n else "elem"
            rest = {k: v for k, v in n.items() if k != kind}
            nodes.append({"node": kind, "name": n.get(kind), **rest})
        vectors = {k: v or None for k, v in table.get("vectors", {}).items()}
        try:
            whole = {"name": name, "states": [], "gates": [], **table}
            found[name] = cell_from_json({**whole, "vectors": vectors, "nodes": nodes})
        except (GraphError, TypeError, KeyError, AttributeError) as error:
            raise DescriptionError(f"cells.{name}: {error}") from None
    return found


def read_description(path: str | os.PathLike) -> Model:
    """Read a description file and its weights.

    Raises:
        DescriptionError: a missing file or entry, or a cell that cannot run.
        NetworkError, CheckpointError: tensors that do not fit, weights that cannot be read.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise DescriptionError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DescriptionError(f"{path}: {error}") from None
    try:
        return _model(data, path.parent)
    except (NetworkError, CheckpointError) as error:
        raise DescriptionError(f"{path}: {error}") from None


def _model(data: Mapping[str, Any], folder: Path) -> Model:
    odd = data.keys() - {"weights", "block", "layer", "cells"}
    if odd:
        raise DescriptionError(f"unknown entry '{min(odd)}'")
    if not isinstance(data.get("weights"), str) or not data.get("layer"):
        raise DescriptionError("expected weights, the name of a file, and at least one [[layer]]")
    tensors, cells = _Tensors(read_arrays(folder / data["weights"])), _cells(data.get("cells", {}))
    layers: list[Directions] = []
    for n, table in enumerate(data["layer"]):
        where = f"layer {n}"
        if table.get("cell") not in cells:
            raise DescriptionError(
                f"{where}: unknown cell '{table.get('cell')}': known are {', '.join(cells)}"
            )
        cell, back = cells[table["cell"]], table.get("reverse")
        layer = {bool(table.get("backwards")): _layer(cell, table, tensors, where)}
        if back is not None:
            layer[True] = _layer(cell, back, tensors, f"{where} reverse")
        layers.append(layer)
    return stack(layers, data.get("block"))
