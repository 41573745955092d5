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
from csb_rnn.experiments.bench import (
    area_tables,
    figures,
    frame_tables,
    frames,
    layers,
    models,
    on_rtl,
    page,
    plan,
    programs,
    results,
    run,
    shared_tables,
    targets,
)
from csb_rnn.experiments.bench.frames import Job
from csb_rnn.experiments.reports import measured
from csb_rnn.flow import schema
from csb_rnn.machine import config
from csb_rnn.network.checkpoint_files import read_checkpoint

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
    stored = read_checkpoint(m.file).tensors
    weights = sum(np.count_nonzero(w) for name, w in stored.items() if name.startswith("weight"))
    assert models.kept([models.tensors(m, 0, 32, (4, 4))]) == weights
    (row,) = layers.layer_rows(m, 0, 32, (4, 4), ("horizontal",))
    assert (row["pattern"], row["kept_weights"]) == ("trained", weights)


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
            assert programs.build(small, [layer], 64).kept_weights == models.kept([layer])
        else:
            with pytest.raises(programs.UnsupportedError):
                programs.build(small, [layer], 64)


# --- rows ---------------------------------------------------------------------------------------


def test_layer_rows() -> None:
    rows = layers.layer_rows(TINY, 1, 32, (4, 4))
    schema.check(rows, schema.EFFICIENCY)
    by = {r["sharing"]: r for r in rows}
    assert {"none", "horizontal"} <= by.keys()
    for r in rows:
        assert r["kept_weights"] <= r["pes"] * r["bound_cycles"] <= r["pes"] * r["cycles"]
        assert r["mac_efficiency"] <= r["busy_pe_utilisation"] <= 1
    assert by["horizontal"]["cycles"] <= by["none"]["cycles"]
    for r in layers.layer_rows(TINY, 1, 32, (4, 4), compiler="reference"):
        assert r["compiler"] == "reference"
        assert by[r["sharing"]]["cycles"] <= r["cycles"] <= by["none"]["cycles"]
    (loose,) = layers.layer_rows(TINY, 1, 32, (1, 1), ("none",), rate=12.0)
    assert (loose["pattern"], loose["rate"]) == ("unaligned", 12.0)


def test_paper_rows() -> None:
    rows = layers.paper_rows(TINY, 0, 32, (4, 4), ("none", "both"), 1, 1.0)
    schema.check(rows, schema.EFFICIENCY)
    assert rows[1]["cycles"] <= rows[0]["cycles"]


def test_too_large_takes_the_configuration_with_larger_memories() -> None:
    huge = models.Benchmark("MT2", "lstm", (models.Shape(600, 1500),), {32: 60.0})
    (row,) = layers.layer_rows(huge, 0, 32, (4, 4), ("horizontal",))
    assert row["config"] == "paper256_sim"


def test_latency_row_predicted() -> None:
    job = Job(TINY, "paper256", streams=2, frames=44)
    row = frames.latency_row(job)
    assert row["source"] == "timing"
    schema.check([row], schema.LATENCY)
    assert row["bound_cycles"] <= row["cycles_per_frame"]
    assert sum(cycles for _, cycles in row["idle"]) == row["latency_idle"]
    assert sum(row["losses"].values()) == pytest.approx(1, abs=1e-4)


def test_formats_of_a_task_are_those_of_make_sim() -> None:
    """z2_gru: the same frames as README's table, where formats are the task's; others drawn."""
    (m,) = (m for m in models.trained() if m.file.stem == "z2_gru")
    rows = [frames.latency_row(Job(m, "paper256", calibrated=by)) for by in ("task", frames.NORMAL)]
    assert [r["calibrated"] for r in rows] == ["task", "normal inputs"]
    kept = {(r["model"], r["config"]): r for r in measured.read("sim").rows}
    assert rows[0]["cycles_per_frame"] == kept["z2_gru", "paper256"]["cycles_per_frame"]


@pytest.mark.sims("verilator")
def test_latency_row_on_the_rtl(sim) -> None:
    """The same figures as predicted; the measurement itself compares every bit and cycle."""
    job = Job(models.EDGE, "edge8", frames=30)
    want = frames.latency_row(job)
    got = frames.latency_row(dataclasses.replace(job, rtl=("edge8",)))
    assert got["source"] == "rtl"
    drop = ("source", "compile_seconds", "simulated_cycles_per_second")
    assert [got[k] for k in got if k not in drop] == [want[k] for k in want if k not in drop]


def test_build_over_its_time() -> None:
    assert on_rtl.rtl_build("odd", 0.01) is False


# --- results ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> results.Results:
    """A small benchmark: two layers, one block, predicted."""
    out = results.Results(notes=["a note"])
    for n in range(2):
        for compiler in COMPILERS:
            out.layers += layers.layer_rows(TINY, n, 32, (4, 4), compiler=compiler)
        out.paper += layers.paper_rows(TINY, n, 32, (4, 4), ("none", "both"), 2, 1.0)
    for name in plan.CONFIGS:
        out.frames.append(frames.latency_row(Job(TINY, name, frames=30)))
    out.frames.append(frames.latency_row(Job(models.EDGE, "edge8", frames=24)))
    return out


