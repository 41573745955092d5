# SPDX-License-Identifier: Apache-2.0
"""The path as functions: storing, listing, manifest, comparison, and a run on the RTL."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from csb_rnn import compiler, flow, verify
from csb_rnn.execution import timing
from csb_rnn.execution.listing import listing
from csb_rnn.flow import schema
from csb_rnn.machine import config, config_ranges, image, isa
from csb_rnn.machine.folders import ROOT
from csb_rnn.models import quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.network.network import Model, Span
from csb_rnn.network.read import read_source
from csb_rnn.program import archive, assemble
from csb_rnn.program.program import CompileError
from csb_rnn.simulation import capacity, simulate
from csb_rnn.simulation.run_result import RunResult
from csb_rnn.verify.random_layers import LayerCase
from tests.helpers import build_image, make_checkpoint


def same(a, b) -> bool:
    """Deep equality of the parts of programs and networks."""
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole+lstmp", "gru_before+linear"])
@pytest.mark.parametrize("name", ["tiny", "paper512"])
def test_store_round_trip(tmp_path, cell, name):
    c = config.load(name)
    q = quantise.quantise(LayerCase(3, cell, 11, 21, layers=2).network(), c)
    p = compiler.compile_network(q, c, streams=2)
    (tmp_path / "q.npz").write_bytes(archive.network_bytes(q))
    (tmp_path / "p.npz").write_bytes(archive.program_bytes(p))
    assert same(q, archive.load_network(tmp_path / "q.npz"))
    again = archive.load_program(tmp_path / "p.npz")
    for words, fields in (("drain", isa.DRAIN), ("elem", isa.ELEM)):
        mine, its = getattr(p, words), getattr(again, words)
        assert [isa.encode(fields, w) for w in mine] == [isa.encode(fields, w) for w in its]
    blank = {"drain": [], "elem": []}
    assert same(dataclasses.replace(p, **blank), dataclasses.replace(again, **blank))
    assert assemble.assemble(p) == assemble.assemble(again)
    assert np.array_equal(timing.predict(p, 9).last_out, timing.predict(again, 9).last_out)
    first = (tmp_path / "p.npz").read_bytes()
    (tmp_path / "p.npz").write_bytes(archive.program_bytes(again))
    assert (tmp_path / "p.npz").read_bytes() == first


def test_store_refuses(tmp_path):
    with pytest.raises(archive.StoreError, match="no such file"):
        archive.load_program(tmp_path / "none.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK nonsense")
    with pytest.raises(archive.StoreError, match="damaged"):
        archive.load_program(tmp_path / "bad.npz")
    q = quantise.quantise(LayerCase(3).network(), config.load("tiny"))
    (tmp_path / "q.npz").write_bytes(archive.network_bytes(q))
    with pytest.raises(archive.StoreError, match="holds a network"):
        archive.load_program(tmp_path / "q.npz")


def test_listing_names_everything():
    c = config.load("tiny")
    q = quantise.quantise(LayerCase(3, "lstm", 5, 11, layers=2).network(), c)
    p = compiler.compile_network(q, c)
    text = listing(p)
    events = ("wait [x loaded]", "event [h_l0 written]", "event [stage 1 drained]")
    for part in (*events, "frame done", "c_l1: 11 units", "element: "):
        assert part in text, part
    weights = sum(int(np.count_nonzero(w)) for la in q.layers for w in la.weights.values())
    assert text.count("*n") + text.count("*right.n") == weights
    lines = text.splitlines()
    words = sum(len(g) for g in p.groups) + len(p.drain) + len(p.elem)
    assert sum(line[:5].strip().isdigit() for line in lines) == words
    assert listing(p)  # without names


def check_header(header: Path, made, tmp_path: Path) -> None:
    """A C program prints the header's values."""
    (tmp_path / "say.c").write_text(SAY)
    command = ["gcc", "-std=c99", "-Wall", "-Werror", "-I", ROOT / "drivers/c", "-I", header.parent]
    subprocess.run([*command, tmp_path / "say.c", "-o", tmp_path / "say"], check=True)
    said = subprocess.run([tmp_path / "say"], capture_output=True, text=True, check=True).stdout
    p = made.program
    sizes, states, words = said.splitlines()
    assert sizes == f"{p.inputs} {p.outputs} {p.streams} {p.x_frac} {p.out_frac}"
    assert states.split() == [
        f"{s.key}:{len(s.slot)}:{s.frac}:{s.lane[-1] << 16 | s.base + s.slot[-1] * s.stride}"
        for s in p.states
    ]
    assert [int(w) for w in words.split()] == image.words32(made.data)


