# SPDX-License-Identifier: Apache-2.0
"""Any file with a trained model: state dicts, ONNX, description files."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import cells
from csb_rnn.network import (
    checkpoint,
    checkpoint_files,
    description,
    onnx,
    stacking,
    state_dict,
)
from csb_rnn.network.checkpoint import Checkpoint, CheckpointError
from csb_rnn.network.network import Directions, Layer, Model, NetworkError

ACTIVATIONS = {"tanh": "rnn", "relu": "rnn_relu"}  # of torch.nn.RNN -> cell


@dataclasses.dataclass(frozen=True)
class Source:
    """A file, and its model.

    Attributes:
        path: of the file.
        model: the engine's part.
        checkpoint: its origin, if it is one state dict.
        parts: recurrent modules and Linear layers (weight, bias) of a state dict, in order.
        plan: the parts of an ONNX file.
        unused: names of tensors outside of the model.
        module: of torch, whose export the plan is of.
        sha256: of the file; of all tensors of a module or a state dict.
    """

    path: Path
    model: Model
    checkpoint: Checkpoint | None = None
    parts: tuple[Checkpoint | tuple[np.ndarray, np.ndarray | None], ...] = ()
    plan: onnx.Plan | None = None
    unused: tuple[str, ...] = ()
    module: Any = None
    sha256: str = ""


def read_source(
    path: str | os.PathLike,
    prefix: str | None = None,
    cell: str | None = None,
    activation: str | None = None,
    initial: Mapping[str, Any] | None = None,
    constants: Mapping[str, float] | None = None,
) -> Source:
    """A file by the ending of its name.

    Args:
        path: ``.onnx``, ``.toml``, or a state dict of :mod:`csb_rnn.network.checkpoint`.
        prefix: of the keys of a recurrent module in a state dict; several, in the order in which
            they run, with commas between. A Linear layer may be among them.
        cell: cell of a state dict, where shapes do not say it.
        activation: of the cell of a ``torch.nn.RNN``, ``tanh`` or ``relu``.
        initial: initial states by name, in place of the file's.
        constants: numbers for inputs of an ONNX file, in place of those of a run.

    Raises:
        CheckpointError, NetworkError: a missing or damaged file, an option that does not
            apply, or content beyond the machine.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind in (".onnx", ".toml"):
        for name, value in (("prefix", prefix), ("cell", cell), ("activation", activation)):
            if value is not None:
                raise CheckpointError(f"{path}: --{name} is for state dicts")
        if constants and kind != ".onnx":
            raise CheckpointError(f"{path}: --constant is for inputs of ONNX files")
        plan = onnx.read_plan(path, constants) if kind == ".onnx" else None
        model = plan.model if plan is not None else description.read_description(path)
        found = Source(path, model, plan=plan)
    else:
        if constants:
            raise CheckpointError(f"{path}: --constant is for inputs of ONNX files")
        found = _state_dict(path, prefix, cell, activation)
    model = with_initial(found.model, initial) if initial else found.model
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return dataclasses.replace(found, model=model, sha256=digest)


def leave_last(found: Source) -> Source | None:
    """The source with its last Linear layer left to the host; None if it has none to leave.

    Example: an LSTM with a head of 8,210 classes; behind the engine's 128 values of h the host
    computes the classes.
    """
    layers = [la for _, _, network in found.model.networks() for la in network.layers]
    if found.plan is None or len(layers) < 2 or layers[-1].cell.states:
        return None
    try:
        plan = onnx.plan_of(found.plan.original, found.plan.left + 1)
    except NetworkError:
        return None
    known = plan.model.state_shapes()
    initial = {k: v for k, v in found.model.initial.items() if k in known}
    return dataclasses.replace(found, plan=plan, model=with_initial(plan.model, initial))


def with_initial(model: Model, initial: Mapping[str, Any]) -> Model:
    """The model with other initial states.

    Raises:
        NetworkError: an unknown name, another shape, or infinite numbers or NaN.
    """
    known = model.state_shapes()
    for key, value in initial.items():
        a = np.asarray(value)
        if key not in known:
            raise NetworkError(f"unknown state '{key}': known are {', '.join(known)}")
        if a.ndim not in (1, 2) or a.shape[-1] != known[key]:
            raise NetworkError(
                f"state '{key}' has shape {list(a.shape)}: its length is {known[key]}"
            )
        if a.dtype.kind not in "fiu" or not np.isfinite(a).all():
            raise NetworkError(f"state '{key}' holds values that are no finite numbers")
    new = {k: np.asarray(v, np.float64) for k, v in initial.items()}
    return dataclasses.replace(model, initial={**model.initial, **new})


def _cell(path: Path, cell: str | None, activation: str | None) -> str | None:
    """The cell named by the options."""
    if activation is not None:
        if activation not in ACTIVATIONS:
            names = ", ".join(ACTIVATIONS)
            raise CheckpointError(f"{path}: activation '{activation}': known are {names}")
        if cell not in (None, "rnn", ACTIVATIONS[activation]):
            raise CheckpointError(f"{path}: --activation is for the cell rnn, not {cell}")
        return ACTIVATIONS[activation]
    if cell is not None and cell not in checkpoint.CELL_GATES:
        raise CheckpointError(
            f"{path}: cell '{cell}': known are {', '.join(checkpoint.CELL_GATES)}"
        )
    return cell


def _state_dict(path: Path, prefix: str | None, cell: str | None, activation: str | None) -> Source:
    named = _cell(path, cell, activation)
    prefixes = [None] if prefix is None else [p.strip() for p in prefix.split(",")]
    state, csb = checkpoint_files.read_state(path)
    parts: list[Checkpoint | tuple[np.ndarray, np.ndarray | None]] = []
    layers: list[Directions] = []
    used: set[str] = set()
    try:
        for p in prefixes:
            alone = state_dict.linear(state, p) if p is not None and len(prefixes) > 1 else None
            if alone is not None:
                parts.append(alone)
                w, b = alone
                bias = {} if b is None else {("y", "x"): b}
                layer = Layer(
                    cells.CELLS["linear"], len(w), {"x": w.shape[1]}, {("y", "x"): w}, bias
                )
                layers.append({False: layer.check(f"layer {len(layers)}")})
                head = str(p) if str(p).endswith(".") else f"{p}."
                used |= {head + "weight", head + "bias"}
            else:
                meta = {**(csb or {}), "cell": named} if named is not None else csb
                found = state_dict.from_state_dict(state, p, meta)
                used |= state.keys() - found.extras.keys()
                layers += stacking.checkpoint_layers(found)
                parts.append(found)
        only = parts[0] if len(parts) == 1 and isinstance(parts[0], Checkpoint) else None
        about = {} if only is None else only.csb
        model = stacking.stack(layers, about.get("block"), about)
    except (CheckpointError, NetworkError) as error:
        raise CheckpointError(f"{path}: {error}") from None
    unused = [k for k, v in state.items() if state_dict.is_tensor(v) and k not in used]
    return Source(path, model, only, tuple(parts), unused=tuple(unused))


def read_model(
    path: str | os.PathLike, prefix: str | None = None, cell: str | None = None
) -> tuple[Model, Checkpoint | None]:
    """The model of a file for the engine alone, and the checkpoint if it is one.

    Raises:
        CheckpointError, NetworkError: see :func:`read_source`, or the host has to run a part.
    """
    found = read_source(path, prefix, cell)
    if found.plan is not None and not found.plan.plain:
        raise NetworkError(
            f"{path}: needs the host for {found.plan.host_nodes()}; supported here: layers alone"
        )
    return found.model, found.checkpoint
