# SPDX-License-Identifier: Apache-2.0
"""csb_ram_1r1w: random reads and writes against a list, with collisions and partial writes,
and zeros instead of reads."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from tb.lib.stream import start_clock

CYCLES = 2000


@cocotb.test
async def behaves_like_a_list(dut) -> None:
    depth, enables = int(dut.Depth.value), len(dut.we_i)
    granule = int(dut.Granule.value)  # the last one may be narrower
    avoid_collisions = bool(dut.NoCollision.value)
    memory: list[int | None] = [None] * depth  # None: not written yet, so X
    expected = None
    collisions = 0

    dut.we_i.value = dut.re_i.value = dut.rzero_i.value = 0
    start_clock(dut)
    await RisingEdge(dut.clk_i)
    # First every word, then at random; addresses from a small range now and then, to collide.
    for cycle in range(depth + CYCLES):
        fill = cycle < depth
        span = random.choice((2, depth))
        write = 2**enables - 1 if fill else random.getrandbits(enables)
        waddr = cycle if fill else random.randrange(min(span, depth))
        raddr = random.randrange(min(span, depth))
        data = random.getrandbits(len(dut.wdata_i))
        collides = bool(write) and raddr == waddr
        read = random.random() < 0.7 and not (avoid_collisions and collides)
        zero = random.random() < 0.1
        collisions += read and collides
        dut.we_i.value, dut.waddr_i.value, dut.wdata_i.value = write, waddr, data
        dut.re_i.value, dut.raddr_i.value = int(read), raddr
        dut.rzero_i.value = int(zero)
        await RisingEdge(dut.clk_i)
        # Still the output of the previous cycles: sampled at the edge of this read.
        if expected is not None:
            assert int(dut.rdata_o.value) == expected, f"cycle {cycle}"
        if zero:
            expected = 0
        elif read:
            expected = memory[raddr]
        if write:
            written = [g for g in range(enables) if write >> g & 1]
            mask = sum(((1 << granule) - 1) << g * granule for g in written)
            memory[waddr] = (memory[waddr] or 0) & ~mask | data & mask
    assert avoid_collisions or collisions > CYCLES // 20, "collisions were not exercised"


@cocotb.test
async def breaking_the_promise_is_fatal(dut) -> None:
    """Run alone, and only to see the assertion fail."""
    dut.we_i.value = dut.rzero_i.value = 0
    start_clock(dut)
    dut.we_i.value = dut.re_i.value = 1
    dut.waddr_i.value = dut.raddr_i.value = 0
    dut.wdata_i.value = 0
    for _ in range(20):  # without a reset, assertions begin at the 17th edge
        await RisingEdge(dut.clk_i)
