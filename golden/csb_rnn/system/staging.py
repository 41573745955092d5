# SPDX-License-Identifier: Apache-2.0
"""Folders are written whole or not at all; and their locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from csb_rnn.errors import UsageError


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
    """Refuse an impossible or unwritable folder for results, before the work is done.

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
    out = Path(os.path.abspath(out))  # the parent of "." is another folder
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
