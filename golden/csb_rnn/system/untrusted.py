# SPDX-License-Identifier: Apache-2.0
"""Files of others: their full size is known before they are read.

A file of 3 MB can hold an archive entry that unpacks to 6 GB, and a checkpoint of 1 KB can describe
a tensor of 10^12 numbers. Each reader here first adds up the sizes declared in the file, and
refuses more than :data:`LIMIT` bytes; whatever a library allocates beyond them ends at
:func:`bounded_memory`. Every refusal is a :class:`FileError` of one line.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from csb_rnn.errors import CsbError

LIMIT = 1 << 29  # bytes of all arrays of one file
TEXT_LIMIT = 1 << 24  # bytes of a JSON or TOML file, of a header
ENTRIES = 100_000  # arrays of one file
ROOM = 3 * LIMIT  # most bytes allocated by reading a file: its arrays, their float32 form
SHOWN = 80  # characters of a name repeated in a message
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class FileError(CsbError, ValueError):
    """A damaged or too large file; one line for the user."""


# --- messages -----------------------------------------------------------------------------------


def clean(text: str, limit: int = 1000) -> str:
    """Text of one line, safe for a terminal: no control characters, no line breaks, at
    most ``limit`` characters. ``"a\\x1b[31m"`` becomes ``"a\\\\x1b[31m"``."""
    cut = " ".join(text[: 4 * limit].split())
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in cut
    )
    return shown if len(shown) <= limit else shown[: limit - 4] + " ..."


def show(value: Any) -> str:
    """A value for a message: its ``repr``, short and without control characters."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, (list, tuple, dict, set)):
        return f"a {type(value).__name__} of {len(value)}"
    return clean(repr(value[:SHOWN] if isinstance(value, str) else value), SHOWN)


# --- memory -------------------------------------------------------------------------------------


@contextlib.contextmanager
def bounded_memory(room: int = ROOM) -> Iterator[None]:
    """Inside the block the process may grow by ``room`` bytes; more is a :class:`MemoryError` or
    the library's own error. Where the system knows no such limit the block just runs."""
    try:
        import resource

        old, hard = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        wanted = pages * resource.getpagesize() + room
        if old != resource.RLIM_INFINITY:
            wanted = min(wanted, old)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    except (ImportError, OSError, ValueError, IndexError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (old, hard))


def check_size(size: int, limit: int = LIMIT) -> None:
    """Refuse more than ``limit`` bytes.

    Raises:
        FileError: it is more.
    """
    if size > limit:
        digits = f"{size:,}" if size < 1 << 100 else show(size)
        raise FileError(f"holds {digits} bytes, at most {limit:,} are read")


def check_regular(path: Path) -> None:
    """Refuse a device or a pipe, which may never end.

    Raises:
        FileError: it is one, a folder, or nothing.
    """
    if not path.is_file():
        raise FileError("is no regular file" if path.exists() else "no such file")


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """The bytes of a regular file.

    Raises:
        FileError: larger than ``limit``, or no regular file.
        OSError: it cannot be read.
    """
    check_regular(path)
    check_size(path.stat().st_size, limit)
    with path.open("rb") as f:
        data = f.read(limit + 1)
    check_size(len(data), limit)
    return data


def read_text(path: Path) -> str:
    """The text of a small UTF-8 file.

    Raises:
        FileError: larger than :data:`TEXT_LIMIT`, or not UTF-8.
    """
    try:
        return read_bytes(path, TEXT_LIMIT).decode()
    except UnicodeDecodeError:
        raise FileError("is not UTF-8 text") from None


