# SPDX-License-Identifier: Apache-2.0
"""The whole machine on random networks: every output and state bit, every frame's cycles.

The image goes in through the load port, frames through the AXI4-Streams
(golden/csb_rnn/simulation/csb_sim_top.sv).
"""

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import Cell, Drain, Elem
from csb_rnn.machine import config
from csb_rnn.models import fixed_model, quantise
from csb_rnn.program.program import CompileError
from csb_rnn.simulation.simulate import simulate
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import check, measure, tiny

# configuration, changes to it, random networks, largest size, ...
FIELDS = ("name", "override", "cases", "largest", "layers", "streams")
ON_BOTH = [
    ("tiny", {}, 4, 24, 1, 1),
    ("tiny", {}, 3, 14, 2, 2),
    ("tiny_cols", {"P": 4, "share_v": 1}, 3, 14, 2, 2),
]
ON_VERILATOR = [
    ("tiny", {"data_w": 8, "state_w": 20}, 4, 40, 1, 1),
    ("tiny", {"share_h": 0}, 4, 40, 2, 1),
    ("small", {}, 6, 300, 1, 1),
    ("small", {}, 4, 100, 3, 1),
    ("small", {}, 3, 60, 2, 5),
    ("odd", {}, 6, 200, 2, 1),
    ("tiny", {"K": 3, "share_v": 1}, 3, 40, 2, 3),
    ("paper256", {}, 3, 300, 2, 1),
]


def draw(seed: int, c: config.Config, cases: int, largest: int, layers: int, streams: int):
    """The random cases of a set."""
    rng = np.random.default_rng([seed, cases, largest, layers, streams])
    found: list[LayerCase] = []
    while len(found) < cases:
        case = LayerCase.draw(rng, c, largest, layers, list(CELLS))
        try:  # cells differ in their need of each buffer
            compiler.compile_network(quantise.quantise(case.network(), c), c, streams)
        except CompileError:
            continue
        found.append(case)
    return found


@pytest.mark.parametrize(FIELDS, ON_BOTH, ids=str)
def test_random_networks_on_both(
    simulators, seed, tmp_path, name, override, cases, largest, layers, streams
) -> None:
    """The same networks on both simulators: as the models say, and as each other says."""
    c = config.load(name, **override)
    for case in draw(seed, c, cases, largest, layers, streams):
        first, *others = [measure(case, c, s, tmp_path / s, streams=streams) for s in simulators]
        for other in others:
            assert np.array_equal(first.outputs, other.outputs), case
            assert np.array_equal(first.out_cycles, other.out_cycles), case
            assert np.array_equal(first.busy, other.busy), case
            assert first.counters == other.counters, case
            assert first.state.keys() == other.state.keys(), case
            assert all(np.array_equal(v, other.state[k]) for k, v in first.state.items()), case


@pytest.mark.parametrize(FIELDS, ON_VERILATOR, ids=str)
@pytest.mark.sims("verilator")
def test_random_networks(
    sim, seed, tmp_path, name, override, cases, largest, layers, streams
) -> None:
    c = config.load(name, **override)
    for case in draw(seed, c, cases, largest, layers, streams):
        check(case, c, sim, tmp_path, streams=streams)


MIXED = ("lstm+gru_before", "sru+ligru+rnn", "linear_relu+lstmp+linear")


ONE_OF_EACH = [c for c in CELLS if not c.startswith("linear_")]


@pytest.mark.parametrize("cell", [*ONE_OF_EACH, *MIXED])
def test_every_cell(sim, tmp_path, cell) -> None:
    """A small stack of every cell, on both simulators; zero states would hide half of it."""
    case = LayerCase(seed=11, cell=cell, inputs=5, hidden=7, layers=2 + ("+" in cell), density=0.5)
    check(case, tiny(sim), sim, tmp_path, frames=3)


def test_states_of_the_last_frame_are_complete(sim, tmp_path, monkeypatch) -> None:
    """A state written long behind the output, and one that no drain takes part in."""
    nodes = (
        Drain("a", "a", ("x",), "sigmoid"),
        Elem("n", "one", "state:n", "one", "one", state="n"),
        Elem("h", "a", "state:c", vector="h", output=True),
        Elem("t", "one", "a", act="tanh"),
        Elem("u", "t", "t", act="tanh"),
        Elem("c", "u", "state:c", "one", "a", state="c"),
    )
    cell = Cell("late", ("a",), ("c", "n"), {"h": None}, nodes).check()
    monkeypatch.setitem(CELLS, "late", cell)
    case = LayerCase(seed=4, cell="late", inputs=5, hidden=6)
    check(case, tiny(sim), sim, tmp_path, frames=3)


