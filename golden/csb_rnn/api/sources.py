# SPDX-License-Identifier: Apache-2.0
"""Sources of a model: a file, a module of torch, a state dict."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from csb_rnn.api import arguments
from csb_rnn.errors import UsageError
from csb_rnn.network import read as files
from csb_rnn.network import stacking
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.network import Model
from csb_rnn.network.read import Source
from csb_rnn.network.stacking import torch_cell
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.system import extras

if TYPE_CHECKING:
    import torch

    AnySource: TypeAlias = str | os.PathLike[str] | torch.nn.Module | Mapping[str, Any]


def _digest(tensors: Mapping[str, Any]) -> str:
    """SHA-256 over names, shapes and bytes of tensors."""
    total = hashlib.sha256()
    for name, value in tensors.items():
        array = np.ascontiguousarray(value)
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _in_memory(name: str, checkpoint: Checkpoint) -> Source:
    model, digest = stacking.from_checkpoint(checkpoint), _digest(checkpoint.tensors)
    return Source(Path(name), model, checkpoint, (checkpoint,), sha256=digest)


def _as_tensor(module: torch.nn.Module, value: Any) -> torch.Tensor:
    """An example's tensor on the module's device, floats in its precision.

    Raises:
        UsageError: no tensor, and no numbers that one is made of.
    """
    import torch

    floats = (p for p in module.parameters() if p.is_floating_point())
    first = next(floats, torch.empty(0))
    if isinstance(value, torch.Tensor):
        return value
    made = torch.from_numpy(np.array(arguments.numbers("example", value)))
    return made.to(first.device, first.dtype if made.is_floating_point() else made.dtype)


def _tensors(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state dict; lists in it as arrays.

    Raises:
        UsageError: a list of no numbers.
    """
    listed = {k: v for k, v in state.items() if isinstance(v, (list, tuple))}
    return {**state, **{k: arguments.numbers(str(k), v) for k, v in listed.items()}}


def _of_module(module: Any, example: Any = None) -> Source:
    """
    Raises:
        UsageError: no module of torch, or one without an example and not recurrent itself.
        NetworkError: its export fails, or cannot be represented.
    """
    import torch

    name = type(module).__name__
    if example is not None and isinstance(module, torch.nn.Module):
        extras.need("onnx", "onnx_ir", "onnxruntime")
        from csb_rnn.network.module import read_module

        inputs = example if isinstance(example, tuple) else (example,)
        given = tuple(_as_tensor(module, value) for value in inputs)
        tensors = {k: v.detach().cpu().numpy() for k, v in module.state_dict().items()}
        return dataclasses.replace(read_module(module, given), sha256=_digest(tensors))
    if not isinstance(module, (torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN)):
        raise UsageError(
            f"{name}: expected a torch.nn.LSTM, GRU or RNN; give the recurrent module inside it, "
            "or the whole with an example of its input (example=x)"
        )
    cell = {"cell": torch_cell(module)}
    return _in_memory(name, from_state_dict(module.state_dict(), None, cell))


def read_source(
    source: AnySource,
    *,
    prefix: str | None = None,
    cell: str | None = None,
    example: Any = None,
) -> Source:
    """The model of a source, with where it is from.

    Args:
        source: path of a state dict (``.pt``, ``.safetensors``, ``.npz``), an ONNX file or a
            description; a ``torch.nn.LSTM``, ``GRU`` or ``RNN``; a state dict.
        prefix: name prefix of the recurrent module in a state dict.
        cell: name of the cell, where a state dict cannot say it: ``rnn_relu``.
        example: input of a module that is not a recurrent layer itself, or a tuple of its inputs:
            tensors or arrays.

    Raises:
        CheckpointError, NetworkError, UsageError: the model cannot be represented.
    """
    prefix, cell = arguments.text("prefix", prefix), arguments.text("cell", cell)
    if isinstance(source, Mapping):
        csb = None if cell is None else {"cell": cell}
        return _in_memory("state dict", from_state_dict(_tensors(source), prefix, csb))
    if not isinstance(source, (str, os.PathLike)):
        if prefix is not None or cell is not None:
            raise UsageError("prefix and cell are of state dicts: a module says them itself")
        return _of_module(source, example)
    path = arguments.path("source", source)
    if path.is_file():
        extras.need_for(path)
    return files.read_source(path, prefix, cell)


@extras.named
def read(
    source: AnySource, *, prefix: str | None = None, cell: str | None = None, example: Any = None
) -> Model:
    """The model of a source, in float: the engine's part.

    Args, Raises: as :func:`read_source`.
    """
    return read_source(source, prefix=prefix, cell=cell, example=example).model
