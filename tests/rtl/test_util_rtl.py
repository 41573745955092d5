# SPDX-License-Identifier: Apache-2.0
"""The utility modules of hdl/util, each on its own."""

import pytest

from csb_rnn.experiments.silicon import packed as packed_study
from csb_rnn.simulation.launcher import run
from csb_rnn.simulation.toolchain import SimulationError


@pytest.mark.parametrize("width", [3, 40])
def test_skid(sim: str, width: int) -> None:
    run("csb_skid", "tb.util.test_csb_skid", sim=sim, parameters={"Width": width})


def test_drivers(sim: str) -> None:
    """Clock, reset, stream ends and monitor: what all benches rely on."""
    run("csb_skid", "tb.util.test_stream", sim=sim, parameters={"Width": 40})


@pytest.mark.parametrize(
    "parameters",
    [
        {"Width": 32, "Depth": 64},
        {"Width": 24, "Depth": 13, "Granule": 8},
        {"Width": 29, "Depth": 13, "Granule": 8},
        {"Width": 5, "Depth": 1, "Granule": 1},
        {"Width": 16, "Depth": 32, "NoCollision": 1},
    ],
    ids=str,
)
def test_ram(sim: str, parameters: dict[str, int]) -> None:
    run(
        "csb_ram_1r1w",
        "tb.util.test_csb_ram_1r1w",
        sim=sim,
        parameters=parameters,
        test_filter="behaves_like_a_list",
    )


@pytest.mark.parametrize("width", [2, 37, 150])
def test_parity(sim: str, width: int) -> None:
    run("csb_parity", "tb.util.test_csb_parity", sim=sim, parameters={"Width": width})


@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("width", [20, 36, 48, 108, 150])
def test_load_ram(sim: str, width: int, parity: int) -> None:
    run(
        "csb_load_ram",
        "tb.util.test_csb_load_ram",
        sim=sim,
        parameters={"Width": width, "Depth": 13, "Parity": parity},
    )


def test_ram_asserts_no_collision(sim: str) -> None:
    """A failing assertion fails the test that runs into it, in both simulators."""
    with pytest.raises(SimulationError, match="NeverCollides"):
        run(
            "csb_ram_1r1w",
            "tb.util.test_csb_ram_1r1w",
            sim=sim,
            parameters={"Width": 16, "Depth": 32, "NoCollision": 1},
            test_filter="breaking_the_promise",
        )


@pytest.mark.parametrize(
    ("in_w", "shift", "out_w"), [(10, 4, 5), (8, 0, 5), (8, 0, 12), (9, 8, 2), (6, 1, 9), (7, 3, 5)]
)
def test_round_sat(sim: str, in_w: int, shift: int, out_w: int) -> None:
    run(
        "csb_round_sat",
        "tb.util.test_csb_round_sat",
        sim=sim,
        parameters={"InW": in_w, "Shift": shift, "OutW": out_w},
        test_filter="every_input",
    )


def test_rounding_mode(sim: str) -> None:
    run(
        "csb_round_sat",
        "tb.util.test_csb_round_sat",
        sim=sim,
        parameters={"InW": 10, "Shift": 4, "OutW": 5},
        test_filter="negative_ties",
    )


@pytest.mark.parametrize(("n", "in_w", "sum_w"), [(1, 5, 5), (2, 7, 8), (3, 6, 8), (7, 12, 15)])
def test_adder_tree(sim: str, n: int, in_w: int, sum_w: int) -> None:
    parameters = {"N": n, "InW": in_w, "SumW": sum_w}
    run("csb_adder_tree", "tb.util.test_csb_adder_tree", sim=sim, parameters=parameters)


@pytest.mark.sims("icarus")
@pytest.mark.parametrize(("q", "packed"), [(4, 0), (4, 1), (8, 1)])
def test_packed_rows(sim: str, q: int, packed: int) -> None:
    run(
        "packed_rows",
        "tb.engine.test_packed_rows",
        sim=sim,
        parameters={"Q": q, "Packed": packed},
        sources=[packed_study.SOURCE],
    )
