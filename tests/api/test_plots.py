# SPDX-License-Identifier: Apache-2.0
"""Pictures and wave groups of a run: drawn values, and every signal's place in the design."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import csb_rnn
from csb_rnn.api import plots, wave_groups
from csb_rnn.errors import UsageError
from csb_rnn.machine import config, design, image
from tests.helpers import make_checkpoint

FRAMES = 9


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> csb_rnn.Build:
    folder = tmp_path_factory.mktemp("plots")
    source = make_checkpoint(folder / "m.npz", hidden=13)
    csb_rnn.build(source, config="tiny", unchecked=True).save(folder / "image")
    return csb_rnn.load(folder / "image")


def test_values_are_those_of_the_models(build, seed: int) -> None:
    """The last state is the fixed model's; a row's difference is machine - source."""
    x = np.random.default_rng(seed).normal(size=(FRAMES, 7)).astype(np.float32)
    fixed, floats = build.run_fixed(x), build.run_float(x)
    found = plots.tracks(build.record, x, fixed.outputs, None)
    assert len(found) == 2 * plots.ROWS  # of the outputs, of c; h is the output
    apart = np.abs(fixed.outputs - floats.outputs).max(axis=0)
    shown = {}
    for track in found:
        name, unit = re.fullmatch(r"(\w+)\[(\d+)\]", track.name).groups()
        n = int(unit)
        shown.setdefault(name, []).append(n)
        assert track.machine.shape == track.source.shape == (FRAMES,)
        if name == "output":
            assert (track.machine == fixed.outputs[:, n]).all()
            assert np.allclose(track.source, floats.outputs[:, n], atol=1e-6)
        else:
            assert track.machine[-1] == np.ravel(fixed.state[name])[n]
            assert abs(track.source[-1] - np.ravel(floats.state[name])[n]) < 1e-6
    assert sorted(shown) == ["c_l0", "output"]
    assert apart[shown["output"]].max() == apart.max()


def test_pictures(build, tmp_path: Path) -> None:
    x = np.ones((FRAMES, 7), np.float32)
    plots.check(build.record, x)
    files = plots.plot(build.record, x, build.run_fixed(x).outputs, None, tmp_path)
    assert [f.name for f in files] == ["values.png", "timeline.png", "losses.png"]
    for file in files:
        assert file.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="one sequence"):
        plots.check(build.record, x[None])


@pytest.mark.parametrize("name", ["tiny", "paper256_cols"])
def test_every_signal_of_the_groups_is_in_the_design(name: str) -> None:
    c = config.load(name)
    _driver, compilation = design._compile(design.TOP, image.all_parameters(c))
    root = compilation.getRoot()
    for signals in wave_groups.groups(c).values():
        for s in signals:
            symbol = root.lookupName(f"{design.TOP}.{s.name}")
            assert symbol is not None, s.name
            assert symbol.type.bitWidth == s.width, s.name


def test_both_files_name_the_same_signals(tmp_path: Path) -> None:
    c = config.load("tiny")
    (tmp_path / "run0").mkdir()
    (tmp_path / "run0/waves.fst").touch()
    assert wave_groups.write_groups(c, tmp_path) == [tmp_path / "run0/waves.fst"]
    saved = (tmp_path / "run0/waves.gtkw").read_text()
    commands = (tmp_path / "run0/waves.sucl").read_text()
    signals = re.findall(r"^variable_add (.*)$", commands, re.MULTILINE)
    listed = re.findall(rf"^({wave_groups.TOP}\..*?)(?:\[\d+:0\])?$", saved, re.MULTILINE)
    assert listed == signals
    names = re.findall(r"^divider_add (.*)$", commands, re.MULTILINE)
    assert names == re.findall(r"^@800200\n-(.*)$", saved, re.MULTILINE)
    assert "PEGroup 1,1" in names
