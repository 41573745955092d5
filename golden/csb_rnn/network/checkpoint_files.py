# SPDX-License-Identifier: Apache-2.0
"""Checkpoint files: ``.pt`` (torch.save of a state dict), ``.safetensors``, ``.npz``.

They hold tensors under torch's key names (:mod:`csb_rnn.network.state_dict`) and metadata
(:mod:`csb_rnn.network.checkpoint_metadata`). Sizes declared in a file are checked before memory
is taken for them. Errors are :class:`~csb_rnn.network.checkpoint.CheckpointError`: one line
with the file, the key and the expected value.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.network import pickled_arrays, state_dict, weight_files
from csb_rnn.network.checkpoint import Checkpoint, CheckpointError
from csb_rnn.network.checkpoint_metadata import CSB_VERSION, check_csb, parse_json
from csb_rnn.network.state_dict import check_sizes, extras_of, from_state_dict
from csb_rnn.system import untrusted

SUFFIXES = (".pt", ".pth", ".safetensors", ".npz")
TORCH_READ = (".pt", ".pth", ".ckpt", ".bin", ".pkl")  # ends of names
READ = (*TORCH_READ, ".safetensors", ".npz")


def _torch_load(path: Path) -> Any:
    """The content of a file of ``torch.save``, if it is tensors and plain values.

    Raises:
        CheckpointError: it holds other objects, or it is damaged.
    """
    import pickle

    import torch

    if zipfile.is_zipfile(path):
        untrusted.check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # its message tells how to run the objects' code: never
        with contextlib.suppress(pickled_arrays.PickleError):
            return pickled_arrays.read(path.read_bytes())
        raise CheckpointError(
            f"not a readable {path.suffix} file: damaged, or it holds Python objects beside "
            "tensors, numbers, texts, lists and dicts: save the state dict alone"
        ) from None


def _state_of(loaded: Any) -> tuple[dict[str, Any], Any]:
    """State dict and metadata of the result of ``torch.load``."""
    if not isinstance(loaded, dict):
        raise CheckpointError(f"expected a state dict, got {type(loaded).__name__}")
    csb = loaded.get("csb")
    loaded = state_dict.inner(loaded)
    for key in loaded:
        if not isinstance(key, str):
            raise CheckpointError(f"{untrusted.show(key)}: expected names as keys")
    state = {key: value for key, value in loaded.items() if key != "csb"}
    return state, parse_json(csb) if isinstance(csb, str) else csb


def read_content(path: str | os.PathLike) -> dict[str, Any]:
    """All of one file: the argument of ``torch.save``, or arrays and tensors by name.

    Raises:
        CheckpointError: a missing, damaged or too large file.
    """
    path = Path(path)
    if path.suffix not in TORCH_READ:
        return read_state(path)[0]
    read_state(path)  # with all its checks
    return _torch_load(path)


def _read_file(path: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """State dict and metadata of one file, whose declared sizes are checked first."""
    if path.suffix == ".npz":
        state: dict[str, Any] = dict(untrusted.read_npz(path))
        text = state.pop("csb", None)
        return state, None if text is None else parse_json(text)
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        untrusted.check_safetensors(path)
        with safe_open(path, framework="pt") as data:
            state = {key: data.get_tensor(key) for key in data.keys()}  # noqa: SIM118
            text = (data.metadata() or {}).get("csb")
        return state, None if text is None else parse_json(text)
    untrusted.check_size(path.stat().st_size)
    state, csb = _state_of(_torch_load(path))
    beside = weight_files.beside(path)
    if csb is None and beside.is_file():
        csb = parse_json(untrusted.read_text(beside))
    return state, csb


def read_state(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """State dict and metadata of one file.

    Raises:
        CheckpointError: a missing, damaged or too large file.
    """
    path = Path(path)
    if path.suffix not in READ:
        raise CheckpointError(f"{path}: expected a file ending in {', '.join(READ)}")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    if path.suffix != ".npz":  # before the limit: they map hundreds of MB of their own
        import torch  # noqa: F401
    try:
        with untrusted.bounded_memory():
            return _read_file(path)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except Exception as error:  # whatever a damaged file makes the three libraries raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, MemoryError):
            reason = f"takes more than {untrusted.ROOM:,} bytes"
        reason = untrusted.clean(reason, 200)
        raise CheckpointError(f"{path}: not a readable {path.suffix} file: {reason}") from None


def read_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Every array of a file, by its name; floats as float32.

    Raises:
        CheckpointError: a missing or damaged file.
    """
    state = read_state(path)[0]
    try:
        check_sizes(state, set())
        return extras_of(state, set())
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def read_checkpoint(path: str | os.PathLike, prefix: str | None = None) -> Checkpoint:
    """Read a checkpoint file; see the module's docstring for the kinds of files.

    Raises:
        CheckpointError: a missing or damaged file, or wrong content.
    """
    state, csb = read_state(path)
    try:
        return from_state_dict(state, prefix, csb)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _eight_bits(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 codes ``[rows, cols]`` and float32 scale ``[rows, 1]``; stable under repetition."""
    scale = (np.abs(table).max(axis=1, keepdims=True) / np.float32(127)).astype(np.float32)
    codes = np.rint(table / np.where(scale == 0, np.float32(1), scale))
    return np.clip(codes, -127, 127).astype(np.int8), scale


def check_target(path: str | os.PathLike) -> None:
    """Refuse a file that :func:`write_checkpoint` could not write, before hours of work.

    Raises:
        CheckpointError: another ending, a folder, or a place where nobody may write.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f"{path}: expected a file ending in .pt, .pth, .safetensors or .npz")
    place = next(p for p in path.absolute().parents if p.exists())
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror}") from None


def write_checkpoint(
    path: str | os.PathLike, checkpoint: Checkpoint, tables_8bit: bool = False
) -> None:
    """Write a checkpoint in the format its file name ends in, all of it or nothing.

    Args:
        path: ``.npz``, ``.safetensors`` or ``.pt``; parent folders are made.
        checkpoint: the content; recurrent tensors go out under plain keys, with their prefix.
        tables_8bit: store float matrices among the extras as int8 with a scale per row.
    """
    path = Path(path)
    check_target(path)
    csb = check_csb(
        {"version": CSB_VERSION, "cell": checkpoint.cell} | checkpoint.csb, checkpoint.tensors
    )
    state = {checkpoint.prefix + name: value for name, value in checkpoint.tensors.items()}
    for key, value in checkpoint.extras.items():
        value = np.asarray(value)
        if tables_8bit and value.ndim == 2 and value.dtype.kind == "f":
            state[key], state[key + ".scale"] = _eight_bits(value)
        else:
            state[key] = value
    weight_files.write(path, state, csb)
