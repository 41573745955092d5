# SPDX-License-Identifier: Apache-2.0
"""csb_round_sat: every input of a narrow instance against exact arithmetic."""

from fractions import Fraction
from math import floor

import cocotb
from cocotb.triggers import Timer


@cocotb.test
async def every_input(dut) -> None:
    in_w, shift, out_w = (int(getattr(dut, p).value) for p in ("InW", "Shift", "OutW"))
    low, high = -(2 ** (out_w - 1)), 2 ** (out_w - 1) - 1
    for value in range(-(2 ** (in_w - 1)), 2 ** (in_w - 1)):
        dut.data_i.value = value
        await Timer(1, unit="ns")
        rounded = floor(Fraction(value, 2**shift) + Fraction(1, 2))
        expected = min(max(rounded, low), high)
        assert dut.data_o.value.to_signed() == expected, f"{value} / 2^{shift}"
        assert dut.sat_o.value == (expected != rounded), f"flag for {value} / 2^{shift}"


@cocotb.test
async def negative_ties_round_up(dut) -> None:
    """The rounding mode, spelled out: -1.5 -> -1, -0.5 -> 0, 0.5 -> 1, 1.5 -> 2."""
    shift = int(dut.Shift.value)
    for halves, expected in ((-3, -1), (-1, 0), (1, 1), (3, 2)):
        dut.data_i.value = halves << (shift - 1)
        await Timer(1, unit="ns")
        assert dut.data_o.value.to_signed() == expected, f"{halves}/2"
