# SPDX-License-Identifier: Apache-2.0
"""A run of csb_sim_top in steps, whoever drives its ports: load, start, frames, counters, states.

:class:`Machine` says them in four ways to touch a port. cocotb is one driver
(:mod:`csb_rnn.simulation.run_program`), a compiled clock the other
(:mod:`csb_rnn.simulation.compiled_clock`): same ports in the same cycles.
"""

from __future__ import annotations

import abc
import time
from typing import Any

from csb_rnn.machine import counters, registers

ACCESS_WITHIN = 1000  # cycles of a register access
# Those read in a run; the frames it counts itself.
COUNTERS = [c.name for c in counters.COUNTERS if not c.name.startswith("FRAMES_")]


class Machine(abc.ABC):
    """Register access and run control through the ports of csb_sim_top."""

    def __init__(self) -> None:
        self._req = 0
        self._goal = 0

    @abc.abstractmethod
    def put(self, **values: int) -> None:
        """Input ports, right after a rising edge."""

    @abc.abstractmethod
    def get(self, port: str) -> int:
        """An output port after a rising edge."""

    @abc.abstractmethod
    async def ticks(self, cycles: int) -> None:
        """Rising edges."""

    @abc.abstractmethod
    async def until(self, port: str, value: int, cycles: int, what: str) -> None:
        """Rising edges until an output port has a value.

        Raises:
            AssertionError: it took longer; ``what`` names the missing event.
        """

    async def _access(self, write: bool, name: str, value: int = 0) -> int:
        address = registers.address(name)
        self._req ^= 1
        self.put(reg_we_i=int(write), reg_addr_i=address, reg_wdata_i=value, reg_req_i=self._req)
        what = f"the answer to a register access at {address:#x}"
        await self.until("reg_ack_o", self._req, ACCESS_WITHIN, what)
        await self.ticks(1)
        return 0 if write else self.get("reg_rdata_o")

    async def write(self, name: str, value: int) -> None:
        await self._access(True, name, value)

    async def read(self, name: str, field: str | None = None) -> int:
        value = await self._access(False, name)
        return value if field is None else registers.field(name, field, value)

    async def wait(self, field: str, value: int, tries: int = 10_000) -> None:
        """Poll a STATUS field."""
        for _ in range(tries):
            if await self.read("STATUS", field) == value:
                return
        raise AssertionError(f"STATUS.{field} never became {value}")

    async def reset(self) -> None:
        inputs = ("load", "reg_req", "reg_we", "reg_addr", "reg_wdata", "goal", "patience", "dump")
        self.put(**{f"{name}_i": 0 for name in inputs}, rst_ni=0)
        await self.ticks(4)
        self.put(rst_ni=1)
        await self.ticks(2)

    async def load(self, words: int, limit: int) -> int:
        """Send the image, whose last word has to be taken within ``limit`` cycles; returns the
        error code."""
        self.put(image_words_i=words, load_i=1)
        await self.until("sent_o", 1, limit, f"the last of {words} words of the image")
        self.put(load_i=0)
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
        sent, self._goal = self._goal, goal
        self.put(goal_i=goal, patience_i=patience)
        await self.ticks(2)
        # csb_sim_top gives up by itself; this bound is for a csb_sim_top that does not.
        limit = ((goal - sent) * beats + 1) * (patience + 1)
        await self.until("done_o", 1, limit, "done_o of csb_sim_top")
        return bool(self.get("stuck_o"))

    async def state_at(self, lane: int, addr: int) -> None:
        """Points STATE_DATA to a word of the state memory."""
        await self.write("STATE_ADDR", registers.value("STATE_ADDR", lane=lane, addr=addr))

    async def state_word(self, lane: int, addr: int) -> int:
        await self.state_at(lane, addr)
        return await self.read("STATE_DATA")

    async def dump(self) -> None:
        """Outputs and cycles to files."""
        self.put(dump_i=1)
        await self.ticks(1)
        self.put(dump_i=0)
        await self.ticks(1)


async def run(m: Machine, todo: dict[str, Any]) -> dict[str, Any]:
    """A whole job, as :func:`csb_rnn.simulation.simulate.simulate` writes it; returns the report.

    Raises:
        AssertionError: the machine cannot be driven at all.
    """
    m.put(**{f"{name}_i": todo[name] for name in ("in_beats", "source_stall", "sink_stall")})
    await m.reset()
    error = await m.load(todo["image_words"], todo["load_limit"])
    report: dict[str, Any] = {"error": error, "stuck": False}
    first = m.get("cycle_o")
    began = time.perf_counter()
    goal = 0
    counts = dict.fromkeys(COUNTERS, 0)
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
            counts[name] += await m.read(name)
        running += await m.read("CYCLES_LO") if counted else 0
        if counted:
            for g in range(todo["groups"]):
                await m.write("PEG_SELECT", g)
                busy[g] += await m.read("PEG_ISSUE")
        if report["stuck"] or report["error"]:
            break
    report["cycles"] = m.get("cycle_o") - first
    report["seconds"] = time.perf_counter() - began
    report["running_cycles"] = running
    report["counters"], report["busy"] = counts, busy
    report["state"] = [await m.state_word(lane, addr) for lane, addr in todo["state"]]
    await m.dump()
    return report
