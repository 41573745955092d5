# SPDX-License-Identifier: Apache-2.0
"""csb_act: every function against ``csb_rnn.machine.numerics.activation``, bit for bit; latency 3,
Deep 5, one less with FastAct.

Around zero every one of 2^20 inputs (1 in 64 blocks in Icarus), and the ends of the range, and
random values with a random function in every cycle, or in some. Until the next value comes out
the output holds the last one, whatever the inputs are.
"""

import os
import random

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from csb_rnn.machine import isa, numerics
from tb.lib.datapath_model import ACT_NAME, unpack
from tb.lib.stream import start_clock


async def check(dut, stimuli: list[tuple[int, int]], share: float = 1.0) -> None:
    """Applies (function, first input), one a cycle, and compares the outputs.

    Args:
        share: of the cycles whose stimulus is valid, the first one's always.
    """
    n, width = int(dut.N.value), int(dut.LaneW.value)
    latency = 3 + 2 * int(dut.Deep.value) - int(dut.FastAct.value)
    valid = [i == 0 or random.random() < share for i in range(len(stimuli))]
    act = first = 0
    start_clock(dut)
    for cycle in range(len(stimuli) + latency):
        dut.valid_i.value = int(cycle < len(stimuli) and valid[cycle])
        if cycle < len(stimuli):
            applied = stimuli[cycle]
            dut.act_i.value, dut.first_i.value = applied[0], applied[1] & ((1 << width) - 1)
        await RisingEdge(dut.clk_i)
        if cycle >= latency:
            if valid[cycle - latency]:
                act, first = stimuli[cycle - latency]
            x = np.arange(first, first + n)
            got = unpack(int(dut.data_o.value), n, width)
            want = numerics.activation(x, ACT_NAME[act]).tolist()
            assert got == want, f"{ACT_NAME[act]} of {first} and following"


@cocotb.test
async def around_zero(dut) -> None:
    n, reach = int(dut.N.value), 1 << 19
    stride = n * int(os.environ.get("ACT_SWEEP_STRIDE", "1"))
    await check(dut, [(a, x) for a in isa.ACT.values() for x in range(-reach, reach, stride)])


@cocotb.test
async def ends(dut) -> None:
    n, width = int(dut.N.value), int(dut.LaneW.value)
    low, high = numerics.limits(width)
    knees = (1 << 18, 1 << 19, 1 << 20)  # where sigmoid and tanh saturate
    firsts = [low, low + n, high + 1 - n, -n // 2]
    firsts += [sign * knee - n // 2 for knee in knees for sign in (1, -1)]
    await check(dut, [(act, x) for x in firsts for act in isa.ACT.values()])


@cocotb.test
async def random_inputs(dut) -> None:
    n, width = int(dut.N.value), int(dut.LaneW.value)
    low, high = numerics.limits(width)
    await check(dut, [(random.randrange(4), random.randint(low, high + 1 - n)) for _ in range(500)])


@cocotb.test
async def values_that_come_and_go(dut) -> None:
    n, width = int(dut.N.value), int(dut.LaneW.value)
    low, high = numerics.limits(width)
    near = [(random.randrange(4), random.randint(-(1 << 19), 1 << 19)) for _ in range(300)]
    far = [(random.randrange(4), random.randint(low, high + 1 - n)) for _ in range(300)]
    await check(dut, random.sample(near + far, 600), share=0.3)
