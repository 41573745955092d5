# SPDX-License-Identifier: Apache-2.0
"""csb_parity: two cycles after a valid word with an odd number of ones, and never else."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from tb.lib.stream import poison, reset, start_clock


@cocotb.test
async def odd_words_are_bad(dut) -> None:
    width = len(dut.word_i)
    dut.valid_i.value = 0
    start_clock(dut)
    await reset(dut)
    want = [0, 0]
    words = [0, 1, 1 << width - 1, (1 << width) - 1]
    words += [1 << random.randrange(width) for _ in range(100)]
    words += [random.getrandbits(width) for _ in range(300)]
    for word in words:
        valid = random.random() < 0.7
        dut.valid_i.value, dut.word_i.value = int(valid), word
        want.append(int(valid and word.bit_count() % 2))
        await RisingEdge(dut.clk_i)
        assert dut.bad_o.value == want.pop(0)


@cocotb.test
async def x_is_not_bad(dut) -> None:
    """What was never written raises nothing in Icarus; a reset takes back what is under way."""
    dut.valid_i.value = 1
    poison(dut.word_i)
    start_clock(dut)
    await reset(dut)
    if not cocotb.SIM_NAME.startswith("Verilator"):
        for _ in range(10):
            await RisingEdge(dut.clk_i)
            assert dut.bad_o.value == 0
    dut.word_i.value = 1
    for _ in range(4):
        await RisingEdge(dut.clk_i)
    assert dut.bad_o.value == 1
    dut.rst_ni.value = 0
    for _ in range(2):
        await RisingEdge(dut.clk_i)
    dut.rst_ni.value, dut.valid_i.value = 1, 0
    for _ in range(4):
        assert dut.bad_o.value == 0
        await RisingEdge(dut.clk_i)