SAY = """
#include <stdio.h>
#include "network.h"
int main(void) {
  const csb_network *n = &csb_network_this;
  unsigned i;
  printf("%u %u %u %d %d\\n", n->inputs, n->outputs, n->streams, n->x_frac, n->out_frac);
  for (i = 0; i < n->states; i++) {
    const csb_state *s = &n->state[i];
    printf("%s:%u:%d:%u ", s->key, s->length, s->frac, s->place[s->length - 1]);
  }
  printf("\\n");
  for (i = 0; i < n->image_words; i++) printf("%u ", n->image[i]);
  return 0;
}
"""


def test_image_folder(tmp_path):
    source = make_checkpoint(
        tmp_path / "m.npz", "gru", layers=2, csb={"block": 4, "cell": "gru", "task": "none"}
    )
    made = build_image(source, "tiny", tmp_path / "deep/image", streams=3)
    folder = tmp_path / "deep/image"
    manifest = json.loads((folder / "manifest.json").read_text())
    schema.check(manifest, schema.MANIFEST)
    assert manifest == made.manifest
    assert manifest["block"] == 4
    assert manifest["source"]["csb"]["task"] == "none"
    assert manifest["streams"] == 3
    assert {s["key"] for s in manifest["state"]["states"]} == {"h_l0", "h_l1"}
    assert (folder / "image.bin").read_bytes() == made.data
    words = [int(w, 16) for w in (folder / "image.memh").read_text().split()]
    assert words == np.frombuffer(made.data, "<u4").tolist()
    check_header(folder / "network.h", made, tmp_path)
    loaded = flow.load(folder).part
    assert loaded.data == made.data
    assert same(loaded.quantised, made.network)
    assert [f.name for f in folder.parent.iterdir()] == ["image"]  # no temporary folder is left
    # The same input gives the same bytes, and an image can be replaced.
    before = {f.name: f.read_bytes() for f in folder.iterdir()}
    build_image(source, "tiny", folder, streams=3)
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before


def test_pattern_needs_a_block(tmp_path):
    source = make_checkpoint(tmp_path / "m.npz")
    unknown = build_image(source, "tiny").manifest
    assert unknown["pattern"]["nio"] is None
    assert unknown["block"] is None
    assert unknown["dealt_block"] in flow.BLOCKS
    image = build_image(source, "tiny", block=8)
    assert image.manifest["pattern"]["nio"] > 0
    assert image.manifest["pattern"]["index_bits"] > 0
    auto = build_image(source, "tiny")
    assert (
        auto.manifest["predicted"]["cycles_per_frame"]
        <= image.manifest["predicted"]["cycles_per_frame"]
    )


def test_auto_deals_the_size_with_fewest_cycles():
    """Its slots bound z6 on paper256, not its words: another size than the pattern's is faster."""
    source, cycles = ROOT / "checkpoints/z6_lstm.npz", {}
    for size in flow.BLOCKS:
        named = build_image(source, "paper256", block=size)
        assert (named.manifest["block"], named.manifest["dealt_block"]) == (size, size)
        cycles[size] = named.manifest["predicted"]["cycles_per_frame"]
    auto = build_image(source, "paper256").manifest
    assert auto["block"] == 32
    assert auto["predicted"]["cycles_per_frame"] == min(cycles.values()) < cycles[32]
    assert cycles[auto["dealt_block"]] == min(cycles.values())
    # Products bound z1 on paper256: its words are full, and nothing else is tried.
    full = build_image(ROOT / "checkpoints/z1_lstm.npz", "paper256").manifest
    assert full["block"] == full["dealt_block"] == 32


