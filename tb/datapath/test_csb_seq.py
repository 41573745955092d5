# SPDX-License-Identifier: Apache-2.0
"""csb_seq: words in order, one a cycle if the unit takes them, stable if not, over and over; with
``Parity`` a flipped bit is told, and nothing else is."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from csb_rnn.machine import isa
from tb.lib.flips import flip
from tb.lib.stream import poison, reset, start_clock


def rest(dut) -> None:
    """Nothing is loaded in this cycle; what the bus holds is worthless."""
    dut.we_i.value = 0
    for signal in (dut.part_i, dut.waddr_i, dut.wdata_i):
        poison(signal)


async def load(dut, words: list[int]) -> None:
    """Loads the words in any order, with pauses."""
    for address in random.sample(range(len(words)), len(words)):
        for part, data in enumerate(isa.load_parts(words[address], len(dut.word_o))):
            for _ in range(random.choice((0, 0, 0, 1, 2))):
                rest(dut)
                await RisingEdge(dut.clk_i)
            dut.we_i.value, dut.part_i.value = 1, part
            dut.waddr_i.value, dut.wdata_i.value = address, data
            await RisingEdge(dut.clk_i)
    rest(dut)


async def start_up(dut) -> None:
    for name in ("we_i", "start_i", "stop_i", "issue_i", "restart_i", "hold_i", "loop_start_i"):
        getattr(dut, name).value = 0
    start_clock(dut)
    await reset(dut)


async def follow(dut, words: list[int], loop_start: int, rate: float, cycles: int) -> None:
    """Starts the program and checks every output in every cycle."""
    dut.loop_start_i.value = loop_start
    dut.start_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.start_i.value = 0
    late = 2 + int(dut.ReadReg.value)
    pc, ready = 0, late
    coming = at = None  # the next word, and its address
    for cycle in range(1, cycles):
        hold = random.random() < 0.5  # matters before the first word
        ready += hold and cycle == ready - 1
        running = cycle >= ready
        issue = running and random.random() < rate
        restart = random.random() < 0.1  # matters to an issuing word
        dut.issue_i.value, dut.restart_i.value = int(issue), int(restart)
        dut.hold_i.value = int(hold)
        rest(dut)
        await RisingEdge(dut.clk_i)
        assert int(dut.bad_o.value) == 0, f"cycle {cycle}"
        if coming is not None:
            assert int(dut.word_o.value) == coming, f"cycle {cycle}"
        assert int(dut.valid_o.value) == running, f"cycle {cycle}"
        assert int(dut.wrap_o.value) == (issue and words[pc] & 1)
        if running:
            assert at == pc, f"cycle {cycle}"
            assert int(dut.word_o.value) == words[pc], f"cycle {cycle}"
        coming = None
        if dut.next_load_o.value == 1:
            coming, at = int(dut.next_word_o.value), int(dut.next_pc_o.value)
        assert (coming is not None) == (issue or cycle == ready - 1), f"cycle {cycle}"
        if issue and restart:
            pc, ready = 0, cycle + late
        elif issue:
            pc = loop_start if words[pc] & 1 else pc + 1
    dut.issue_i.value = dut.restart_i.value = dut.hold_i.value = 0


@cocotb.test
async def runs_programs(dut) -> None:
    await start_up(dut)
    depth, width = int(dut.Depth.value), len(dut.word_o)
    for length in (1, 2, 3, depth, *(random.randint(1, depth) for _ in range(8))):
        words = [random.getrandbits(width) & ~1 for _ in range(length)]
        words[-1] |= 1
        await load(dut, words)
        for rate in (1.0, 0.5, 0.1):
            start = random.choice((0, length - 1, random.randrange(length)))
            await follow(dut, words, start, rate, 4 * length + 20)  # each starts over
        dut.stop_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.stop_i.value = 0
        for _ in range(3):
            await RisingEdge(dut.clk_i)
            assert int(dut.valid_o.value) == 0


@cocotb.test
async def a_flipped_bit_is_told(dut) -> None:
    """Two cycles after the word is first shown, for as long as it is, and never for other words."""
    await start_up(dut)
    depth, width = int(dut.Depth.value), len(dut.word_o)
    for _ in range(12):
        length = random.randint(2, depth)
        words = [random.getrandbits(width) & ~1 for _ in range(length)]
        words[-1] |= 1
        await load(dut, words)
        await RisingEdge(dut.clk_i)  # the last word is written
        hurt = random.randrange(length)
        # Not bit 0: an end of the program that moves breaks an assertion.
        flip(dut.u_program.u_ram.mem, hurt, random.randint(1, width))
        dut.start_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0
        pc, shown = 0, [False, False]  # the hurt word, in the two cycles before
        for _ in range(3 * length + 10):
            issue = dut.valid_o.value == 1 and random.random() < 0.6
            dut.issue_i.value = int(issue)
            await RisingEdge(dut.clk_i)
            assert int(dut.bad_o.value) == shown.pop(0)
            valid = dut.valid_o.value == 1
            shown.append(valid and pc == hurt)
            pc = (pc + issue) % length
        dut.issue_i.value, dut.stop_i.value = 0, 1
        await RisingEdge(dut.clk_i)
        dut.stop_i.value = 0
        for _ in range(3):
            await RisingEdge(dut.clk_i)


@cocotb.test
async def reset_stops_it(dut) -> None:
    await start_up(dut)
    await load(dut, [0, 2, 1])
    await follow(dut, [0, 2, 1], 0, 1.0, 10)
    await reset(dut)
    for _ in range(3):
        await RisingEdge(dut.clk_i)
        assert int(dut.valid_o.value) == 0


@cocotb.test
async def issue_without_word_is_fatal(dut) -> None:
    """Run alone, and only to see the assertion fail."""
    await start_up(dut)
    dut.issue_i.value = 1
    for _ in range(3):
        await RisingEdge(dut.clk_i)
