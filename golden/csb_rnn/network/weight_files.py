# SPDX-License-Identifier: Apache-2.0
"""Weights and their metadata as files: ``npz``, ``safetensors``, files of torch.

``safetensors`` holds metadata in its header, ``npz`` as an array ``csb``. A file of torch gets a
second file with the ending ``.csb.json``, so ``load_state_dict(torch.load(path))`` finds no
unknown key. Example: ``lstm.pt`` and ``lstm.pt.csb.json``.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["TORCH", "beside", "write", "write_torch"]

TORCH = (".pt", ".pth")
"""Endings of files of torch that are written."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # np.savez stamps the time of day; equal content gives equal bytes


def beside(path: Path) -> Path:
    """The metadata file of a file of torch."""
    return path.with_name(path.name + ".csb.json")


def _whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name first, so it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _npz(path: Path, arrays: Mapping[str, np.ndarray], text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for key, value in {**arrays, "csb": np.array(text)}.items():
            info = zipfile.ZipInfo(f"{key}.npy", _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as out:
                np.lib.format.write_array(out, np.asanyarray(value), allow_pickle=False)


def write_torch(path: Path, content: Any, csb: Mapping[str, Any]) -> None:
    """The content for ``torch.save``, and metadata in a file beside it."""
    import torch

    text = json.dumps(dict(csb)) + "\n"
    _whole(path, lambda p: torch.save(content, p))
    _whole(beside(path), lambda p: p.write_text(text))


def write(path: Path, state: Mapping[str, Any], csb: Mapping[str, Any]) -> None:
    """Tensors of torch, or arrays, and metadata in the format of the file's ending.

    Args:
        path: numpy has no bfloat16: npz holds float32 in its place.
        state: names -> tensors or arrays.
        csb: metadata.
    """
    text = json.dumps(dict(csb))
    if path.suffix == ".npz":
        arrays = {}
        for key, value in state.items():
            if not isinstance(value, np.ndarray):
                value = value.detach().cpu()
                value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
            arrays[key] = value
        _whole(path, lambda p: _npz(p, arrays, text))
        return
    import torch

    # safetensors refuses tensors in shared memory.
    tensors = {
        key: torch.from_numpy(np.array(value))
        if isinstance(value, np.ndarray)
        else value.detach().cpu().contiguous().clone()
        for key, value in state.items()
    }
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        _whole(path, lambda p: save_file(tensors, p, metadata={"csb": text}))
    else:
        write_torch(path, tensors, csb)
