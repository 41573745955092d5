# SPDX-License-Identifier: Apache-2.0
"""The cocotb side of :mod:`csb_rnn.simulation.simulator`: a simulation that stays open and
takes commands.

Commands and answers are lines of JSON through two named pipes; simulated time stands still while
nothing is asked for.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from csb_rnn.simulation.run_program import Machine


class Server:
    """One open simulation."""

    def __init__(self, dut, job: dict[str, Any]) -> None:
        self.dut, self.job, self.machine = dut, job, Machine(dut)
        self.frames = 0  # sent since reset

    async def load(self) -> dict[str, Any]:
        self.machine.put(in_beats_i=self.job["in_beats"], source_stall_i=0, sink_stall_i=0)
        await self.machine.reset()
        return {"error": await self.machine.load(self.job["image_words"], self.job["load_limit"])}

    async def do(self, name: str, *arguments: Any) -> dict[str, Any]:
        """One command; each ends within a number of cycles."""
        if name == "start":
            return await self.start(*arguments)
        if name == "step":
            return await self.step(*arguments)
        return await self.stop(*arguments)

    async def start(self, state: list[list[int]] | None) -> dict[str, Any]:
        """Begin a sequence, from zero or from words (lane, address, value) of the state memory."""
        for lane, addr, value in state or []:
            await self.machine.state_at(lane, addr)
            await self.machine.write("STATE_DATA", value & 0xFFFFFFFF)
        await self.machine.start(state is None)
        return {}

    async def step(self, beats: list[int]) -> dict[str, Any]:
        """Send the beats of one frame, wait for the output beats."""
        dut, depth = self.dut, self.job["beat_depth"]
        for i, beat in enumerate(beats):
            dut.in_mem[(self.frames * len(beats) + i) % depth].value = beat
        self.frames += 1
        await RisingEdge(dut.clk_i)
        count = self.job["out_beats"]
        stuck = await self.machine.frames(self.frames, count, self.job["patience"])
        await RisingEdge(dut.clk_i)
        if stuck:
            return {"stuck": True}
        base = (self.frames - 1) * count
        out = [int(dut.out_mem[(base + i) % depth].value) for i in range(count)]
        at = (self.frames - 1) % self.job["frame_depth"]
        taken, sent = int(dut.in_cycle_mem[at].value), int(dut.out_cycle_mem[at].value)
        return {"beats": out, "cycles": sent - taken}

    async def stop(self, places: list[list[int]]) -> dict[str, Any]:
        """End the sequence and read state words (lane, address)."""
        error = await self.machine.read("STATUS", "error")
        await self.machine.stop()
        words = [await self.machine.state_word(lane, addr) for lane, addr in places]
        return {"error": error, "state": words}


@cocotb.test()
async def serve(dut) -> None:
    """Serves until it is told to end, or nobody is there any more."""
    job = json.loads(Path(os.environ["CSB_JOB"]).read_text())
    with open(job["commands"]) as commands, open(job["answers"], "w") as answers:
        server = Server(dut, job)

        def reply(answer: dict[str, Any]) -> None:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()

        reply(await server.load())
        for line in commands:  # until nobody is there any more
            name, *arguments = json.loads(line)
            if name == "end":
                return
            reply(await server.do(name, *arguments))
