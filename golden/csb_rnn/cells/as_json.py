# SPDX-License-Identifier: Apache-2.0
"""Cells as JSON values: a stored network or a description file needs no cell of its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from csb_rnn.cells.graph import Cell, Drain, Elem, GraphError
from csb_rnn.system import untrusted

MOST_NAMES = 64  # gates, states, vectors, nodes of a cell


def cell_to_json(cell: Cell) -> dict[str, Any]:
    """A cell description as JSON values: texts, numbers, lists and objects."""
    nodes = [{"node": type(n).__name__.lower(), **dataclasses.asdict(n)} for n in cell.nodes]
    return {**dataclasses.asdict(cell), "nodes": nodes}


def _name(value: Any, where: str) -> str:
    """An identifier; of an operand with ``state:`` or ``const:`` before it."""
    bare = value.split(":", 1)[-1] if isinstance(value, str) else ""
    if not untrusted.IDENTIFIER.fullmatch(bare):
        raise GraphError(f"{where}: {untrusted.show(value)} is no name")
    return value


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_NAMES:
        raise GraphError(f"{where}: expected a list of at most {MOST_NAMES} names")
    found = tuple(_name(v, where) for v in value)
    if len(set(found)) != len(found):
        raise GraphError(f"{where}: a name is there twice")
    return found


def _node(data: Any, where: str) -> Drain | Elem:
    """A node of a cell, its fields checked for their types."""
    if not isinstance(data, Mapping) or data.get("node") not in ("drain", "elem"):
        raise GraphError(f"{where}: expected a table of a drain or elem")
    cls = Drain if data["node"] == "drain" else Elem
    fields = {f.name: f for f in dataclasses.fields(cls)}
    odd = data.keys() - fields.keys() - {"node"}
    if odd:
        raise GraphError(f"{where}: unknown {untrusted.show(min(odd, key=str))}")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        at = f"{where}.{name}"
        if name not in data:
            if field.default is dataclasses.MISSING:
                raise GraphError(f"{at}: missing")
            continue
        value = data[name]
        if value is None and field.default is None:
            values[name] = None
        elif name in ("inputs", "biases"):
            values[name] = _names(value, at)
        elif name in ("sub", "output"):
            if not isinstance(value, bool):
                raise GraphError(f"{at}: expected true or false")
            values[name] = value
        else:
            values[name] = _name(value, at)
    return cls(**values)


def cell_from_json(data: Mapping[str, Any]) -> Cell:
    """The inverse of :func:`cell_to_json`.

    Raises:
        GraphError: a field is missing or of another type, or the cell cannot run.
    """
    for key in ("name", "gates", "states", "vectors", "nodes"):
        if not isinstance(data, Mapping) or key not in data:
            raise GraphError(f"{key}: missing")
    odd = data.keys() - {"name", "gates", "states", "vectors", "nodes", "constants"}
    if odd:
        raise GraphError(f"unknown {untrusted.show(min(odd, key=str))}")
    vectors, nodes = data["vectors"], data["nodes"]
    if not isinstance(vectors, Mapping) or len(vectors) > MOST_NAMES:
        raise GraphError("vectors: expected a table of vector -> state")
    if not isinstance(nodes, (list, tuple)) or len(nodes) > MOST_NAMES:
        raise GraphError(f"nodes: expected a list of at most {MOST_NAMES}")
    return Cell(
        _name(data["name"], "name"),
        _names(data["gates"], "gates"),
        _names(data["states"], "states"),
        {
            _name(k, "vectors"): None if v is None else _name(v, f"vectors.{k}")
            for k, v in vectors.items()
        },
        tuple(_node(n, f"nodes[{i}]") for i, n in enumerate(nodes)),
        _names(data.get("constants", ()), "constants"),
    ).check()
