# SPDX-License-Identifier: Apache-2.0
"""Files of numbers and of JSON."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.errors import UsageError
from csb_rnn.flow import schema
from csb_rnn.system import untrusted


def npz(arrays: Mapping[str, Any]) -> bytes:
    """Arrays as the bytes of an ``.npz`` file; equal arrays give equal bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:  # np.savez stamps the time
        for key, value in arrays.items():
            info = zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0))
            with archive.open(info, "w", force_zip64=True) as out:
                np.lib.format.write_array(out, np.asanyarray(value), allow_pickle=False)
    return stream.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_json(path: Path, value: Any, kind: Any) -> None:
    """Write ``value`` if it fits the schema ``kind``."""
    schema.check(value, kind)
    path.write_text(json.dumps(value, indent=1) + "\n")


def read_array(path: Path) -> np.ndarray:
    """Numbers of a ``.npy`` file.

    Raises:
        UsageError: no such file, or not one array of numbers.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        a = untrusted.read_npy(path)
    except untrusted.FileError as error:
        raise UsageError(f"{path}: not a readable .npy file: {error}") from None
    if a.dtype.kind not in "fiub":
        raise UsageError(f"{path}: expected one array of numbers")
    return a


def read_state(path: Path, data: bytes | None = None) -> dict[str, np.ndarray]:
    """Arrays of a ``.npz`` file by name.

    Args:
        path: the file.
        data: its bytes, if they were read before.

    Raises:
        UsageError: no such file, or not an archive of numbers.
    """
    if data is None and not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        state = untrusted.read_npz(path if data is None else data)
    except untrusted.FileError as error:
        raise UsageError(f"{path}: not a readable .npz file: {error}") from None
    for key, a in state.items():
        if a.dtype.kind not in "fiub":
            raise UsageError(f"{path}: state '{key}' is of type {a.dtype}, expected numbers")
    return state


def read_inputs(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """One array of a ``.npy`` file, or arrays by name of a ``.npz`` file.

    Raises:
        UsageError: no such file, or not numbers.
    """
    return read_state(path) if path.suffix == ".npz" else read_array(path)
