# SPDX-License-Identifier: Apache-2.0
"""Files of pruned models, to load back: the state dict as it was, with zeros, metadata beside it.

:func:`rewrite` changes nothing of a file but recurrent weights, most of them to zero: types of
numbers, other tensors and whatever dicts the state dict lies in (``{"epoch": 3, "model": ...}``)
stay.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.network import (
    checkpoint_files,
    checkpoint_metadata,
    state_dict,
    weight_files,
)
from csb_rnn.network.checkpoint import Checkpoint, CheckpointError

__all__ = ["rewrite", "save_state"]


def save_state(
    path: str | os.PathLike[str], state: Mapping[str, Any], csb: Mapping[str, Any]
) -> None:
    """A state dict of torch tensors and metadata, in the format of the file's ending.

    Args:
        path: ``.pt``, ``.pth``, ``.safetensors`` or ``.npz``.
        state: names and tensors, on any device.
        csb: metadata.

    Raises:
        CheckpointError: another ending, or the file cannot be written.
    """
    path = Path(path)
    checkpoint_files.check_target(path)
    tensors = {key: value for key, value in state.items() if state_dict.is_tensor(value)}
    weight_files.write(path, tensors, {"version": checkpoint_metadata.CSB_VERSION, **csb})


def _pruned(value: Any, new: np.ndarray) -> Any:
    """A tensor or array with the numbers of ``new``, float32, in its own type. A number that is
    the same but for the type stays as it is: of float64 none loses a bit."""
    if isinstance(value, np.ndarray):
        return np.where(value.astype(np.float32) == new, value, new.astype(value.dtype))
    import torch

    value = value.detach()
    now = torch.from_numpy(np.array(new)).to(value.device)
    return torch.where(value.float() == now, value, now.to(value.dtype))


def _originals(state: Mapping[str, Any], pruned: Checkpoint) -> dict[str, str]:
    """Key of a state dict -> name of its recurrent tensor."""
    forms = {}
    for name in pruned.tensors:
        for key in (name, f"{name}_orig", f"parametrizations.{name}.original"):
            forms[pruned.prefix + key] = name
    renamed = state_dict.as_layers(dict(state))
    return {key: forms[as_layer] for key, as_layer in zip(state, renamed, strict=True)
            if as_layer in forms}  # fmt: skip


def rewrite(
    source: str | os.PathLike[str], target: str | os.PathLike[str], pruned: Checkpoint
) -> None:
    """The file of a checkpoint again, with the weights and metadata of ``pruned``.

    Args:
        source: the original file of ``pruned``.
        target: file to write. If both are files of torch, everything around the state dict stays;
            otherwise the state dict alone is written.
        pruned: the checkpoint with pruned matrices.

    Raises:
        CheckpointError: a file cannot be read or written.
    """
    target = Path(target)
    checkpoint_files.check_target(target)
    loaded = checkpoint_files.read_content(source)
    flat = state_dict.inner(loaded)
    state = {k: v for k, v in flat.items() if k != "csb" and state_dict.is_tensor(v)}
    new = {
        key: _pruned(state[key], pruned.tensors[name])
        for key, name in _originals(state, pruned).items()
    }
    if len(new) != len(pruned.tensors):
        raise CheckpointError(f"{source}: has changed since it was read")
    csb = {"version": checkpoint_metadata.CSB_VERSION, "cell": pruned.cell} | pruned.csb
    if target.suffix in weight_files.TORCH and Path(source).suffix in checkpoint_files.TORCH_READ:
        swap = {id(state[key]): value for key, value in new.items()}
        weight_files.write_torch(target, _swapped(loaded, swap), csb)
    else:
        save_state(target, state | new, csb)


def _swapped(content: Any, swap: Mapping[int, Any]) -> Any:
    """Nested dicts with some tensors replaced, by identity, and without old metadata."""
    if id(content) in swap:
        return swap[id(content)]
    if not isinstance(content, dict):
        return content
    new = type(content)((k, _swapped(v, swap)) for k, v in content.items() if k != "csb")
    if hasattr(content, "_metadata"):  # of torch: versions of modules
        new._metadata = content._metadata  # type: ignore[attr-defined]
    return new
