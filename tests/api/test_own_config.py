# SPDX-License-Identifier: Apache-2.0
"""A configuration from a file outside of the repository: build, folder, commands, its limits."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import csb_rnn
from csb_rnn import commands
from csb_rnn.api.largest import largest
from csb_rnn.cli import main
from csb_rnn.machine import config
from tests.helpers import make_checkpoint

OWN = "[own]\nbase = 'tiny'\nK = 1\nweight_depth = 512\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    return file


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    """``csb-rnn``: exit code, standard output, standard error."""
    argv, sys.argv = sys.argv, ["csb-rnn", *map(str, arguments)]
    try:
        commands.run(main._whole)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = argv
    text = capsys.readouterr()
    return code, text.out, text.err


def test_a_folder_carries_it(own: Path, tmp_path: Path) -> None:
    """The folder is read without the file, and refused if a field of its configuration changes."""
    source, folder = make_checkpoint(tmp_path / "m.npz"), tmp_path / "image"
    build = csb_rnn.build(source, config=own, unchecked=True)
    build.save(folder)
    own.unlink()
    again = csb_rnn.load(folder)
    x = np.ones((3, 7), np.float32)
    assert again.record.config.name == "own"
    assert (again.run_fixed(x).outputs == build.run_fixed(x).outputs).all()
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    for field, value in (("K", 2), ("weight_depth", 513), ("stream_w", 48), ("elem_depth", 0)):
        changed = {**manifest, "config": {**manifest["config"], field: value}}
        file.write_text(json.dumps(changed))
        with pytest.raises(csb_rnn.errors.CsbError):
            csb_rnn.load(folder)


def test_commands_take_it(own: Path, tmp_path: Path, capsys) -> None:
    source = make_checkpoint(tmp_path / "m.npz")
    code, out, _ = run(capsys, "estimate", source, "--config", own)
    assert code == 0
    assert out.startswith("own: 8 multipliers of 16 x 16 bits, 2 lanes, ")
    assert "on own" in out
    code, out, _ = run(capsys, "check", "--config", own)
    assert code == 0
    assert "Kibit  weights" in out
    assert "4096 kept weights at most" in out
    assert "largest dense lstm: 22 inputs, 22 units" in out
    own.write_text(OWN.replace("512", "0"))
    for command in (
        ("build", source, "--out", tmp_path / "image"),
        ("estimate", source),
        ("rtl", "--out", tmp_path / "kit"),
        ("check",),
    ):
        code, out, error = run(capsys, *command, "--config", own)
        assert (code, out) == (2, "")
        assert error == f"error: {own}: [own] weight_depth must be 1 to 262144, not 0\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.npz", "own.toml"]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_largest_layer_fits_and_the_next_does_not(cell: str, tmp_path: Path) -> None:
    c = config.load("tiny", weight_depth=256)
    found = largest(cell, c)
    assert found.weights <= c.pes * c.weight_depth
    assert "the weight buffer" in found.limit
    n = {"lstm": 4, "gru": 3}[cell]
    assert found.weights == 2 * n * found.units**2
    for units, fits in ((found.units, True), (found.units + c.lanes, False)):
        path = make_checkpoint(
            tmp_path / f"{units}.npz", cell, inputs=units, hidden=units, density=1.0
        )
        if fits:
            csb_rnn.build(path, config=c, block=32, unchecked=True)
        else:
            with pytest.raises(csb_rnn.errors.CsbError, match="weight buffer"):
                csb_rnn.build(path, config=c, block=32, unchecked=True)


def test_a_layer_that_no_memory_holds() -> None:
    """Not one unit a lane fits: the limit is told."""
    found = largest("lstm", config.load("tiny", weight_depth=1))
    assert found.units == 0
    assert found.limit
