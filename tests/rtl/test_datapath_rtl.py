# SPDX-License-Identifier: Apache-2.0
"""The modules of hdl/datapath, each on its own, then all of them."""

import pytest

from csb_rnn.machine import config
from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation.launcher import run
from csb_rnn.simulation.toolchain import SimulationError


def environment(name: str, overrides: dict[str, int]) -> dict[str, str]:
    text = " ".join(f"{k}={v}" for k, v in overrides.items())
    return {"CSB_CONFIG": name, "CSB_OVERRIDES": text}


@pytest.mark.parametrize(
    ("width", "depth", "reg", "parity"), [(12, 16, 0, 0), (40, 10, 1, 1), (200, 64, 0, 1)]
)
def test_seq(sim: str, width: int, depth: int, reg: int, parity: int) -> None:
    parameters = {"Width": width, "Depth": depth, "ReadReg": reg, "Ultra": reg, "Parity": parity}
    names = "runs_programs|reset_stops_it" + ("|flipped_bit" if parity else "")
    run("csb_seq", "tb.datapath.test_csb_seq", sim=sim, parameters=parameters, test_filter=names)


def test_seq_asserts_a_word(sim: str) -> None:
    with pytest.raises(SimulationError, match="IssuesOnlyValid"):
        run("csb_seq", "tb.datapath.test_csb_seq", sim=sim, test_filter="is_fatal")


@pytest.mark.parametrize(
    ("module", "tests", "parameters"),
    [
        ("csb_token", "token_counts", {"W": 4}),
        ("csb_delay", "delay_", {"Width": 5, "Stages": 0}),
        ("csb_delay", "delay_", {"Width": 9, "Stages": 6}),
        ("csb_gap", "gap_", {"W": 3}),
        ("csb_local_copy", "local_", {"Width": 7, "Stages": 0}),
        ("csb_local_copy", "local_", {"Width": 7, "Stages": 1}),
        ("csb_reg_bank", "reg_bank_", {"LaneW": 23}),
        ("csb_reg_bank", "reg_bank_", {"LaneW": 26, "Parts": 2}),
        ("csb_reg_bank", "reg_bank_", {"LaneW": 26, "Writes": 2}),
        ("csb_reg_bank", "reg_bank_", {"LaneW": 24, "Writes": 2, "Bypass": 1}),
        ("csb_shift_sat", "shift_sat_", {"InW": 45, "Base": 1, "ShiftW": 4, "OutW": 24}),
        ("csb_shift_sat", "shift_sat_", {"InW": 37, "Base": 0, "ShiftW": 5, "OutW": 26}),
        ("csb_shift_sat", "shift_sat_", {"InW": 37, "Base": 0, "ShiftW": 5, "OutW": 26, "Deep": 1}),
        ("csb_sum_split", "sum_split_", {"LaneW": 24}),
        ("csb_shift_four", "shift_four_", {"W": 38, "Step": 8}),
        ("csb_clip", "clip_", {"W": 25}),
        ("csb_act_rom", "act_rom_", {}),
    ],
    ids=str,
)
def test_small_module(sim: str, module: str, tests: str, parameters: dict[str, int]) -> None:
    run(
        module, "tb.datapath.test_small_datapath", sim=sim, parameters=parameters, test_filter=tests
    )


def test_token_asserts_tokens(sim: str) -> None:
    build = {"sim": sim, "parameters": {"W": 4}}
    with pytest.raises(SimulationError, match="TakesOnlyWhatIsThere"):
        run("csb_token", "tb.datapath.test_small_datapath", **build, test_filter="is_fatal")


@pytest.mark.parametrize(("lane_w", "deep", "fast"), [(26, 0, 0), (24, 1, 0), (26, 0, 1)])
def test_act(sim: str, lane_w: int, deep: int, fast: int) -> None:
    run(
        "act_sweep",
        "tb.datapath.test_csb_act",
        sim=sim,
        parameters={"LaneW": lane_w, "Deep": deep, "FastAct": fast, "N": 64},
        sources=[ROOT / "tb/datapath/act_sweep.sv"],
        extra_env={"ACT_SWEEP_STRIDE": "64" if sim == "icarus" else "1"},
    )


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("small", {}),
        ("odd", {"data_w": 8}),
        ("paper256", {"data_w": 12, "state_w": 20, "state_frac": 12}),
        ("tiny", {"state_w": 26, "state_frac": 15}),
        ("small", {"drain_rows": 2}),
        ("tiny", {"drain_rows": 2, "fast_act": 1, "reg_bypass": 1}),
    ],
    ids=str,
)
def test_lane(sim: str, name: str, overrides: dict[str, int]) -> None:
    cfg = config.load(name, **overrides)
    run(
        "csb_lane",
        "tb.datapath.test_csb_lane",
        sim=sim,
        parameters={
            "DataW": cfg.data_w,
            "WeightW": cfg.weight_w,
            "AccW": cfg.acc_w,
            "StateW": cfg.state_w,
            "StateFrac": cfg.state_frac,
            "BiasDepth": 16,
            "StateDepth": 16,
            "DrainRows": cfg.drain_rows,
            "FastAct": cfg.fast_act,
            "RegBypass": cfg.reg_bypass,
            "Deep": cfg.deep,
        },
        extra_env=environment(name, overrides),
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"Lanes": 9, "L": 5, "DataW": 8},
        {"Deep": 1},
        {"Lanes": 4, "L": 4, "DataW": 12, "LaneW": 24},
        {"Lanes": 3, "L": 5},
        {"Lanes": 13, "L": 3, "BusNeurons": 2},
    ],
    ids=str,
)
def test_writer(sim: str, parameters: dict[str, int]) -> None:
    names = "random_slots|stop_forgets"
    run(
        "csb_writer",
        "tb.datapath.test_csb_writer",
        sim=sim,
        parameters=parameters,
        test_filter=names,
    )


