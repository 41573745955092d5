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

from csb_rnn.errors import UsageError
from csb_rnn.flow.files import sha256
from csb_rnn.flow.record import Source
from csb_rnn.network import bidirectional
from csb_rnn.network.bidirectional import Model
from csb_rnn.network.checkpoint import Checkpoint, from_state_dict
from csb_rnn.network.read import read_model

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


def _of_checkpoint(name: str, checkpoint: Checkpoint) -> tuple[Model, Source]:
    source = Source(name, _digest(checkpoint.tensors), checkpoint, checkpoint.cell)
    return bidirectional.from_checkpoint(checkpoint), source


def _of_module(module: Any) -> tuple[Model, Source]:
    """
    Raises:
        UsageError: no recurrent module of torch.
    """
    import torch

    name = type(module).__name__
    if not isinstance(module, (torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN)):
        raise UsageError(
            f"{name}: expected a torch.nn.LSTM, GRU or RNN; give the recurrent module inside it, "
            "or export the whole to ONNX and give the file"
        )
    tensors = {k: v.detach().cpu().numpy() for k, v in module.state_dict().items()}
    model = bidirectional.from_torch(module)
    cell = next(model.networks())[2].layers[0].cell.name
    return model, Source(name, _digest(tensors), None, cell)


def read_source(
    source: AnySource, *, prefix: str | None = None, cell: str | None = None
) -> tuple[Model, Source]:
    """The model of a source and where it is from.

    Args:
        source: path of a state dict (``.pt``, ``.safetensors``, ``.npz``), an ONNX file or a
            description; a ``torch.nn.LSTM``, ``GRU`` or ``RNN``; a state dict.
        prefix: name prefix of the recurrent module in a state dict.
        cell: name of the cell, where a state dict cannot say it: ``rnn_relu``.

    Raises:
        CheckpointError, NetworkError, UsageError: the model cannot be represented.
    """
    if isinstance(source, Mapping):
        csb = None if cell is None else {"cell": cell}
        return _of_checkpoint("state dict", from_state_dict(dict(source), prefix, csb))
    if not isinstance(source, (str, os.PathLike)):
        if prefix is not None or cell is not None:
            raise UsageError("prefix and cell are of state dicts: a module says them itself")
        return _of_module(source)
    path = Path(source)
    model, checkpoint = read_model(path, prefix, cell)
    named = "" if checkpoint is None else checkpoint.cell
    return model, Source(path.name, sha256(path.read_bytes()), checkpoint, named)


def read(source: AnySource, *, prefix: str | None = None, cell: str | None = None) -> Model:
    """The model of a source, in float; arguments and errors as :func:`read_source`."""
    return read_source(source, prefix=prefix, cell=cell)[0]


def with_initial(model: Model, initial: Mapping[str, Any] | None) -> Model:
    """The model with initial states ``[H]`` by name, beside those that it has.

    Raises:
        NetworkError: an unknown name or a wrong shape.
    """
    states = {k: np.asarray(v, np.float64) for k, v in (initial or {}).items()}
    return dataclasses.replace(model, initial={**model.initial, **states})