# --- JSON ---------------------------------------------------------------------------------------


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _number(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def parse_json(text: str) -> Any:
    """A JSON value without NaN, infinity, and numbers of more than 20 digits.

    Raises:
        FileError: it is none.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_int=_number)
        json.dumps(value, allow_nan=False)  # 1e999 is infinity
    except RecursionError:
        raise FileError("not JSON: nested too deep") from None
    except ValueError as error:
        raise FileError(f"not JSON: {clean(str(error), 200)}") from None
    return value


def plain_json(value: Any) -> Any:
    """A value as JSON would give it back: dicts, lists, texts, numbers.

    Raises:
        FileError: it holds something else, NaN, a cycle, or a number of more than 20 digits.
    """
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError, OverflowError, AttributeError):
        raise FileError("expected JSON values: texts, numbers, lists, objects") from None
    return parse_json(text)


# --- numpy files --------------------------------------------------------------------------------


def _npy(f: IO[bytes], size: int) -> np.ndarray:
    """The array of a ``.npy`` stream of ``size`` bytes, whose header is checked first."""
    version = np.lib.format.read_magic(f)
    headers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in headers:
        raise FileError(f"format version {version[0]}.{version[1]} is not supported")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # headers of old versions
        shape, fortran, dtype = headers[version](f)
    if dtype.hasobject or dtype.kind not in "fiubcSU" or dtype.subdtype is not None:
        raise FileError(f"expected numbers or text, got type {show(str(dtype))}")
    if any(type(n) is not int or n < 0 for n in shape) or len(shape) > 8:
        raise FileError(f"shape {show(shape)} is none")
    declared = math.prod(shape) * dtype.itemsize
    if dtype.itemsize == 0 or declared > size:
        raise FileError(f"declares {show(declared)} bytes, the file has {size}")
    check_size(declared)
    data = bytearray(declared)
    view, at = memoryview(data), 0
    while at < declared:
        got = f.readinto(view[at : at + (1 << 24)])  # type: ignore[attr-defined]
        if not got:
            raise FileError("is cut off")
        at += got
    return np.ndarray(shape, dtype, buffer=data, order="F" if fortran else "C")


def read_npy(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file.

    Raises:
        FileError: damaged, too large, or Python objects in it.
    """
    try:
        check_regular(path)
        with path.open("rb") as f:
            return _npy(f, path.stat().st_size)
    except FileError:
        raise
    except Exception as error:  # whatever a damaged header makes numpy raise
        raise FileError(clean(str(error), 200)) from None


def _check_zip(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > ENTRIES:
        raise FileError(f"holds {len(infos)} entries, at most {ENTRIES} are read")
    check_size(sum(info.file_size for info in infos))
    if len({info.filename for info in infos}) != len(infos):
        raise FileError("holds two entries of one name")
    for info in infos:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileError(f"{show(info.filename)}: is neither stored nor deflated")
    return infos


def check_archive(path: Path) -> None:
    """Accept a zip archive (``.npz``, ``.pt``) of at most :data:`LIMIT` bytes, unpacked.

    Raises:
        FileError: larger, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_zip(archive)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(clean(str(error), 200)) from None


def read_npz(source: Path | bytes) -> dict[str, np.ndarray]:
    """The arrays of a ``.npz`` file, or of its bytes, by name.

    Raises:
        FileError: damaged, too large, Python objects in it, or two arrays of one name.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(
            io.BytesIO(source) if isinstance(source, bytes) else source
        ) as archive:
            for info in _check_zip(archive):
                name = info.filename.removesuffix(".npy")
                if name in arrays:
                    raise FileError(f"holds two arrays called {show(name)}")
                with archive.open(info) as f:
                    try:
                        arrays[name] = _npy(f, info.file_size)
                    except ValueError as error:
                        raise FileError(f"{show(name)}: {clean(str(error), 200)}") from None
    except FileError:
        raise
    except Exception as error:  # whatever a damaged archive makes zipfile and numpy raise
        reason = clean(str(error), 200) or type(error).__name__
        raise FileError(reason) from None
    return arrays


def check_safetensors(path: Path) -> None:
    """Accept a file whose header is of moderate length; the library checks the rest.

    Raises:
        FileError: file or header are too large.
    """
    size = path.stat().st_size
    check_size(size)
    with path.open("rb") as f:
        length = int.from_bytes(f.read(8), "little")
    if length > min(size, TEXT_LIMIT):
        raise FileError(f"declares a header of {length:,} bytes")
