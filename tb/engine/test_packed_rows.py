# SPDX-License-Identifier: Apache-2.0
"""packed_rows, a study: sums of two rows with common neurons, packed or not, against Python's."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from tb.lib.datapath_model import pack, random_signed
from tb.lib.stream import start_clock

LOW, HIGH = -128, 127
LATENCY = 3


@cocotb.test
async def sums_of_both_rows(dut) -> None:
    q, packed = int(dut.Q.value), int(dut.Packed.value)
    start_clock(dut)
    wanted: list[tuple[int, int]] = []
    for cycle in range(600):
        ends = cycle % 3 == 0
        draw = (lambda: random.choice((LOW, HIGH, 0))) if ends else (lambda: random_signed(8))
        w0, w1 = ([draw() for _ in range(q)] for _ in range(2))
        neurons = [draw() for _ in range(q)]
        dut.weight0_i.value = pack(w0, 8)
        dut.weight1_i.value = pack([b - (packed and a < 0) for a, b in zip(w0, w1, strict=True)], 9)
        await RisingEdge(dut.clk_i)
        dut.neuron_i.value = pack(neurons, 8)  # a cycle behind their weights
        wanted.append(
            tuple(sum(w * n for w, n in zip(row, neurons, strict=True)) for row in (w0, w1))
        )
        if cycle >= LATENCY:
            got = (dut.sum0_o.value.to_signed(), dut.sum1_o.value.to_signed())
            assert got == wanted[cycle - LATENCY], cycle
