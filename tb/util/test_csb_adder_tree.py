# SPDX-License-Identifier: Apache-2.0
"""csb_adder_tree: random operands and both ends of their range against Python's sum."""

import random

import cocotb
from cocotb.triggers import Timer

from tb.lib.datapath_model import pack, random_signed

TRIES = 200


@cocotb.test
async def adds_all(dut) -> None:
    n, in_w = int(dut.N.value), int(dut.InW.value)
    low, high = -(1 << (in_w - 1)), (1 << (in_w - 1)) - 1
    ends = [[low] * n, [high] * n, [random.choice((low, high)) for _ in range(n)]]
    for values in [*ends, *([random_signed(in_w) for _ in range(n)] for _ in range(TRIES))]:
        dut.data_i.value = pack(values, in_w)
        await Timer(1, unit="ns")
        assert dut.sum_o.value.to_signed() == sum(values), values