def test_writer_asserts_distance(sim: str) -> None:
    with pytest.raises(SimulationError, match="SlotsFarEnoughApart"):
        run("csb_writer", "tb.datapath.test_csb_writer", sim=sim, test_filter="is_fatal")


SHALLOW = {"state_depth": 32, "bias_depth": 24, "acc_depth": 32, "neuron_depth": 64}


@pytest.mark.parametrize("unit", ["csb_drain", "csb_element"])
@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("tiny", {}),
        ("small", {}),
        ("odd", {"drain_depth": 48, "drain_rows": 2, "fast_act": 1, "reg_bypass": 1}),
    ],
)
def test_unit(sim: str, unit: str, name: str, overrides: dict[str, int]) -> None:
    overrides = SHALLOW | {"out_depth": 24, "drain_depth": 40, "elem_depth": 64} | overrides
    cfg = config.load(name, **overrides)
    every = config.rtl_parameters(cfg)
    names = {
        "csb_drain": ("AccDepth", "BiasDepth", "FastAct", "RegBypass", "Deep"),
        "csb_element": ("StateDepth", "NeuronDepth", "OutDepth", "FastAct", "Deep"),
    }
    own = {
        "csb_drain": {
            "Depth": cfg.drain_depth,
            "ReduceStages": cfg.reduce_stages,
            "DrainRows": cfg.drain_rows,
        },
        "csb_element": {"Depth": cfg.elem_depth, "SubSlots": cfg.sub_slots},
    }
    run(
        unit,
        "tb.datapath.test_csb_units",
        sim=sim,
        parameters=own[unit] | {n: every[n] for n in names[unit]},
        extra_env=environment(name, overrides),
        test_filter=unit.removeprefix("csb_") + "_programs",
    )


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("tiny", {}),
        ("small", {"data_w": 8}),
        ("odd", {"shared_cols": 3, "data_w": 12, "weight_w": 8, "state_w": 20, "state_frac": 12}),
        ("paper256", {"share_v": 1, "drain_banks": 2}),
        ("odd", {"bus_neurons": 2, "drain_rows": 2}),
        ("tiny", {"fast_act": 1, "reg_bypass": 1}),
    ],
    ids=str,
)
def test_datapath(sim: str, name: str, overrides: dict[str, int]) -> None:
    overrides = SHALLOW | {"out_depth": 24, "drain_depth": 40, "elem_depth": 64} | overrides
    cfg = config.load(name, **overrides)
    run(
        "csb_datapath",
        "tb.datapath.test_csb_datapath",
        sim=sim,
        parameters={
            "Lanes": cfg.lanes,
            "BusRows": cfg.bus_rows,
            "L": cfg.L,
            "DataW": cfg.data_w,
            "WeightW": cfg.weight_w,
            "AccW": cfg.acc_w,
            "StateW": cfg.state_w,
            "StateFrac": cfg.state_frac,
            "ReduceStages": cfg.reduce_stages,
            "NeuronDepth": cfg.neuron_depth,
            "AccDepth": cfg.acc_depth,
            "BiasDepth": cfg.bias_depth,
            "StateDepth": cfg.state_depth,
            "DrainDepth": cfg.drain_depth,
            "ElemDepth": cfg.elem_depth,
            "OutDepth": cfg.out_depth,
            "DrainRows": cfg.drain_rows,
            "BusNeurons": cfg.bus_neurons,
            "FastAct": cfg.fast_act,
            "RegBypass": cfg.reg_bypass,
            "Deep": cfg.deep,
        },
        extra_env=environment(name, overrides) | {"PROGRAMS": "1" if sim == "icarus" else "8"},
    )
