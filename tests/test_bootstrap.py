# SPDX-License-Identifier: Apache-2.0
"""scripts/bootstrap.sh on unfit machines: one line names the missing part."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Programs used by the script itself, beside those it looks for.
TOOLS = ["bash", "cat", "dirname", "env", "flock", "grep", "mkdir", "sha256sum", "uname"]
NEEDED = ["g++", "make", "perl", "ccache", "iverilog"]


def bootstrap(folder: Path, stubs: dict[str, str], **environment: str) -> list[str]:
    """Lines that set-up prints in a copy of the project; only ``stubs`` and TOOLS are on the path.

    ``stubs``: shell text of each command.
    """
    (folder / "scripts").mkdir()
    for name in ("scripts/bootstrap.sh", "requirements.txt", "requirements-torch.txt"):
        shutil.copy(ROOT / name, folder / name)
    path = folder / "bin"
    path.mkdir()
    for name in TOOLS:
        (path / name).symlink_to(shutil.which(name) or "/missing")
    for name, text in stubs.items():
        (path / name).unlink(missing_ok=True)
        (path / name).write_text(f"#!/bin/bash\n{text}\n")
        (path / name).chmod(0o755)
    done = subprocess.run(
        [str(path / "bash"), "scripts/bootstrap.sh"],
        cwd=folder,
        env={"PATH": str(path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert not done.stdout
    assert not (folder / ".venv").exists()
    return done.stderr.splitlines()


def python(version: str) -> str:
    """Stub of a Python that prints its version, and succeeds if the packages are locked for it."""
    return f"echo {version}; exit {int(version not in ('3.11', '3.12', '3.13'))}"


def test_another_system(tmp_path: Path) -> None:
    lines = bootstrap(tmp_path, {"uname": "case $1 in -s) echo Darwin;; *) echo arm64;; esac"})
    assert lines == [
        "[setup] needed: Linux on x86_64 or aarch64, as in a container of Debian 12; "
        "this is Darwin arm64"
    ]


def test_linux_without_apt(tmp_path: Path) -> None:
    stubs = dict.fromkeys(["g++", "make", "perl"], "exit 0")
    lines = bootstrap(tmp_path, {**stubs, "python3": python("3.10")})
    assert lines == [
        "[setup] needed (this script installs it on Debian and Ubuntu only): ccache, iverilog, "
        "python 3.11, 3.12 or 3.13, headers of zlib and lz4"
    ]


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_another_python(tmp_path: Path, version: str) -> None:
    stubs = {**dict.fromkeys(NEEDED, "exit 0"), "mypython": python(version)}
    lines = bootstrap(tmp_path, stubs, PYTHON="mypython")
    assert lines == [f"[setup] needed: Python 3.11, 3.12 or 3.13; found: mypython {version}"]


def requirements(name: str) -> dict[str, int]:
    """Packages of a lock, with the number of their hashes."""
    text = re.sub(r"\\\n", " ", (ROOT / name).read_text())
    lines = [line for line in text.splitlines() if re.match(r"\w", line)]
    return {line.split("==")[0]: line.count("--hash=sha256:") for line in lines}


def test_locks_are_whole() -> None:
    """Every package that is asked for is locked, every locked one has hashes, none brings CUDA."""
    locked = requirements("requirements.txt")
    assert all(locked.values())
    assert not [name for name in locked if re.match(r"nvidia|cuda|triton|torch", name)]
    asked = re.findall(r"^([\w.-]+)(?:[=>]=)", (ROOT / "requirements.in").read_text(), re.M)
    assert {name.lower() for name in asked} <= set(locked)
    exact = re.findall(r"^([\w.-]+==\S+)", (ROOT / "requirements.in").read_text(), re.M)
    text = (ROOT / "requirements.txt").read_text()
    assert not [pin for pin in exact if not re.search(rf"^{re.escape(pin)} ", text, re.M)]
    assert requirements("requirements-torch.txt") == {"torch": 6}
    for name in ("requirements.in", "requirements.txt", "requirements-torch.txt"):
        assert "://" not in (ROOT / name).read_text()
