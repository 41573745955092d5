# SPDX-License-Identifier: Apache-2.0
"""Description files: models of any cell, from tensors under any names.

A TOML file beside its weights, for cells without a layer in torch and ONNX
(docs/reference/cells.md has an example)::

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
``torch = "rnn."`` instead: torch's stacked names (``weight_ih_l0`` ...) behind this prefix;
``number`` names it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.cells import CELLS
from csb_rnn.cells.as_json import cell_from_json
from csb_rnn.cells.graph import UNITS, Cell, GraphError
from csb_rnn.network.checkpoint import CheckpointError
from csb_rnn.network.checkpoint_files import read_arrays
from csb_rnn.network.checkpoint_metadata import BLOCK_LIMIT
from csb_rnn.network.network import (
    Directions,
    Floats,
    GateInput,
    Layer,
    Model,
    NetworkError,
    gate_inputs,
)
from csb_rnn.network.stacking import split_stacked, stack
from csb_rnn.system import untrusted
from csb_rnn.system.untrusted import show

EPS = 1e-5  # of torch's batch norm


class DescriptionError(NetworkError):
    """An unusable description file; one line with the entry's name."""


def _table(value: Any, where: str) -> dict[str, Any]:
    """The value, if it is a table.

    Raises:
        DescriptionError: it is not.
    """
    if not isinstance(value, dict):
        raise DescriptionError(f"{where}: expected a table, got {show(value)}")
    return value


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    odd = table.keys() - known
    if odd:
        raise DescriptionError(f"{where}: unknown {show(min(odd))}")


