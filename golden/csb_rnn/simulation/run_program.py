# SPDX-License-Identifier: Apache-2.0
"""The cocotb side of :mod:`csb_rnn.simulation.simulate`: loads the image and runs sequences of
frames on csb_sim_top. The job is in the JSON file named by CSB_JOB; the results go to
another."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, ValueChange

from csb_rnn.machine import counters, registers
from csb_rnn.simulation.waits import within

CLOCK_NS = 2
ACCESS_WITHIN = 1000  # cycles of a register access
# Those read in a run; the frames it counts itself.
COUNTERS = [c.name for c in counters.COUNTERS if not c.name.startswith("FRAMES_")]


class Machine:
    """Register access and run control through the ports of csb_sim_top."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self._req = 0

    async def _within(self, cycles: int, trigger: Any, what: str) -> None:
        await within(cycles, trigger, what, CLOCK_NS)

    async def _access(self) -> int:
        self._req ^= 1
        self.dut.reg_req_i.value = self._req
        what = f"the answer to a register access at {int(self.dut.reg_addr_i.value):#x}"
        await self._within(ACCESS_WITHIN, ValueChange(self.dut.reg_ack_o), what)
        await RisingEdge(self.dut.clk_i)
        return int(self.dut.reg_rdata_o.value) if not int(self.dut.reg_we_i.value) else 0

    async def write(self, name: str, value: int) -> None:
        self.dut.reg_we_i.value = 1
        self.dut.reg_addr_i.value = registers.address(name)
        self.dut.reg_wdata_i.value = value
        await self._access()

    async def read(self, name: str, field: str | None = None) -> int:
        self.dut.reg_we_i.value = 0
        self.dut.reg_addr_i.value = registers.address(name)
        value = await self._access()
        return value if field is None else registers.field(name, field, value)

    async def wait(self, field: str, value: int, tries: int = 10_000) -> None:
        """Poll a STATUS field."""
        for _ in range(tries):
            if await self.read("STATUS", field) == value:
                return
        raise AssertionError(f"STATUS.{field} never became {value}")

    async def reset(self) -> None:
        for name in (
            "load", "reg_req", "reg_we", "reg_addr", "reg_wdata", "goal", "patience", "dump"
        ):  # fmt: skip
            getattr(self.dut, f"{name}_i").value = 0
        self.dut.rst_ni.value = 0
        await ClockCycles(self.dut.clk_i, 4)
        self.dut.rst_ni.value = 1
        await ClockCycles(self.dut.clk_i, 2)

    async def load(self, words: int, limit: int) -> int:
        """Send the image, whose last word has to be taken within ``limit`` cycles; returns the
        error code."""
        self.dut.image_words_i.value = words
        self.dut.load_i.value = 1
        what = f"the last of {words} words of the image"
        await self._within(limit, RisingEdge(self.dut.sent_o), what)
        self.dut.load_i.value = 0
        await self.wait("loading", 0)
        return await self.read("STATUS", "error")

    async def start(self, fresh: bool) -> None:
        await self.write("CONTROL", registers.value("CONTROL", start=1, fresh=fresh))

    async def stop(self) -> None:
        await self.write("CONTROL", registers.value("CONTROL", stop=1))
        await self.wait("idle", 1)

    async def frames(self, goal: int, beats: int, patience: int) -> bool:
        """Send frames and wait until ``goal`` in all have come out, each of so many beats; returns
        whether the machine got stuck: no beat for ``patience`` cycles."""
        dut = self.dut
        sent = int(dut.goal_i.value)
        dut.goal_i.value, dut.patience_i.value = goal, patience
        await RisingEdge(dut.clk_i)
        await RisingEdge(dut.clk_i)
        if not int(dut.done_o.value):
            # csb_sim_top gives up by itself; this bound is for a csb_sim_top that does not.
            limit = ((goal - sent) * beats + 1) * (patience + 1)
            await self._within(limit, RisingEdge(dut.done_o), "done_o of csb_sim_top")
        return bool(int(dut.stuck_o.value))

    async def state_at(self, lane: int, addr: int) -> None:
        """Points STATE_DATA to a word of the state memory."""
        await self.write("STATE_ADDR", registers.value("STATE_ADDR", lane=lane, addr=addr))

    async def state_word(self, lane: int, addr: int) -> int:
        await self.state_at(lane, addr)
        return await self.read("STATE_DATA")


@cocotb.test()
async def job(dut) -> None:
    """Runs the job and reports; it fails only if the machine cannot be driven at all."""
    todo = json.loads(Path(os.environ["CSB_JOB"]).read_text())
    Clock(dut.clk_i, CLOCK_NS, "ns", impl="gpi").start()
    dut.in_beats_i.value = todo["in_beats"]
    dut.source_stall_i.value = todo["source_stall"]
    dut.sink_stall_i.value = todo["sink_stall"]
    m = Machine(dut)
    await m.reset()
    error = await m.load(todo["image_words"], todo["load_limit"])
    report: dict = {"error": error, "stuck": False}
    first = int(dut.cycle_o.value)
    began = time.perf_counter()
    goal = 0
    counters = dict.fromkeys(COUNTERS, 0)
    busy = [0] * todo["groups"]
    running = 0
    for i, frames in enumerate(todo["sequences"] if not report["error"] else []):
        counted = not todo["count_last"] or i == len(todo["sequences"]) - 1
        goal += frames
        await m.start(todo["fresh"])
        report["stuck"] = await m.frames(goal, todo["out_beats"], todo["patience"])
        report["error"] = await m.read("STATUS", "error")
        await m.stop()
        for name in COUNTERS if counted else ["SATURATIONS"]:
            counters[name] += await m.read(name)
        running += await m.read("CYCLES_LO") if counted else 0
        if counted:
            for g in range(todo["groups"]):
                await m.write("PEG_SELECT", g)
                busy[g] += await m.read("PEG_ISSUE")
        if report["stuck"] or report["error"]:
            break
    report["cycles"] = int(dut.cycle_o.value) - first
    report["seconds"] = time.perf_counter() - began
    report["running_cycles"] = running
    report["counters"], report["busy"] = counters, busy
    report["state"] = [await m.state_word(lane, addr) for lane, addr in todo["state"]]
    dut.dump_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.dump_i.value = 0
    await RisingEdge(dut.clk_i)
    Path(todo["report"]).write_text(json.dumps(report))
