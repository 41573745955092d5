# SPDX-License-Identifier: Apache-2.0
"""Clock, reset, bounded waits, and the two ends of a valid/ready stream for cocotb benches.

All signals are sampled at the rising edge and driven right after it, as registers would.

No bench waits for ever. Whatever depends on the design is awaited through :func:`within` or
:func:`until`, which give up after so many clock cycles and name the missing event; a loop without
an end is the body of a background task and never awaited. A test
refuses others: ``tests/rtl/test_waits.py``.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.handle import HierarchyObject, LogicArrayObject
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.types import LogicArray, Range

from csb_rnn.simulation import waits
from csb_rnn.simulation.waits import until

CLOCK_NS = 10
TAKEN_WITHIN = 100_000  # most cycles of a working sink to take an offered word
# (source, sink) chance of a stall in a cycle: the four patterns every stream is tested under.
STALLS = {"none": (0.0, 0.0), "source": (0.6, 0.0), "sink": (0.0, 0.6), "both": (0.5, 0.5)}


def recoveries() -> int:
    """Sequences of a bench of interruptions: CSB_RECOVERY, default 40."""
    return int(os.environ.get("CSB_RECOVERY", "40"))


def start_clock(dut: HierarchyObject) -> None:
    """Starts ``clk_i``, low first, so reset is there at the first edge; ends with the test."""
    cocotb.start_soon(Clock(dut.clk_i, CLOCK_NS, unit="ns").start(start_high=False))


async def reset(dut: HierarchyObject, cycles: int = 2) -> None:
    """Holds ``rst_ni`` low for some cycles; returns right after its release."""
    dut.rst_ni.value = 0
    await ClockCycles(dut.clk_i, cycles)
    dut.rst_ni.value = 1


async def within(cycles: int, awaitable: Any, what: str = "") -> Any:
    """:func:`csb_rnn.simulation.waits.within` with the benches' clock."""
    return await waits.within(cycles, awaitable, what, CLOCK_NS)


def poison(signal: LogicArrayObject) -> None:
    """Makes a payload worthless: X, or random bits in Verilator, which has no X."""
    width = len(signal)
    if cocotb.SIM_NAME.startswith("Verilator"):
        signal.value = random.getrandbits(width)
    else:
        signal.value = LogicArray("X" * width, Range(width - 1, "downto", 0))


class StreamSource:
    """Drives ``<name>_valid_i`` and ``<name>_data_i``, obeys ``<name>_ready_o``.

    Between words, in cycles stalled with probability ``stall``, the payload is poison.
    """

    def __init__(self, dut: HierarchyObject, name: str, stall: float = 0.0) -> None:
        self.clock = dut.clk_i
        self.valid = getattr(dut, f"{name}_valid_i")
        self.ready = getattr(dut, f"{name}_ready_o")
        self.data = getattr(dut, f"{name}_data_i")
        self.stall = stall
        self.idle()

    def idle(self) -> None:
        self.valid.value = 0
        poison(self.data)

    def _taken(self) -> bool:
        return bool(self.ready.value == 1)

    async def send(self, words: Iterable[int]) -> None:
        """Returns when the last word has been taken."""
        for word in words:
            for _ in range(TAKEN_WITHIN):
                if random.random() >= self.stall:
                    break
                await RisingEdge(self.clock)
            self.valid.value = 1
            self.data.value = word
            await until(self.clock, self._taken, TAKEN_WITHIN, self.ready._name)
            self.idle()


class StreamSink:
    """Takes ``<name>_data_o`` when ``<name>_valid_o``, stalling with probability ``stall``.

    ``words`` are the received ones, in order; an X in valid or in a taken payload is an error.
    """

    def __init__(self, dut: HierarchyObject, name: str, stall: float = 0.0) -> None:
        self.clock = dut.clk_i
        self.valid = getattr(dut, f"{name}_valid_o")
        self.ready = getattr(dut, f"{name}_ready_i")
        self.data = getattr(dut, f"{name}_data_o")
        self.stall = stall
        self.words: list[int] = []
        self.ready.value = 0

    async def receive(self) -> None:
        """Receives for ever: start it with ``cocotb.start_soon``."""
        while True:
            ready = random.random() >= self.stall
            self.ready.value = int(ready)
            await RisingEdge(self.clock)
            if ready and int(self.valid.value):
                self.words.append(int(self.data.value))