class _Tensors:
    """Arrays of the weights file under the references of a description."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays

    def key(self, key: str, where: str) -> Floats:
        if key not in self.arrays:
            raise DescriptionError(f"{where}: the weights have no {show(key)}")
        return np.asarray(self.arrays[key], np.float64)

    def get(self, ref: Any, where: str) -> tuple[Floats, tuple[Floats, Floats] | None]:
        """A tensor, and (scale, offset) of the batch norm behind it."""
        ref = {"key": ref} if isinstance(ref, str) else ref
        if not isinstance(ref, dict) or not isinstance(ref.get("key"), str):
            raise DescriptionError(f"{where}: expected a key or a table with a key")
        _only(ref, {"key", "rows", "transpose", "norm", "eps"}, where)
        a, norm = self.key(ref["key"], where), None
        if a.ndim not in (1, 2):
            raise DescriptionError(f"{where}: expected a matrix or vector, got shape {a.shape}")
        if type(ref.get("transpose", False)) is not bool:
            raise DescriptionError(f"{where}.transpose: expected true or false")
        a = a.T if ref.get("transpose") else a
        first, end = 0, len(a)
        if "rows" in ref:
            given = ref["rows"]
            if not isinstance(given, list) or [type(n) for n in given] != [int, int]:
                raise DescriptionError(f"{where}.rows: expected [first, end]")
            first, end = given
            if not 0 <= first < end <= len(a):
                raise DescriptionError(f"{where}.rows: {show(first)} to {show(end)} of {len(a)}")
        rows = slice(first, end)
        if "norm" in ref:
            eps = ref.get("eps", EPS)
            if not isinstance(ref["norm"], str) or type(eps) is not float or not 0 <= eps < 1:
                raise DescriptionError(f"{where}: norm is a prefix of keys, eps a number of 0 to 1")
            parts = ("weight", "bias", "running_mean", "running_var")
            w, b, mean, var = (self.key(f"{ref['norm']}.{n}", where)[rows] for n in parts)
            if {p.shape for p in (w, b, mean, var)} != {(end - first,)} or (var + eps <= 0).any():
                raise DescriptionError(f"{where}.norm: no {end - first} positive variances")
            scale = w / np.sqrt(var + eps)
            norm = (scale, b - mean * scale)
        return a[rows], norm


def _layer(cell: Cell, table: Mapping[str, Any], tensors: _Tensors, where: str) -> Layer:
    """One direction of a layer."""
    if "torch" in table:
        prefix, number, suffix = table["torch"], table.get("number", 0), table.get("suffix", "")
        if not isinstance(prefix, str) or not isinstance(suffix, str):
            raise DescriptionError(f"{where}: torch and suffix are texts")
        if type(number) is not int or not 0 <= number < 1000:
            raise DescriptionError(f"{where}.number: expected 0 to 999, got {show(number)}")
        plain = {
            k.removeprefix(prefix): v for k, v in tensors.arrays.items() if k.startswith(prefix)
        }
        return split_stacked(cell, plain, number, suffix)
    _only(table, {"cell", "W", "b", "const", "reverse", "backwards"}, where)
    weights: dict[GateInput, Floats] = {}
    biases: dict[GateInput, Floats] = {}
    given = _table(table.get("W", {}), f"{where}: W")
    for gate in cell.gates:
        row = _table(given.get(gate, {}), f"{where}: W.{gate}")
        for v in gate_inputs(cell, gate):
            name = f"{where}: W.{gate}.{v}"
            if v not in row:
                raise DescriptionError(f"{name} is missing")
            w, norm = tensors.get(row[v], name)
            if w.ndim != 2:
                raise DescriptionError(f"{name} is no matrix, it has shape {w.shape}")
            if norm is not None:
                w, biases[gate, v] = w * norm[0][:, None], norm[1]
            weights[gate, v] = w
    for gate, row in _table(table.get("b", {}), f"{where}: b").items():
        for v, ref in _table(row, f"{where}: b.{gate}").items():
            name = f"{where}: b.{gate}.{v}"
            b, _ = tensors.get(ref, name)
            before = biases.get((gate, v), np.zeros(b.shape))
            if b.shape != before.shape:
                raise DescriptionError(f"{name} has shape {b.shape}, not {before.shape}")
            biases[gate, v] = before + b
    constants = {
        k: tensors.get(ref, f"{where}: const.{k}")[0]
        for k, ref in _table(table.get("const", {}), f"{where}: const").items()
    }
    units = {cell.spaces[g]: len(weights[g, gate_inputs(cell, g)[0]]) for g in cell.gates}
    inputs = {v: w.shape[1] for (_, v), w in weights.items()}
    if UNITS not in units:
        raise DescriptionError(f"{where}: {cell.name} has no gate of the space '{UNITS}'")
    hidden = units.pop(UNITS)
    return Layer(cell, hidden, inputs, weights, biases, units, constants).check(where)


def _cells(tables: Mapping[str, Any]) -> dict[str, Cell]:
    """Known cells, and those of the file."""
    found = dict(CELLS)
    for name, table in tables.items():
        where = f"cells.{name}"
        nodes, listed = [], _table(table, where).get("nodes", [])
        if not isinstance(listed, list):
            raise DescriptionError(f"{where}.nodes: expected a list")
        for i, n in enumerate(listed):
            kind = "drain" if "drain" in _table(n, f"{where}.nodes[{i}]") else "elem"
            rest = {k: v for k, v in n.items() if k != kind}
            nodes.append({"node": kind, "name": n.get(kind), **rest})
        given = _table(table.get("vectors", {}), f"{where}.vectors")
        vectors = {k: None if v == "" else v for k, v in given.items()}
        try:
            whole = {"name": name, "states": [], "gates": [], **table}
            found[name] = cell_from_json({**whole, "vectors": vectors, "nodes": nodes})
        except GraphError as error:
            raise DescriptionError(f"{where}: {error}") from None
    return found


def read_description(path: str | os.PathLike) -> Model:
    """Read a description file and its weights.

    Raises:
        DescriptionError: a missing file or entry, or a cell beyond the data path.
        NetworkError, CheckpointError: tensors of wrong shapes, unreadable weights.
    """
    path = Path(path)
    try:
        data = tomllib.loads(untrusted.read_text(path))
    except RecursionError:
        raise DescriptionError(f"{path}: nested too deep") from None
    except (OSError, ValueError) as error:
        raise DescriptionError(f"{path}: {error}") from None
    try:
        return _model(data, path.parent)
    except (NetworkError, CheckpointError) as error:
        raise DescriptionError(f"{path}: {error}") from None


def _model(data: Mapping[str, Any], folder: Path) -> Model:
    odd = data.keys() - {"weights", "block", "layer", "cells"}
    if odd:
        raise DescriptionError(f"unknown entry '{min(odd)}'")
    rows, block = data.get("layer"), data.get("block")
    if not isinstance(data.get("weights"), str) or not isinstance(rows, list) or not rows:
        raise DescriptionError("expected weights, the name of a file, and at least one [[layer]]")
    if block is not None and not (type(block) is int and 1 <= block <= BLOCK_LIMIT):
        raise DescriptionError(f"block: expected 1 to {BLOCK_LIMIT}, got {show(block)}")
    cells = _cells(_table(data.get("cells", {}), "cells"))
    tensors = _Tensors(read_arrays(folder / data["weights"]))
    layers: list[Directions] = []
    for n, row in enumerate(rows):
        where = f"layer {n}"
        table = _table(row, where)
        kind, backwards = table.get("cell"), table.get("backwards", False)
        if not isinstance(kind, str) or kind not in cells:
            raise DescriptionError(
                f"{where}: unknown cell {show(kind)}: known are {', '.join(cells)}"
            )
        if type(backwards) is not bool:
            raise DescriptionError(f"{where}.backwards: expected true or false")
        cell, back = cells[kind], table.get("reverse")
        layer = {backwards: _layer(cell, table, tensors, where)}
        if back is not None:
            layer[True] = _layer(
                cell, _table(back, f"{where} reverse"), tensors, f"{where} reverse"
            )
        layers.append(layer)
    return stack(layers, block)
