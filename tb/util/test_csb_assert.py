# SPDX-License-Identifier: Apache-2.0
"""The assertion macros on tests/data/unreset.sv: silent until a reset, loud after it."""

from __future__ import annotations

import cocotb
from cocotb.triggers import ClockCycles

from tb.lib.stream import reset, start_clock


@cocotb.test
async def random_registers_break_nothing(dut) -> None:
    """The clock runs before anybody drives the reset, which begins at random."""
    start_clock(dut)
    await ClockCycles(dut.clk_i, 8)
    dut.break_i.value = 0
    await reset(dut)
    await ClockCycles(dut.clk_i, 20)


@cocotb.test
async def broken_after_a_reset(dut) -> None:
    """Run alone, and only to see an assertion fail."""
    start_clock(dut)
    dut.break_i.value = 0
    await reset(dut)
    await ClockCycles(dut.clk_i, 20)
    dut.break_i.value = 1
    await ClockCycles(dut.clk_i, 4)
