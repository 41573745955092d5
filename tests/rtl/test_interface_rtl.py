# SPDX-License-Identifier: Apache-2.0
"""The modules of hdl/control, each on its own, and the files that are generated for them."""

import pytest

from csb_rnn.machine import image, registers
from csb_rnn.simulation.launcher import run
from tb.interface import test_image_loader as loader_bench
from tb.interface import test_input as input_bench
from tb.interface import test_output as output_bench
from tb.interface import test_regs as regs_bench


def test_packages_are_current() -> None:
    for module in (image, registers):
        assert module.PACKAGE_FILE.read_text() == module.package_text(), (
            f"run python -m {module.__name__}"
        )


def test_register_map_is_sound() -> None:
    offsets = [r.offset for r in registers.REGISTERS]
    assert offsets == sorted(set(offsets))
    assert all(o % 4 == 0 for o in offsets)
    for r in registers.REGISTERS:
        used = 0
        for f in r.fields:
            bits = (1 << f.width) - 1 << f.lsb
            assert not used & bits, f"{r.name}.{f.name}"
            assert bits < 1 << 32, f"{r.name}.{f.name}"
            used |= bits


def test_image_loader(sim: str) -> None:
    run(
        "csb_image_loader",
        "tb.interface.test_image_loader",
        sim=sim,
        parameters=loader_bench.parameters(),
    )


def test_regs(sim: str) -> None:
    run("csb_regs", "tb.interface.test_regs", sim=sim, parameters=regs_bench.PARAMETERS)


@pytest.mark.parametrize(
    ("config", "deep"), [("tiny", 0), ("odd", 0), ("paper512", 0), ("small", 1)]
)
def test_input(sim: str, config: str, deep: int) -> None:
    run(
        "csb_input",
        "tb.interface.test_input",
        sim=sim,
        parameters=input_bench.parameters(config) | {"Deep": deep},
        extra_env={"CSB_CONFIG": config},
    )


@pytest.mark.parametrize(
    ("config", "neurons", "depth"),
    [("tiny", 1, 16), ("odd", 1, 12), ("odd", 2, 12), ("paper512", 1, 16)],
)
def test_output(sim: str, config: str, neurons: int, depth: int) -> None:
    """Halves of 12 words begin at 0 and at 16; with two values a cycle the table has parity."""
    run(
        "csb_output",
        "tb.interface.test_output",
        sim=sim,
        parameters=output_bench.parameters(config)
        | {"BusNeurons": neurons, "OutDepth": depth, "Parity": neurons - 1},
        extra_env={
            "CSB_CONFIG": config,
            "BUS_NEURONS": str(neurons),
            "OUT_DEPTH": str(depth),
        },
    )


@pytest.mark.parametrize(
    ("module", "tests", "parameters"),
    [
        ("csb_control", "control_", {}),
        ("csb_control", "control_", {"SettleCycles": 17}),
        ("csb_events", "events_", {}),
        ("csb_counters", "counters_", {}),
        ("csb_counters", "counters_", {"Counters": 3, "Groups": 7}),
        ("csb_counters", "counters_", {"Deep": 1, "Single": 0xFA7, "Most": 5}),
        ("csb_counters", "counters_", {"Deep": 1, "Counters": 3, "Groups": 7}),
        ("csb_program_regs", "program_registers", {}),
        ("csb_watchdog", "watchdog_", {}),
    ],
    ids=str,
)
def test_small_module(sim: str, module: str, tests: str, parameters: dict[str, int]) -> None:
    run(
        module,
        "tb.interface.test_small_interface",
        sim=sim,
        parameters=parameters,
        test_filter=tests,
    )
