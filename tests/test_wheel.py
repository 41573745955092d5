# SPDX-License-Identifier: Apache-2.0
"""The wheel in a fresh environment that has its core packages and nothing else: no torch, no
cocotb, no checkout. A checkpoint is read, built for the design in the wheel and predicted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import csb_rnn
from csb_rnn.machine.folders import HDL, ROOT
from csb_rnn.system import extras

CORE = ("numpy", "safetensors", "scipy")
CHECKPOINT = ROOT / "checkpoints/z5_lstm.npz"
CONFIG = "paper256"
PROGRAM = """
import importlib.metadata, importlib.util, json, sys
import csb_rnn
from csb_rnn.machine import folders
build = csb_rnn.build(sys.argv[1], config=sys.argv[2], unchecked=True)  # no torch to compare with
build.save(sys.argv[3])
print(json.dumps({
    "file": csb_rnn.__file__,
    "version": importlib.metadata.version("csb-rnn"),
    "hdl": str(folders.HDL),
    "build": str(folders.BUILD),
    "torch": importlib.util.find_spec("torch") is not None,
    "cycles": build.predict().cycles,
}))
"""


def run(*command: object, **environment: str) -> str:
    """The output of a command that must succeed."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CSB_BUILD")}
    done = subprocess.run(
        [str(c) for c in command],
        env=env | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    run(sys.executable, "-m", "pip", "wheel", *offline, "--no-build-isolation", "-w", folder, ROOT)
    (found,) = folder.glob("*.whl")
    return found


def compare(python: Path, site: Path, tmp_path: Path) -> None:
    """A build by the wheel of an environment is the checkout's, byte for byte.

    Args:
        python: of the environment.
        site: its folder of packages.
    """
    folder = tmp_path / "image"
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    text = run(python, "-I", "-c", PROGRAM, CHECKPOINT, CONFIG, folder, **cache)
    got = json.loads(text)
    assert Path(got["file"]).is_relative_to(site)
    assert got["version"] == csb_rnn.__version__
    assert Path(got["hdl"]) == site / "csb_rnn/_data/hdl"
    assert Path(got["build"]) == tmp_path / "cache/csb_rnn"
    assert not got["torch"]
    want = csb_rnn.build(CHECKPOINT, config=CONFIG, unchecked=True)
    assert got["cycles"] == want.predict().cycles
    want.save(tmp_path / "want")
    for file in sorted((tmp_path / "want").iterdir()):
        assert (folder / file.name).read_bytes() == file.read_bytes(), file.name


def test_wheel_carries_the_design(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        meta = next(n for n in names if n.endswith("/METADATA"))
        header = HeaderParser().parsestr(archive.read(meta).decode())
    files = {f"csb_rnn/_data/hdl/{p.relative_to(HDL)}" for p in HDL.rglob("*") if p.is_file()}
    assert files <= names
    assert {"csb_rnn/py.typed", "csb_rnn/simulation/csb_sim_top.sv"} <= names
    assert all(n.startswith(("csb_rnn/", "csb_rnn-")) for n in names)
    assert header["Version"] == csb_rnn.__version__
    core = [r for r in header.get_all("Requires-Dist") if "extra ==" not in r]
    assert sorted(re.split("[<>=]", r)[0] for r in core) == sorted(CORE)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    provided = set(header.get_all("Provides-Extra"))
    assert provided == set(declared["optional-dependencies"])
    assert set(extras.EXTRAS.values()) <= provided


def test_wheel_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    """Its predictions are the checkout's, with its own copy of the design."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env")
    python = tmp_path / "env/bin/python"
    command = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-I", "-c", command).strip())
    for name in CORE:  # pip could not fetch them without a network
        for part in Path(sysconfig.get_path("platlib")).glob(f"{name}*"):
            (site / part.name).symlink_to(part)
    pip = (sys.executable, "-m", "pip", "--python", python)
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index")
    run(*pip, "install", *quiet, wheel)  # with its dependencies: they have to be there
    compare(python, site, tmp_path)


def others() -> list[str]:
    """Commands of the interpreters that the package is for and that are there, but this one."""
    names = [f"python3.{minor}" for minor in range(11, 14) if minor != sys.version_info.minor]
    return [name for name in names if shutil.which(name)]


@pytest.mark.nightly
def test_wheel_on_every_interpreter(wheel: Path, tmp_path: Path) -> None:
    """Each has an environment of its own, with the core packages that pip finds for it."""
    print("interpreters beside this one:", ", ".join(others()) or "none")
    for name in others():
        folder = tmp_path / name
        run(name, "-m", "venv", folder / "env")
        python = folder / "env/bin/python"
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
        command = "import sysconfig; print(sysconfig.get_path('purelib'))"
        compare(python, Path(run(python, "-I", "-c", command).strip()), folder)
