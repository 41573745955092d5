# SPDX-License-Identifier: Apache-2.0
"""Recurrent nodes of an ONNX file as checkpoints, and the file again with other weights.

A node's ``W``, ``R`` and ``B`` hold the gates in ONNX's order, i o f c of an LSTM and z r h of a
GRU; a checkpoint has them in torch's, i f g o and r z n. Everything else of the file stays.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from csb_rnn.network.checkpoint import Checkpoint, CheckpointError
from csb_rnn.network.onnx.errors import refuse
from csb_rnn.network.onnx.load import load
from csb_rnn.network.state_dict import from_state_dict

if TYPE_CHECKING:
    import onnx

__all__ = ["Recurrent", "recurrent_nodes", "write_nodes"]

ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}  # torch's gates, by ONNX's places
CELL = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn"}
USUAL = {
    "LSTM": ["sigmoid", "tanh", "tanh"],
    "GRU": ["sigmoid", "tanh"],
    "RNN": ["tanh"],
}


@dataclass(frozen=True)
class Recurrent:
    """One node.

    Attributes:
        node: of the graph.
        checkpoint: its weights as those of a module of torch, one layer.
        plain: it computes as this module does, from the zero state: data may prune it.
    """

    node: onnx.NodeProto
    checkpoint: Checkpoint
    plain: bool


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    import onnx

    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _is_plain(node: onnx.NodeProto, options: dict[str, Any]) -> bool:
    ways = 2 if options.get("direction") == b"bidirectional" else 1
    named = [a.decode().lower() for a in options.get("activations", [])]
    return (
        options.get("direction", b"forward") != b"reverse"
        and named in ([], USUAL[node.op_type] * ways)
        and not any(options.get(key) for key in ("clip", "input_forget", "layout"))
        and (node.op_type != "GRU" or options.get("linear_before_reset") == 1)
        and not any(node.input[4:])  # lengths, states, peepholes
    )


def _turned(a: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Rows of gates in another order: entry g of the result is gate ``order[g]``."""
    return np.concatenate([np.split(a, len(order))[g] for g in order])


def _tensors(node: onnx.NodeProto, held: dict[str, Any]) -> dict[str, np.ndarray]:
    """
    Raises:
        OnnxError: weights that are no constants of the file.
    """
    from onnx import numpy_helper

    names = [*node.input, "", "", ""]
    found, order = {}, ORDER[node.op_type]
    for kind, name in zip(("W", "R", "B"), names[1:4], strict=True):
        if kind == "B" and not name:
            continue
        if name not in held:
            raise refuse(node, f"its {kind} is computed, not stored: it cannot be pruned")
        for way, a in enumerate(numpy_helper.to_array(held[name]).astype(np.float32)):
            end = "_l0" + "_reverse" * way
            if kind != "B":
                found[f"weight_{'ih' if kind == 'W' else 'hh'}{end}"] = _turned(a, order)
                continue
            for short, half in zip(("ih", "hh"), np.split(a, 2), strict=True):
                found[f"bias_{short}{end}"] = _turned(half, order)
    return found


def _back(node: onnx.NodeProto, tensors: dict[str, np.ndarray], kind: str) -> np.ndarray:
    """A node's tensor from those of its checkpoint."""
    inverse = tuple(int(g) for g in np.argsort(ORDER[node.op_type]))
    ways = ("", "_reverse") if "weight_ih_l0_reverse" in tensors else ("",)
    rows = []
    for way in ways:
        names = {"W": ["weight_ih"], "R": ["weight_hh"], "B": ["bias_ih", "bias_hh"]}[kind]
        rows.append(np.concatenate([_turned(tensors[f"{n}_l0{way}"], inverse) for n in names]))
    return np.stack(rows)


def recurrent_nodes(path: str | os.PathLike[str]) -> tuple[onnx.ModelProto, list[Recurrent]]:
    """A file and its LSTM, GRU and RNN nodes, in their order.

    Raises:
        OnnxError: a bad file, or weights that are no constants of it.
        CheckpointError: no such node.
    """
    proto = load(path)
    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    found = []
    for node in proto.graph.node:
        if node.op_type in ORDER and node.domain in ("", "ai.onnx"):
            checkpoint = from_state_dict(_tensors(node, held), None, {"cell": CELL[node.op_type]})
            found.append(Recurrent(node, checkpoint, _is_plain(node, _attributes(node))))
    if not found:
        raise CheckpointError(f"{path}: no LSTM, GRU or RNN node: nothing to prune")
    return proto, found


def write_nodes(
    path: str | os.PathLike[str], proto: onnx.ModelProto, pruned: list[tuple[Recurrent, Checkpoint]]
) -> None:
    """The file with other weights in some nodes; types of numbers stay.

    Raises:
        CheckpointError: the file cannot be written.
    """
    import onnx
    from onnx import numpy_helper

    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    for was, new in pruned:
        for kind, name in zip(("W", "R", "B"), [*was.node.input, ""][1:4], strict=True):
            if name:
                kept = numpy_helper.to_array(held[name]).dtype
                value = _back(was.node, dict(new.tensors), kind).astype(kept)
                held[name].CopyFrom(numpy_helper.from_array(value, name))
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        onnx.save_model(proto, str(part))
        part.replace(target)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{target}: cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)