def test_tables(found) -> None:
    for t in page.engine_tables(found):
        assert all(len(row) == len(t.heads) for row in t.rows), t.title
        assert all(isinstance(cell, str) for row in t.rows for cell in row), t.title
    assert len(frame_tables.small_table(found).rows) == 2
    reached = {what: ok for what, _, _, ok in targets.checks(found)}
    assert not frame_tables.cell_table(found).rows  # of none of the compared models
    assert reached["kept weights, MT1"] is False  # this model is smaller
    assert any(what.startswith("frame efficiency, paper512, MT1") for what in reached)


def test_page_and_figures(found, tmp_path) -> None:
    """Kept and read again, the rows are the same, and the page shows them with their commit."""
    began = measured.Measured("1234abc", {}, [])
    for part in results.PARTS:
        found.keep(part, began, tmp_path)
    assert results.read(tmp_path) == found
    row = {"config": "small", "sharing": "none", "max_block": 32, "target": "ecp5", "pes": 64,
           "lut": 6400, "ff": 1, "dsp": 1, "bram_kbit": 18, "fmax_mhz": 101.25,
           "parts": {name: {"LUT": 64} for name in area_tables.PARTS},
           "path": ["0.25 ns logic a[1]"]}  # fmt: skip
    for name in area_tables.NAMES:
        measured.write(name, [row], began, folder=tmp_path)
    assert "| small_cols |" not in page.engine(tmp_path)  # not measured, so not there
    for name in area_tables.VARIANT_NAMES:
        measured.write(name, [row | {"config": "small_cols"}], began, folder=tmp_path)
    text = page.engine(tmp_path)
    assert "| small_cols | none | 32 | ecp5 | 64 |" in text
    line = "| small | none | 32 | ecp5 | 64 | 6400 | 1 | 1 | 18 | 100.0 | 101.2 | `1234abc` |"
    assert text.count(line) == len(area_tables.NAMES)
    assert "| logic | 0.25 | a[1] |" in text
    assert "* a note" in text
    assert "measured on commit `1234abc` by `scripts/bench.py --only frames`" in text
    files = figures.draw(found, tmp_path)
    assert {f.suffix for f in files} == {".png", ".svg"}
    assert all(f.stat().st_size > 1000 for f in files)


def test_files_of_a_benchmark(found, tmp_path) -> None:
    script("bench").write(found, tmp_path)
    assert {f.name for f in tmp_path.iterdir()} == {"efficiency.json", "latency.json"}
    rows = json.loads((tmp_path / "latency.json").read_text())
    assert rows[0].keys() == schema.LATENCY[0].keys()


def test_a_run_keeps_the_parts_that_are_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(plan, "layer_jobs", lambda quick: [(TINY, 1, 32, (4, 4), ("none",))])
    monkeypatch.setattr(plan, "frame_jobs", lambda quick: [Job(TINY, "paper256", frames=30)])
    kept: list[str] = []
    out = run.run(True, [], lambda *_: None, 1, ("frames", "layers"), lambda _, p: kept.append(p))
    assert kept == ["layers", "frames"]
    assert (len(out.layers), out.paper) == (1, [])
    places = [(r["config"], r["streams"]) for r in out.frames]  # its recurrence bounds it
    assert places == [("paper256", 1), ("paper256", 4), ("wide256", 1), ("wide256", 4)]


def test_shared_column_tables() -> None:
    """Every table of the page, by hand from two machines' cycles."""
    base = {"model": "m", "config": "paper256_cols", "pes": 256, "kept_weights": 256_000,
            "cycles": 1250}  # fmt: skip
    rows = [base | {"table": "layers", "block": 32, "sharing": s} for s in shared_tables.MODES]
    rows += [base | {"table": name} for name in ("frames", "patterns", "spartus")]
    rows.append(base | {"table": "patterns", "model": "n", "cycles": 2500})
    rows.append(base | {"table": "patterns", "model": "n", "config": "paper256", "cycles": 5000})
    memory, layer, frame, pattern, spartus = shared_tables.tables(rows)
    assert [row[0] for row in memory.rows] == [f"`{name}`" for name in shared_tables.MACHINES]
    assert list(layer.rows) == [
        ("m", "32", "1000", "0.800", "0.800", "0.800"),
        ("**mean, block 32**", "32", "", "0.800", "0.800", "0.800"),
    ]
    assert list(frame.rows) == [("m", "`paper256_cols`", "256,000", "1250.0", "0.800")]
    assert list(pattern.rows) == [
        ("m", "256,000", "-", "1250", "1.00"),
        ("n", "256,000", "5000", "2500", "2.00"),
    ]
    assert list(spartus.rows) == [("m", "`paper256_cols`", "256", "256,000", "1250", "6.25")]


def test_bad_arguments(capsys, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    for name, args, words in (
        ("bench", ["--jobs", "0"], "at least one"),
        ("bench", ["--out", str(tmp_path / "file")], "is a file"),
        ("bench", ["--only", "layers,weights"], "unknown part 'weights'"),
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
