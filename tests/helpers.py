# SPDX-License-Identifier: Apache-2.0
"""Functions shared by tests of several rooms."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csb_rnn import commands, flow
from csb_rnn.cli import main
from csb_rnn.machine.config import Config
from csb_rnn.machine.folders import ROOT
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.checkpoint_files import write_checkpoint
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.program.program import Program


@dataclasses.dataclass(frozen=True)
class Image:
    """An image folder, and the record that it was written from."""

    manifest: dict[str, Any]
    program: Program
    network: QNetwork
    data: bytes


def build_image(source: Path, c: str | Config, folder: Path | None = None, **options: Any) -> Image:
    """The image of a file of one direction, written to a folder (a temporary one if None)."""
    build = flow.build(source, c, **options)
    part = build.part
    with tempfile.TemporaryDirectory() as scratch:
        manifest = flow.save(build, folder or Path(scratch) / "image")
    return Image(manifest, part.compiled(), part.quantised, part.data)


GATES = {"lstm": 4, "gru": 3}


def make_checkpoint(path, cell="lstm", inputs=7, hidden=9, layers=1, seed=0, density=0.4, csb=None):
    """A random checkpoint file with torch's names."""
    rng = np.random.default_rng(seed)
    state = {}
    for n in range(layers):
        rows = GATES[cell] * hidden
        for name, width in (("ih", hidden if n else inputs), ("hh", hidden)):
            w = rng.normal(size=(rows, width)) * 0.4
            state[f"rnn.weight_{name}_l{n}"] = w * (rng.random(w.shape) < density)
            state[f"rnn.bias_{name}_l{n}"] = rng.normal(size=rows) * 0.2
    write_checkpoint(path, from_state_dict(state, csb=csb))
    return path


SCRIPTS = ROOT / "scripts"


def command(name: str, *args: object) -> int:
    """Run a script's main in this process, as from a shell; returns its exit code."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    argv, sys.argv = sys.argv, [f"{name}.py", *map(str, args)]
    try:
        commands.run(module.main)
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = argv


def refused(capsys, folder: Path, name: str, *args: object) -> str:
    """The one line of a command that must fail on its input and leave ``folder`` as it was."""
    before = sorted(folder.rglob("*"))
    assert command(name, *args) == 2
    text = capsys.readouterr()
    assert sorted(folder.rglob("*")) == before
    assert text.out == ""
    assert text.err.startswith("error: ")
    assert text.err.count("\n") == 1
    return text.err


def call(*args: object) -> int:
    """The exit code of ``csb-rnn``, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["csb-rnn", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            main.main()
    return int(end.value.code or 0)
