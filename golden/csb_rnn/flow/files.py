# SPDX-License-Identifier: Apache-2.0
"""Files of numbers and of JSON; folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import untrusted
from csb_rnn.errors import UsageError
from csb_rnn.flow import schema


@contextlib.contextmanager
def staged(out: Path, last: str) -> Iterator[Path]:
    """A temporary folder beside ``out`` whose files move there when the block ends well.

    If ``out`` exists, files and folders of the same names are replaced and others stay; the file
    ``last``, which describes the others, goes last.

    Raises:
        UsageError: ``out`` is a file.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file, not a folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if not out.exists():
            folder.rename(out)
        else:
            for file in sorted(folder.iterdir(), key=lambda f: f.name == last):
                if (out / file.name).is_dir():
                    shutil.rmtree(out / file.name)
                file.replace(out / file.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def read_state(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a ``.npz`` file by name.

    Raises:
        UsageError: no such file, or not an archive of numbers.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        state = untrusted.read_npz(path)
    except untrusted.FileError as error:
        raise UsageError(f"{path}: not a readable .npz file: {error}") from None
    for key, a in state.items():
        if a.dtype.kind not in "fiub":
            raise UsageError(f"{path}: state '{key}' is of type {a.dtype}, expected numbers")
    return state
