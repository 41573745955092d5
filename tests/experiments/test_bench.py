# SPDX-License-Identifier: Apache-2.0
"""The benchmark: its models, its rows, its tables and its page."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from csb_rnn import commands
from csb_rnn.cells import CELLS
from csb_rnn.compiler import COMPILERS
from csb_rnn.experiments.bench import figures, measure, models, page, plan, tables
from csb_rnn.experiments.silicon import area, floorplan
from csb_rnn.flow import schema
from csb_rnn.machine import config

ROOT = Path(__file__).resolve().parents[2]
TINY = models.Benchmark("MT1", "lstm", (models.Shape(20, 32), models.Shape(32, 32)),
                    {32: 4.0, 64: 3.0, 128: 2.0})  # fmt: skip


def script(name: str):
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / f"scripts/{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return module


# --- models -------------------------------------------------------------------------------------


def test_shapes_and_rates_give_the_published_weights() -> None:
    """Weights by hand from the shapes, over the rate of Table 2: what the issue names."""
    gates = {"lstm": 4, "lstmp": 4, "gru": 3, "ligru": 2}
    for m in models.MODELS.values():
        for below, layer in zip(m.layers, m.layers[1:], strict=False):
            assert layer.inputs == below.outputs
        if m.table2 is None:
            continue
        weights = sum(
            gates[m.cell] * s.hidden * (s.inputs + s.outputs) + s.projection * s.hidden
            for s in m.layers
        )
        assert weights / m.table2 == pytest.approx(m.kept, rel=1e-4)
    cycles = {m: us * models.CLOCK_MHZ for who, m, us, _ in models.PUBLISHED if "paper" in who}
    assert {m: round(c) for m, c in cycles.items()} == models.PAPER_CYCLES


def test_generated_weights() -> None:
    """The rate is met, the same call gives the same numbers, and alignment fills tiles."""
    w = models.matrix(256, 128, 32, 8.0, (4, 4), 7)
    assert np.array_equal(w, models.matrix(256, 128, 32, 8.0, (4, 4), 7))
    assert w.size / np.count_nonzero(w) == pytest.approx(8, rel=0.01)
    for block in (w[:32, :32], w[96:128, 64:96]):
        assert (block != 0).any(axis=1).sum() % 4 == 0
        assert (block != 0).any(axis=0).sum() % 4 == 0
    mt1 = models.MODELS["MT1"]
    layers = [models.tensors(mt1, n, 32, (4, 4)) for n in range(2)]
    assert models.kept(layers) == pytest.approx(mt1.kept, rel=models.KEPT_TOLERANCE)
    assert models.network("lstm", layers, 32).kept_weights == models.kept(layers)


def test_trained_models() -> None:
    """The shipped checkpoints with the shape of a benchmark model, as they are."""
    found = {m.name: m for m in models.trained()}
    assert {"SR4 (z2_gru)", "SC2 (z6_lstm)"} <= found.keys()
    m = found["SR4 (z2_gru)"]
    assert models.kept([models.tensors(m, 0, 32, (4, 4))]) == 5164
    (row,) = measure.layer_rows(m, 0, 32, (4, 4), ("horizontal",))
    assert (row["pattern"], row["kept_weights"]) == ("trained", 5164)


def test_an_lstm_of_as_many_weights() -> None:
    """As many layers and units, and within 1 % as many weights: the table sets it beside."""
    for m in models.comparisons():
        shape = models.MODELS[m.name.split(" (")[0]]
        assert [s.hidden for s in m.layers] == [s.hidden for s in shape.layers]
        if m.cell == "lstm":
            assert m.layers[-1].inputs == m.layers[0].hidden
    small = dataclasses.replace(
        models.MODELS["SR1"], layers=(models.Shape(40, 128, 64), models.Shape(64, 128, 64))
    )
    twin = models.as_lstm(small)
    kept = [
        models.kept([models.tensors(m, n, 32, (4, 4)) for n in range(2)]) for m in (small, twin)
    ]
    assert abs(kept[1] / kept[0] - 1) < 0.01


def test_every_layer_is_a_network_if_its_cell_is_built() -> None:
    for m in models.MODELS.values():
        small = dataclasses.replace(
            m, layers=tuple(models.Shape(8, 8, 4 if s.projection else 0) for s in m.layers)
        )
        layer = models.tensors(small, 0, 64, (1, 1))
        if m.cell in CELLS:
            assert measure.build(small, [layer], 64).kept_weights == models.kept([layer])
        else:
            with pytest.raises(measure.UnsupportedError):
                measure.build(small, [layer], 64)


# --- rows ---------------------------------------------------------------------------------------


def plain(rows: list[dict]) -> list[dict]:
    return [{k: v for k, v in r.items() if k != "extra"} for r in rows]


def test_layer_rows() -> None:
    rows = measure.layer_rows(TINY, 1, 32, (4, 4))
    schema.check(plain(rows), schema.EFFICIENCY)
    assert rows[0].keys() - {"extra"} == schema.EFFICIENCY[0].keys()
    by = {r["sharing"]: r for r in rows}
    assert {"none", "horizontal"} <= by.keys()
    for r in rows:
        assert r["kept_weights"] <= r["pes"] * r["bound_cycles"] <= r["pes"] * r["cycles"]
        assert r["mac_efficiency"] <= r["extra"]["busy_pe_utilisation"] <= 1
    assert by["horizontal"]["cycles"] <= by["none"]["cycles"]
    for r in measure.layer_rows(TINY, 1, 32, (4, 4), compiler="reference"):
        assert r["compiler"] == "reference"
        assert by[r["sharing"]]["cycles"] <= r["cycles"] <= by["none"]["cycles"]
    (loose,) = measure.layer_rows(TINY, 1, 32, (1, 1), ("none",), rate=12.0)
    assert (loose["pattern"], loose["rate"]) == ("unaligned", 12.0)


def test_paper_rows() -> None:
    rows = measure.paper_rows(TINY, 0, 32, (4, 4), ("none", "both"), 1, 1.0)
    schema.check(plain(rows), schema.EFFICIENCY)
    assert rows[0].keys() - {"extra"} == schema.EFFICIENCY[0].keys()
    assert rows[1]["cycles"] <= rows[0]["cycles"]


def test_too_large_takes_the_configuration_with_larger_memories() -> None:
    huge = models.Benchmark("MT2", "lstm", (models.Shape(600, 1500),), {32: 60.0})
    (row,) = measure.layer_rows(huge, 0, 32, (4, 4), ("horizontal",))
    assert row["config"] == "paper256_sim"


def test_latency_row_predicted() -> None:
    job = measure.Job(TINY, "paper256", streams=2, frames=44)
    row = measure.latency_row(job)
    assert row["source"] == "timing"
    (bare,) = plain([row])
    schema.check([bare], schema.LATENCY)
    assert bare.keys() == schema.LATENCY[0].keys()
    assert row["bound_cycles"] <= row["cycles_per_frame"]
    extra = row["extra"]
    assert sum(s["cycles"] for s in extra["idle"]) == row["latency_idle"]
    assert extra["losses"]["frame_efficiency"] == pytest.approx(row["frame_efficiency"])


@pytest.mark.sims("verilator")
def test_latency_row_on_the_rtl(sim) -> None:
    """The same figures as predicted; the run itself compares every bit and cycle."""
    job = measure.Job(models.EDGE, "edge8", frames=30)
    want = measure.latency_row(job)
    got = measure.latency_row(dataclasses.replace(job, rtl=("edge8",)))
    assert got["source"] == "rtl"
    drop = ("source", "extra")
    assert [got[k] for k in got if k not in drop] == [want[k] for k in want if k not in drop]


def test_build_over_its_time() -> None:
    assert measure.rtl_build("odd", 0.01) is None


# --- results ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results() -> plan.Results:
    """A small run: two layers, one block, predicted."""
    out = plan.Results(notes=["a note"])
    for n in range(2):
        for compiler in COMPILERS:
            out.efficiency += measure.layer_rows(TINY, n, 32, (4, 4), compiler=compiler)
        out.efficiency += measure.paper_rows(TINY, n, 32, (4, 4), ("none", "both"), 2, 1.0)
    for name in plan.CONFIGS:
        out.latency.append(measure.latency_row(measure.Job(TINY, name, frames=30)))
    out.latency.append(measure.latency_row(measure.Job(models.EDGE, "edge8", frames=24)))
    return out


def test_tables(results) -> None:
    for t in tables.tables(results):
        assert all(len(row) == len(t.heads) for row in t.rows), t.title
        assert all(isinstance(cell, str) for row in t.rows for cell in row), t.title
    small = tables.small_table(results)
    assert len(small.rows) == 2
    reached = {what: ok for what, _, _, ok in tables.checks(results)}
    assert not tables.cell_table(results).rows  # of none of the models that are compared
    assert reached["kept weights, MT1"] is False  # this model is not that large
    assert any(what.startswith("frame efficiency, paper512, MT1") for what in reached)


def test_page_and_figures(results, tmp_path) -> None:
    row = {"config": "small", "sharing": "none", "max_block": 32, "target": "ecp5", "pes": 64,
           "lut": 6400, "ff": 1, "dsp": 1, "bram_kbit": 18, "fmax_mhz": 101.25}  # fmt: skip
    (tmp_path / "area.json").write_text(json.dumps([row]))
    text = page.render(results, tmp_path / "area.json")
    assert "| small | none | 32 | ecp5 | 64 | 6400 | 1 | 1 | 18 | 100.0 | 101.2 |" in text
    assert "* a note" in text
    assert "Not measured yet" in page.render(results, tmp_path / "none.json")
    files = figures.draw(results, tmp_path)
    assert {f.suffix for f in files} == {".png", ".svg"}
    assert all(f.stat().st_size > 1000 for f in files)


def test_files_of_a_run(results, tmp_path) -> None:
    bench = script("bench")
    bench.write(results, tmp_path / "new")
    again = bench.read(tmp_path / "new")
    assert again == results
    names = {f.name for f in (tmp_path / "new").iterdir()}
    assert names == {"efficiency.json", "latency.json", "details.json"}


def test_bad_arguments(capsys, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    for name, args, words in (
        ("bench", ["--jobs", "0"], "at least one"),
        ("bench", ["--out", str(tmp_path / "file")], "is a file"),
        ("bench", ["--show", "--out", str(tmp_path / "none")], "no results"),
        ("area", ["--config", "huge"], "unknown configuration 'huge'"),
    ):
        module = script(name)
        monkeypatch.setattr(sys, "argv", [name, *args])
        with pytest.raises(SystemExit) as end:
            commands.run(module.main)
        assert end.value.code == 2
        said = capsys.readouterr()
        assert said.err.startswith("error: ")
        assert words in said.err
        assert said.err.count("\n") == 1


def test_plan_covers_what_it_should() -> None:
    jobs = list(plan.layer_jobs(quick=False))
    layers = sum(len(m.layers) for m in models.MODELS.values())
    aligned = [j[6] for j in jobs if j[3] == plan.ALIGNED and j[0].file is None]
    assert {c: aligned.count(c) for c in COMPILERS} == dict.fromkeys(
        COMPILERS, layers * len(plan.BLOCKS)
    )
    whole = {j[0].name for j in plan.paper_jobs(quick=False) if j[5] is None}
    assert whole == set(plan.Z3_WHOLE)
    quick = {j[0].name for j in plan.layer_jobs(quick=True) if j[0].file is None}
    assert quick == set(plan.QUICK)
    for name in (*plan.simulated(quick=False), *plan.simulated(quick=True)):
        config.load(name)
    assert math.isclose(models.ideal_cycles(10, 4), 3)


# --- area ---------------------------------------------------------------------------------------


def test_area_rows_and_hash() -> None:
    rows = area.jobs(["small", "paper256"])
    assert [(r.config.name, r.target) for r in rows[:1]] == [("small", "ecp5")]
    modes = {(r.sharing, r.max_block) for r in rows[1:]}
    assert modes == {(s, b) for s in measure.SHARING for b in area.BLOCKS}
    first, second = rows[1], rows[2]
    assert first.max_block != second.max_block
    assert first.digest() == second.digest()  # the largest block is no circuit
    assert first.digest() != rows[3].digest()
    value = {"total": {"LUT": 10, "FF": 3, "DSP": 2, "BRAM": 4}, "fmax": None}
    schema.check([area.row(first, value)], schema.AREA)
    assert area.row(first, value)["bram_kbit"] == 72


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


def test_critical_path() -> None:
    step = {"delay": 1.5, "type": "routing", "net": "n1", "from": {"cell": "a"}}
    cell = {"delay": 0.25, "type": "logic", "from": {"cell": "a"}}
    paths = [
        {"from": "<async>", "to": "posedge clk", "path": [step] * 9},
        {"from": "posedge clk", "to": "posedge clk", "path": [cell, step]},
    ]
    found = area.critical_path({"critical_paths": paths})
    assert found == ["0.25 ns logic a", "1.50 ns routing n1"]
    assert area.critical_path({"critical_paths": paths[:1]}) == []


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


def test_floorplan_gives_every_block_a_place(tmp_path) -> None:
    cells = _netlist({"m": "DP16KD", "x": "MULT18X18D", "f": "LUT4"}, [["m", "f"], ["f", "x"]])
    (tmp_path / "in.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    floorplan.floorplan(tmp_path / "in.json", tmp_path / "out.json", "top", moves=200)
    out = json.loads((tmp_path / "out.json").read_text())["modules"]["top"]["cells"]
    assert "EBR" in out["m"]["attributes"]["BEL"]
    assert "MULT18" in out["x"]["attributes"]["BEL"]
    assert not out["f"]["attributes"]
    with pytest.raises(ValueError, match="209 DP16KD, an ECP5-85k has 208"):
        floorplan.Annealer(np.zeros((209, 209)), ["DP16KD"] * 209)
