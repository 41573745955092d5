# SPDX-License-Identifier: Apache-2.0
"""Results know the sources that they were measured on."""

import json
import shutil

import pytest

from csb_rnn.experiments.reports import measured
from csb_rnn.machine.folders import ROOT

ROWS = [{"model": "m", "config": "tiny", "sim": "verilator", "cycles_per_frame": 12.5}]


def test_a_changed_source_makes_a_result_stale(tmp_path):
    root, folder = tmp_path / "root", tmp_path / "data"
    for top in measured.SOURCES["sim"]:
        if (ROOT / top).is_dir():
            shutil.copytree(ROOT / top, root / top)
        else:
            (root / top).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / top, root / top)
    measured.write("sim", ROWS, folder)
    assert measured.read("sim", folder).rows == ROWS
    assert measured.stale(folder, root) == []
    with (root / "hdl/csb_top.sv").open("a") as file:
        file.write("// changed\n")
    (line,) = measured.stale(folder, root)
    assert "sim.json: its sources have changed" in line
    assert "scripts/sim.py --results measures again" in line


def test_a_missing_or_damaged_result_is_one_line(tmp_path):
    (line,) = measured.stale(tmp_path)
    assert "no such result" in line
    (tmp_path / "sim.json").write_text(json.dumps({"rows": 5}))
    with pytest.raises(measured.MeasuredError, match="damaged"):
        measured.read("sim", tmp_path)


def test_differences_of_a_run(monkeypatch):
    kept = measured.Measured("", ROWS)
    monkeypatch.setattr(measured, "read", lambda name: kept)
    keys = ("cycles_per_frame",)
    assert measured.differences("sim", ROWS, keys) == []
    assert measured.differences("sim", [ROWS[0] | {"config": "other"}], keys) == []
    (line,) = measured.differences("sim", [ROWS[0] | {"cycles_per_frame": 13.0}], keys)
    assert line == ("m on tiny: cycles_per_frame 13, docs/results/data/sim.json has 12.5")
