# SPDX-License-Identifier: Apache-2.0
"""The CSB-Engine on random layers, both simulators; see tb/engine/test_engine.py."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from csb_rnn.machine.config import load, rtl_parameters
from csb_rnn.simulation.launcher import run
from csb_rnn.simulation.toolchain import SimulationError
from csb_rnn.verify.random_layers import PATTERNS, LayerCase

# configuration, changes to it, cases, largest size
FIELDS = ("config", "override", "cases", "largest")
TWICE = {"bus_neurons": 2, "drain_rows": 2, "drain_banks": 2, "share_v": 1}
ON_BOTH = [
    ("tiny", {}, 40, 60),
    ("small", {"data_w": 8, "drain_banks": 2}, 4, 60),
    ("tiny", {"data_w": 12, "share_h": 0}, 12, 60),
    ("tiny_cols", {"P": 4, "share_v": 1, "weight_w": 8, "deep": 1}, 8, 40),
    ("tiny", TWICE | {"sum_bypass": 1, "program_reg": 1}, 8, 40),
]
ON_VERILATOR = [
    ("tiny", {}, 30, 300),
    ("small", {}, 60, 300),
    ("odd", {}, 48, 300),
]
# Sizes are drawn log-uniform: one seed in 27 had no matrix of more than 200 rows.
ALWAYS = (
    {"hidden": 210, "inputs": 3, "pattern": "aligned", "density": 0.1},
    {"hidden": 3, "inputs": 290, "pattern": "scattered", "density": 0.5},
    {"hidden": 40, "inputs": 6, "pattern": "csb", "density": 0.05, "block": 8},
)
LATER = [  # large builds for this test alone; make nightly
    ("tiny", TWICE, 12, 100),
    ("small", {"share_h": 0}, 12, 100),
    ("small", {"shared_cols": 4}, 12, 100),
    ("paper256", {}, 30, 300),
]


def engine_parameters(config: str, override: dict[str, int]) -> dict[str, int]:
    """Parameters of csb_engine in a configuration."""
    names = "K L P Q DataW WeightW AccGuard WeightDepth NeuronDepth AccDepth DrainBanks Sharing"
    names += " SharedCols DrainRows BusNeurons SumBypass ProgramReg Deep"
    every = rtl_parameters(load(config, **override))
    return {n: every[n] for n in names.split()}


@pytest.mark.parametrize(
    ("module", "tests", "parameters"),
    [
        ("csb_token_join", "join_counts", {"N": 15, "W": 3}),
        ("csb_reduce", "reduce_", {"N": 2, "AccW": 30}),
        ("csb_reduce", "reduce_", {"N": 5}),
        ("csb_neuron_ram", "neurons_", {"Depth": 32, "Reads": 4}),
        ("csb_neuron_ram", "neurons_", {"Depth": 64, "Reads": 3, "DataW": 8, "Sides": 1}),
        ("csb_neuron_ram", "neurons_", {"Depth": 16, "Reads": 2, "Sides": 3, "Writes": 2}),
        ("csb_acc_bank", "bank_", {"Depth": 64, "AccW": 26}),
        ("csb_acc_bank", "bank_", {"Depth": 38, "AccW": 26, "DrainRows": 2}),
        ("csb_acc_bank", "bank_", {"Depth": 12, "AccW": 26, "DrainRows": 2, "Banks": 4}),
        ("csb_acc_bank", "bank_", {"Depth": 38, "AccW": 26, "DrainRows": 2, "Bypass": 1}),
    ],
    ids=str,
)
def test_small_module(sim, module, tests, parameters) -> None:
    run(module, "tb.engine.test_small_engine", sim=sim, parameters=parameters, test_filter=tests)


def test_join_asserts_tokens(sim) -> None:
    build = {"sim": sim, "parameters": {"N": 15, "W": 3}}
    with pytest.raises(SimulationError, match="TakesOnlyReady"):
        run("csb_token_join", "tb.engine.test_small_engine", **build, test_filter="is_fatal")


@pytest.mark.parametrize(
    "override",
    [
        {"Q": 3, "share_v": 1, "weight_w": 8},
        {"Q": 1, "data_w": 8, "drain_banks": 2},
        {"Q": 3, "weight_w": 8, "deep": 1},
    ],
    ids=str,
)
def test_pe_row(sim, override) -> None:
    c = load("tiny", acc_depth=16, **override)
    every = rtl_parameters(c)
    names = ("Q", "DataW", "WeightW", "AccDepth", "Deep")
    run(
        "csb_pe_row",
        "tb.engine.test_small_engine",
        sim=sim,
        parameters={"AccW": c.acc_w, "Banks": c.banks, **{n: every[n] for n in names}},
        extra_env={"ACC_GUARD": str(c.acc_guard)},
        test_filter="pe_row_",
    )


@pytest.mark.parametrize(
    ("config", "override"),
    [
        ("tiny", {}),
        ("odd", {"data_w": 12, "share_h": 0}),
        ("small", {"data_w": 8, "drain_banks": 2, "share_v": 1, "acc_depth": 20}),
        ("paper512", {"P": 1, "acc_guard": 12}),
        ("tiny_cols", {"P": 4, "weight_w": 8}),
        ("tiny", {"share_v": 1, "bus_neurons": 2, "drain_rows": 2, "acc_depth": 20}),
        ("tiny", {"drain_rows": 2, "sum_bypass": 1, "program_ultra": 1, "program_reg": 1}),
        ("small", {"P": 3, "shared_cols": 3, "share_v": 1, "weight_w": 12}),
    ],
    ids=str,
)
def test_pegroup(sim, config, override) -> None:
    """A PEGroup alone; shallow, as the bench zeroes every memory again and again."""
    override = {"weight_depth": 64, "neuron_depth": 64, "acc_depth": 16} | override
    c = load(config, **override)
    names = "P Q DataW WeightW WeightDepth NeuronDepth AccDepth DrainBanks Sharing SharedCols"
    names += " DrainRows BusNeurons SumBypass ProgramUltra ProgramReg Deep"
    every = rtl_parameters(c)
    run(
        "csb_pegroup",
        "tb.engine.test_csb_pegroup",
        sim=sim,
        parameters={"AccW": c.acc_w, **{n: every[n] for n in names.split()}},
        extra_env={"CSB_CONFIG": config, "CSB_OVERRIDE": json.dumps(override)},
    )


def draw(seed: int, config: str, override, cases: int, largest: int) -> list[LayerCase]:
    """The random layers of a set; the first ones of the largest set are of the kinds that draws
    may leave out."""
    rng = np.random.default_rng([seed, len(config), cases, largest])
    c = load(config, **override)
    room = (c.neuron_depth // 2 - 4) * c.L  # a half of the neuron buffer holds inputs and h
    drawn = [LayerCase.draw(rng, c, largest) for _ in range(cases)]
    drawn = [
        dataclasses.replace(case, inputs=min(case.inputs, room - case.hidden)) for case in drawn
    ]
    if cases == max(n for _, _, n, _ in ON_VERILATOR):
        drawn[: len(ALWAYS)] = [
            dataclasses.replace(case, **kind) for case, kind in zip(drawn, ALWAYS, strict=False)
        ]
    return drawn


def sums(sim: str, seed: int, folder: Path, config: str, override, cases, largest) -> str:
    """Runs random layers; every sum is checked. Returns a digest of all of them."""
    drawn = [dataclasses.asdict(case) for case in draw(seed, config, override, cases, largest)]
    digest = folder / f"{sim}.digest"
    run(
        "csb_engine",
        "tb.engine.test_engine",
        sim=sim,
        parameters=engine_parameters(config, override),
        extra_env={
            "CSB_CONFIG": config,
            "CSB_OVERRIDE": json.dumps(override),
            "CSB_CASES": json.dumps(drawn),
            "CSB_DIGEST": str(digest),
        },
    )
    return digest.read_text()


@pytest.mark.parametrize(FIELDS, ON_BOTH, ids=str)
def test_engine_on_both(simulators, seed, tmp_path, config, override, cases, largest) -> None:
    """The same cases on both simulators: the same sums as numpy's, and as each other's."""
    found = {s: sums(s, seed, tmp_path, config, override, cases, largest) for s in simulators}
    assert len(set(found.values())) == 1, found


@pytest.mark.parametrize(
    FIELDS,
    [*ON_VERILATOR, *(pytest.param(*s, marks=pytest.mark.nightly) for s in LATER)],
    ids=str,
)
@pytest.mark.sims("verilator")
def test_engine(sim, seed, tmp_path, config, override, cases, largest) -> None:
    sums(sim, seed, tmp_path, config, override, cases, largest)


def has_empty_block(case: LayerCase) -> bool:
    """Whether a block of the recurrent matrix, not all zero, has no row."""
    layer = case.network().layers[0]
    w = np.concatenate([layer.weights[g, "h"] for g in layer.cell.gates])
    b = case.block
    blocks = [w[i : i + b, j : j + b] for i in range(0, len(w), b) for j in range(0, w.shape[1], b)]
    return bool(w.any()) and not all(block.any() for block in blocks)


def test_cases_are_enough_and_of_every_kind(seed) -> None:
    """200, a fifth of them on both simulators, with all that a network may have."""
    both = [case for s in ON_BOTH for case in draw(seed, *s)]
    every = both + [case for s in ON_VERILATOR for case in draw(seed, *s)]
    assert len(every) >= 200
    assert len(both) * 5 >= len(every)
    assert {c.pattern for c in every} == set(PATTERNS)
    assert {c.block for c in every} == {8, 16, 32, 64}
    assert {c.cell for c in every} >= {"lstm", "gru"}
    for sizes in ({c.hidden for c in every}, {c.inputs for c in every}):
        assert 1 in sizes
        assert max(sizes) > 200
    assert any(c.extreme for c in every)
    densities = [c.density for c in every]
    assert min(densities) < 0.1
    assert max(densities) > 0.9
    assert any(has_empty_block(c) for c in every if c.pattern == "csb" and c.density < 0.3)
