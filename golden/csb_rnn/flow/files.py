# SPDX-License-Identifier: Apache-2.0
"""Files of numbers and of JSON; folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.errors import UsageError
from csb_rnn.flow import schema
from csb_rnn.system import untrusted


@contextlib.contextmanager
def locked(folder: Path, shared: bool = False) -> Iterator[None]:
    """Holds the lock of a folder: who writes results into it waits for others who do, and for
    those that read (``shared``). Nothing is written; where there are no locks, nobody waits."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_out(out: Path) -> None:
    """Refuse a folder for results that cannot be made or written, before the work is done.

    Raises:
        UsageError: ``out`` is a file.
        OSError: nobody may write there, or a part of its path is no folder.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file, not a folder")
    if len(out.name.encode(errors="surrogateescape")) > 255:
        raise UsageError(f"{out.name}: a name of more than 255 bytes")
    parents = out.absolute().parents
    places = [out, parents[0]] if out.is_dir() else [next(p for p in parents if p.exists())]
    for place in places:
        if not place.is_dir():
            raise UsageError(f"{place}: is a file, not a folder")
        try:
            Path(tempfile.mkdtemp(prefix=".csb_", dir=place)).rmdir()
        except OSError as error:
            raise UsageError(f"{out}: cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def staged(
    out: Path, last: str, outdated: Callable[[Path], set[str]] = lambda _: set()
) -> Iterator[Path]:
    """A temporary folder beside ``out`` whose files move there when the block ends well.

    If ``out`` exists, files and folders of the same names are replaced and others stay; the file
    ``last``, which describes the others, goes last. Of two processes with one ``out`` the second
    moves its files when the first has moved all of its own.

    Args:
        out: the folder.
        last: name of a file.
        outdated: from the folder as it is before, names of files in it that go if they are not
            replaced.

    Raises:
        UsageError: ``out`` is a file.
        OSError: it cannot be written.
    """
    check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".csb_", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        with locked(out.parent):
            if not out.exists():
                folder.rename(out)
                return
            with locked(out):
                made = {file.name for file in folder.iterdir()}
                old = outdated(out) - made
                for file in sorted(folder.iterdir(), key=lambda f: f.name == last):
                    if (out / file.name).is_dir() and not (out / file.name).is_symlink():
                        shutil.rmtree(out / file.name)
                    file.replace(out / file.name)
                for name in old:
                    (out / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