@pytest.mark.parametrize("stall", [(0x1234567, 0), (0, 0x89ABCD), (0x13579BDF, 0x2468ACE)], ids=str)
def test_stalls(sim, tmp_path, stall) -> None:
    """Stalls from outside change no bit."""
    case = LayerCase(seed=5, inputs=11, hidden=13, layers=2)
    check(case, tiny(sim), sim, tmp_path, frames=8, stall=stall)


@pytest.mark.parametrize(
    "name", ["small", "odd", "paper256", pytest.param("paper512", marks=pytest.mark.nightly)]
)
@pytest.mark.sims("icarus")
def test_larger_configurations_smoke(sim, tmp_path, name) -> None:
    """One case of each larger configuration on Icarus; shallow, as a load clears every memory."""
    case = LayerCase(seed=6, cell="gru", inputs=5, hidden=11, density=0.3)
    shallow = {"neuron_depth": 64, "acc_depth": 16, "bias_depth": 16, "state_depth": 16}
    check(case, config.load(name, **shallow), sim, tmp_path, frames=2)


@pytest.mark.parametrize("cell", ["lstm", pytest.param("gru", marks=pytest.mark.nightly)])
@pytest.mark.sims("verilator")
def test_thousand_frames(sim, tmp_path, cell) -> None:
    case = LayerCase(seed=7, cell=cell, inputs=39, hidden=128, density=0.1, block=32, layers=2)
    check(case, config.load("paper256"), sim, tmp_path, frames=1000)


LATER = pytest.mark.nightly  # large builds for this test alone


@pytest.mark.parametrize(
    ("name", "override"),
    [
        ("tiny", {}),
        ("tiny", {"share_h": 0}),
        ("tiny", {"K": 3, "share_v": 1}),
        ("small", {}),
        ("odd", {}),
        ("paper256", {}),
        ("tiny_cols", {"P": 4, "share_v": 1}),
        pytest.param("small_both", {}, marks=LATER),
        pytest.param("odd", {"share_h": 0, "share_v": 1}, marks=LATER),
        pytest.param("odd", {"share_v": 1}, marks=LATER),
    ],
    ids=str,
)
@pytest.mark.sims("verilator")
def test_same_bits_everywhere(sim, tmp_path, name, override) -> None:
    """One network gives the same bits on every configuration, sharing mode and compiler: those of
    the fixed model of ``tiny``."""
    case = LayerCase(seed=8, cell="gru", inputs=30, hidden=33, layers=2, density=0.3)
    qnet = quantise.quantise(case.network(), config.load("tiny"))
    want, _ = fixed_model.FixedModel(qnet, config.load("tiny")).run(
        qnet.quantise_inputs(case.frames(5))
    )
    c = config.load(name, **override)
    for by in compiler.COMPILERS if c.shared_cols == 1 else ("default",):
        assert np.array_equal(check(case, c, sim, tmp_path, by=by), want), by


def test_there_are_enough_networks() -> None:
    """40 at the top, a fifth of them on both simulators."""
    both, all_sets = (sum(s[2] for s in sets) for sets in (ON_BOTH, ON_BOTH + ON_VERILATOR))
    assert all_sets >= 40
    assert both * 5 >= all_sets


def test_saturation_is_hit_and_counted(sim, tmp_path) -> None:
    """Numbers at the ends of their range saturate (a data path of +-64), and are counted."""
    case = LayerCase(seed=9, inputs=120, hidden=20, pattern="dense", extreme=True)
    c = tiny(sim, data_w=8, state_w=20)
    qnet = quantise.quantise(case.network(), c)
    x = qnet.quantise_inputs(case.frames(4))
    model = fixed_model.FixedModel(qnet, c)
    want, _ = model.run(x)
    got = simulate(compiler.compile_network(qnet, c), x, tmp_path, sim=sim)
    assert np.array_equal(got.outputs, want)
    assert sum(model.saturations.values()) > 0
    assert got.counters["SATURATIONS"] > 0