def test_bounds_count_slots(tmp_path):
    """256 units on 16 lanes are 16 slots; 4 drains and 4 bus cycles each, or 2 and 2."""
    network = read_source(ROOT / "checkpoints/z6_lstm.npz").model.single
    for name, slots in (("paper256", 64), ("fast256", 32)):
        c = config.load(name)
        assert flow.slot_cycles(network.layers[0], c) == slots
        assert flow.recurrence_cycles(network, c) == slots + 24
        assert flow.bound_cycles(network, c) == slots + 24
        assert flow.bound_cycles(network, c, 4) == max(slots, network.kept_weights / c.pes)
    # Reset before the product: two stages, the second with one drain, and two products in turn.
    gru = LayerCase(seed=1, cell="gru_before", inputs=3, hidden=40).network()
    c = config.load("tiny")
    slots = -(-40 // c.lanes)
    drains = [len(s.drains) for s in gru.layers[0].cell.stages]
    assert flow.slot_cycles(gru.layers[0], c) >= slots * sum(drains)
    assert flow.recurrence_cycles(gru, c) >= slots * sum(drains) + 48
    # No recurrent product, no loop.
    line = LayerCase(seed=1, cell="linear", inputs=3, hidden=40).network()
    assert flow.recurrence_cycles(line, c) == 0
    assert flow.bound_cycles(line, c) >= slots


def test_sharing_modes(tmp_path):
    source = make_checkpoint(tmp_path / "m.npz", hidden=24)
    none = build_image(source, "tiny", sharing="none")
    shared = build_image(source, "tiny", sharing="horizontal")
    assert not any(g.pe["s"].any() for g in none.program.groups)
    assert any(g.pe["s"].any() for g in shared.program.groups)
    assert build_image(source, "tiny").data == shared.data
    plain = config.load("tiny", share_h=0)
    assert build_image(source, plain).manifest["sharing"] == "none"
    with pytest.raises(config_ranges.ConfigError, match="has none built in"):
        build_image(source, plain, sharing="horizontal")


def test_both_compilers(tmp_path):
    """Another program, the same numbers; the manifest says whose it is."""
    source = make_checkpoint(tmp_path / "m.npz", hidden=24)
    default, reference = (build_image(source, "tiny", compiler=by) for by in flow.COMPILERS)
    assert default.data != reference.data
    assert reference.manifest["compiler"] == "reference"
    assert default.program.kept_weights == reference.program.kept_weights
    with pytest.raises(CompileError, match="unknown compiler 'best'"):
        build_image(source, "tiny", compiler="best")


def test_calibration_sets_formats(tmp_path):
    source = make_checkpoint(tmp_path / "m.npz")
    x = np.full((5, 7), 0.4, np.float32)
    image = build_image(source, "tiny", calibrate=x)
    assert image.network.x_frac == 15
    found = image.manifest["saturation"]
    assert 0.4 * 1.25 <= found["x_limit"] <= 1.0
    assert (found["x_saturated"], found["vectors"]) == (0, [])
    assert len(image.manifest["formats"]["x_gain"]) == 7


@pytest.mark.parametrize("frames", [2, 5, 100, 219, 220, 300])
def test_interval_is_that_of_the_timing_model(frames):
    last_out = np.cumsum(np.random.default_rng(frames).integers(50, 90, frames))
    mean = flow.frame_cycles(last_out, 3)[flow.steady_frames([frames])].mean()
    assert mean == pytest.approx(timing.interval(last_out))


@pytest.mark.parametrize("name", config.names(sim_only=True))
def test_any_image_fits_the_simulation_on_verilator(name):
    """All memories of the machine together, in words of the load port."""
    c = config.load(name)
    words = sum(
        image.stream_words(bits) * n * count for bits, n, count in image.memories(c).values()
    )
    assert capacity.image_words(c, "verilator") > words
    assert capacity.image_words(c, "icarus") == capacity.SIM_IMAGE_WORDS["icarus"]


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_builds_give_all_depths_of_the_simulation_top(simulator):
    """Its own values of its parameters run nothing, so none can be forgotten; their powers of two
    are in capacity.py alone."""
    own = r"parameter int (\w+) = (\S+?),?  //"
    values = dict(re.findall(own, simulate.SIM_TOP.read_text()))
    given = capacity.depths(config.load("tiny"), simulator)
    assert {k for k, v in values.items() if v == "2" and k.endswith("Depth")} == set(given)
    assert (
        given.items()
        <= simulate.build_arguments(config.load("tiny"), simulator)["parameters"].items()
    )
    for file in ("simulate.py", "simulator.py", "serve_program.py"):
        text = simulate.SIM_TOP.with_name(file).read_text()
        assert not re.findall(r"(?i)depth.* << ", text), file


def test_an_image_replaces_another_whole(tmp_path):
    """Files of the earlier image alone go; the user's own files stay."""
    out, c = tmp_path / "image", config.load("tiny")
    q = LayerCase(3).network()

    def save(name, **initial):
        model = Model((Span({False: q}, 0),), initial)
        flow.save(flow.finish(flow.Build(c, source=flow.Source(name, ""), model=model)), out)

    save("a", h_l0=np.zeros(q.layers[0].hidden))
    (out / "mine.txt").write_text("mine")
    save("b")
    left = {f.name for f in out.iterdir()}
    assert "initial.npz" not in left
    assert left == {*flow.load(out).part.manifest["files"], "manifest.json", "mine.txt"}


# --- comparison ---------------------------------------------------------------------------------


def fake_run(p, want, state, predicted, lengths) -> RunResult:
    """A run that did everything right."""
    starts = np.cumsum([0, *lengths[:-1]]) * 1000
    out = [s + 5 + predicted[:n] for s, n in zip(starts, lengths, strict=True)]
    first = [s + 5 + np.arange(n) for s, n in zip(starts, lengths, strict=True)]
    return RunResult(
        outputs=want.copy(),
        in_cycles=np.concatenate(first),
        out_cycles=np.concatenate(out),
        state={k: v.copy() for k, v in state.items()},
        counters={"SATURATIONS": 2},
        busy=np.full(p.config.groups, 10),
        cycles=5000,
        seconds=0.5,
        error=0,
        stuck=False,
    )


def test_comparison_sees_every_difference():
    c = config.load("tiny")
    q = quantise.quantise(LayerCase(3).network(), c)
    p = compiler.compile_network(q, c)
    lengths = [4, 6]
    want, state = FixedModel(q, c).run(np.zeros((10, q.inputs)))
    state = {k: v[None] for k, v in state.items()}
    predicted = timing.predict(p, 6).last_out

    def judged(**change):
        got = dataclasses.replace(fake_run(p, want, state, predicted, lengths), **change)
        found = verify.judge(got, lengths, want, state, predicted)
        return verify.report(found, p, sim="verilator")

    good = judged()
    assert verify.is_equal(good)
    assert good["frame_cycles"] == good["frame_cycles_predicted"]
    assert good["frame_cycles"][0] == good["latency_idle"] == predicted[0]
    assert good["frame_cycles"][4] == predicted[0]  # the second sequence starts from idle
    assert good["saturations"] == 2
    right = fake_run(p, want, state, predicted, lengths)
    wrong = want.copy()
    wrong[3, 1] += 1
    assert judged(outputs=wrong)["mismatches"] == 1
    assert not verify.is_equal(judged(outputs=wrong))
    late = right.out_cycles.copy()
    late[-1] += 1
    assert judged(out_cycles=late)["cycle_mismatches"] == 1
    other = {k: v + (np.arange(v.size) == 2) for k, v in state.items()}
    assert judged(state=other)["state_mismatches"] == len(state)
    short = judged(out_cycles=right.out_cycles[:7], outputs=want[:7], stuck=True)
    assert short["mismatches"] == 3 * q.outputs
    assert short["cycle_mismatches"] == 3
    assert short["frame_cycles"][6:] == [good["frame_cycles"][6], None, None, None]
    assert short["cycles_per_frame"] is short["frame_efficiency"] is None
    assert not verify.is_equal(judged(error=7))
    assert judged(error=7)["error"] == "frame"


def test_schema_names_the_place():
    with pytest.raises(schema.SchemaError, match=r"^a\.b: missing"):
        schema.check({"a": {}}, {"a": {"b": int}})
    with pytest.raises(schema.SchemaError, match=r"^\[1\]\.x: expected int, got bool"):
        schema.check([{"x": 1}, {"x": True}], [{"x": int}])
    schema.check([{"x": None}], [{"x": schema.OptionalNumber}])


# --- on the RTL ---------------------------------------------------------------------------------


@pytest.mark.sims("verilator")
@pytest.mark.parametrize(("cell", "streams"), [("lstm", 1), ("gru", 3)])
def test_cut_in_two_gives_the_same_bits(sim, tmp_path, cell, streams):
    """With an initial state, on one and several streams; outputs and states have torch's shapes."""
    source = make_checkpoint(tmp_path / "m.npz", cell, 7, 9, layers=2)
    folder = tmp_path / "image"
    q = build_image(source, "tiny", folder, streams=streams).network
    rng = np.random.default_rng(1)
    lead = () if streams == 1 else (streams,)
    x = rng.normal(size=(*lead, 7, 7)).astype(np.float32)
    start = {k: rng.uniform(-0.9, 0.9, (*lead, 9)) for k in q.state_keys()}
    start.pop("h_l0")  # absent states are zero

    def run(x, state, name):
        report = verify.run(flow.load(folder), x, state, tmp_path / name, sim=sim).report
        assert verify.is_equal(report)
        schema.check(json.loads((tmp_path / name / "report.json").read_text()), schema.REPORT)
        assert report["frame_cycles"] == report["frame_cycles_predicted"]
        assert report["frames"] == len(report["frame_cycles"]) == x.size // 7
        return np.load(tmp_path / name / "outputs.npy"), dict(
            np.load(tmp_path / name / "state.npz")
        )

    y, end = run(x, start, "whole")
    assert y.shape == (*lead, 7, 9)
    assert y.dtype == np.float32
    assert set(end) == set(q.state_keys())
    assert all(v.shape == (*lead, 9) and v.dtype == np.float32 for v in end.values())
    first, middle = run(x[..., :3, :], start, "first")
    second, last = run(x[..., 3:, :], middle, "second")
    assert np.array_equal(np.concatenate([first, second], axis=-2), y)
    assert all(np.array_equal(end[k], last[k]) for k in end)


@pytest.mark.sims("icarus")
def test_run_on_the_other_simulator(sim, tmp_path):
    folder = tmp_path / "image"
    build_image(make_checkpoint(tmp_path / "m.npz"), "tiny", folder)
    x = np.random.default_rng(1).normal(size=(2, 7))
    assert verify.is_equal(verify.run(flow.load(folder), x, None, tmp_path / "out", sim=sim).report)


@pytest.mark.sims("verilator")
def test_initial_state_of_another_model_is_not_taken(sim, tmp_path):
    """A folder that is built anew keeps files that its manifest does not name."""
    folder = tmp_path / "image"
    build_image(make_checkpoint(tmp_path / "m.npz"), "tiny", folder)
    x = np.random.default_rng(1).normal(size=(3, 7))
    verify.run(flow.load(folder), x, None, tmp_path / "before", sim=sim)
    state = dict(np.load(tmp_path / "before/state.npz"))
    np.savez(folder / "initial.npz", **{k: v + 0.25 for k, v in state.items()})
    verify.run(flow.load(folder), x, None, tmp_path / "after", sim=sim)
    before, after = (np.load(tmp_path / n / "outputs.npy") for n in ("before", "after"))
    assert np.array_equal(before, after)


@pytest.mark.sims("verilator")
def test_stalls_change_no_bit(sim, tmp_path):
    folder = tmp_path / "image"
    build_image(make_checkpoint(tmp_path / "m.npz"), "tiny", folder)
    x = np.random.default_rng(1).normal(size=(5, 7))
    report = verify.run(flow.load(folder), x, None, tmp_path / "out", sim=sim, stall="both").report
    assert verify.is_equal(report)
    assert report["cycle_mismatches"] is None
