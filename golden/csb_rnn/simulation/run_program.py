# SPDX-License-Identifier: Apache-2.0
"""The cocotb side of :mod:`csb_rnn.simulation.simulate`: loads the image and runs sequences of
frames on csb_sim_top. The job is in the JSON file named by CSB_JOB; the results go to
another."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ValueChange

from csb_rnn.simulation import job
from csb_rnn.simulation.waits import within

CLOCK_NS = 2


class Machine(job.Machine):
    """The ports of csb_sim_top as cocotb's handles; the clock runs."""

    def __init__(self, dut: Any) -> None:
        super().__init__()
        self.dut = dut
        Clock(dut.clk_i, CLOCK_NS, "ns", impl="gpi").start()

    def put(self, **values: int) -> None:
        for port, value in values.items():
            getattr(self.dut, port).value = value

    def get(self, port: str) -> int:
        return int(getattr(self.dut, port).value)

    async def ticks(self, cycles: int) -> None:
        await ClockCycles(self.dut.clk_i, cycles)

    async def until(self, port: str, value: int, cycles: int, what: str) -> None:
        handle = getattr(self.dut, port)
        if self.get(port) != value:  # a bit that changes once
            await within(cycles, ValueChange(handle), what, CLOCK_NS)


@cocotb.test()
async def run_job(dut: Any) -> None:
    """Runs the job and reports; it fails only if the machine cannot be driven at all."""
    todo = json.loads(Path(os.environ["CSB_JOB"]).read_text())
    report = await job.run(Machine(dut), todo)
    Path(todo["report"]).write_text(json.dumps(report))
