# SPDX-License-Identifier: Apache-2.0
"""csb_load_ram: words in parts, against a list; with Parity their bit, parts then in order."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from csb_rnn.machine import isa
from tb.lib.stream import start_clock


@cocotb.test
async def parts_make_a_word(dut) -> None:
    depth, width = int(dut.Depth.value), len(dut.rdata_o)
    parity = int(dut.Parity.value)
    words = [random.getrandbits(width) for _ in range(depth)]
    writes = [
        (address, part, data)
        for address, word in enumerate(words)
        for part, data in enumerate(isa.load_parts(word, width))
    ]
    if parity:  # addresses in any order, the parts of a word one behind the other
        order = random.sample(range(depth), depth)
        writes.sort(key=lambda write: (order[write[0]], write[1]))
    else:
        random.shuffle(writes)
    dut.we_i.value = dut.re_i.value = 0
    start_clock(dut)
    await RisingEdge(dut.clk_i)
    for address, part, data in writes:
        # Bits of the last part above the word's width are nobody's.
        above = random.getrandbits(isa.PART_W) << width - part * isa.PART_W
        dut.we_i.value, dut.waddr_i.value, dut.part_i.value = 1, address, part
        dut.wdata_i.value = (data | above) & (1 << isa.PART_W) - 1
        await RisingEdge(dut.clk_i)
        # Values not written are not kept.
        dut.we_i.value, dut.wdata_i.value = 0, random.getrandbits(isa.PART_W)
        await RisingEdge(dut.clk_i)
    for address in random.choices(range(depth), k=2 * depth):
        dut.re_i.value, dut.raddr_i.value = 1, address
        await RisingEdge(dut.clk_i)
        dut.re_i.value = 0
        await RisingEdge(dut.clk_i)
        assert int(dut.rdata_o.value) == words[address], f"address {address}"
        want = words[address].bit_count() % 2 if parity else 0
        assert dut.parity_o.value == want, f"parity of address {address}"
