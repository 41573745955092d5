# SPDX-License-Identifier: Apache-2.0
"""csb_top with illegal images (tb/lib/illegal.py): each ends in output frames or in an error code
within the time of the watchdog, and a good image works after it, bit by bit, without rst_ni.

The launcher's job (CSB_JOB) is a folder: ``good<n>.npz`` with image, inputs and outputs of legal
networks, ``filler.bin``, ``cases.json`` with the names and lengths and ``cases.bin`` with the
images. A line of ``outcomes.json`` for each case goes back.
"""

from __future__ import annotations

import json
import os
import random
from collections import deque
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from csb_rnn.machine import config, image, image_reader
from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.image import CONFIG
from csb_rnn.machine.registers import address, field, value
from tb.lib.stream import reset, start_clock, until

LIMIT = 700  # WATCHDOG; the legal networks need about a third of it
SLACK = 100  # cycles between the watchdog's end and the bench's
FRAMES = 3
NAMES = {code: name for name, (code, _) in ERRORS.items()}


class Host:
    """All ports, with drivers asleep until there is something to do."""

    def __init__(self, dut, c: config.Config) -> None:
        self.dut, self.config = dut, c
        self.values_per_beat = len(dut.m_axis_frame_tdata) // 16
        for name in ("awvalid", "wvalid", "arvalid", "awprot", "arprot"):
            getattr(dut, f"s_axil_{name}").value = 0
        dut.s_axil_bready.value = dut.s_axil_rready.value = 1
        dut.s_axis_image_tvalid.value = dut.s_axis_image_tlast.value = 0
        dut.s_axis_frame_tvalid.value = dut.s_axis_frame_tlast.value = 0
        dut.m_axis_frame_tready.value = 1
        self.queue: deque[tuple[int, bool]] = deque()  # input beats; the first one is offered
        self.begun = 0  # beats taken of the frame whose beats are first in the queue
        self.out: list[tuple[list[int], bool]] = []  # output beats
        self.quiet = 0  # cycles without a beat at a frame port
        self.sink_stalls = 0.0
        start_clock(dut)

    async def begin(self) -> None:
        await reset(self.dut, 4)
        cocotb.start_soon(self._send_frames())
        cocotb.start_soon(self._take_frames())

    async def _send_frames(self) -> None:
        dut = self.dut
        while True:
            dut.s_axis_frame_tvalid.value = 0
            while not self.queue:
                await RisingEdge(dut.clk_i)
            dut.s_axis_frame_tvalid.value = 1
            dut.s_axis_frame_tdata.value, last = self.queue[0]
            dut.s_axis_frame_tlast.value = int(last)
            await RisingEdge(dut.clk_i)
            while dut.s_axis_frame_tready.value != 1:
                await RisingEdge(dut.clk_i)
            self.queue.popleft()
            self.begun = 0 if last else self.begun + 1
            self.quiet = 0

    async def _take_frames(self) -> None:
        dut, valid, ready = self.dut, self.dut.m_axis_frame_tvalid, self.dut.m_axis_frame_tready
        takes = True
        while True:
            await RisingEdge(dut.clk_i)
            self.quiet += 1
            if takes and valid.value == 1:
                keep, data = int(dut.m_axis_frame_tkeep.value), dut.m_axis_frame_tdata.value
                kept = [j for j in range(self.values_per_beat) if keep >> 2 * j & 3]
                known = data.is_resolvable  # of an illegal program it may be X
                values = [data[16 * j + 15 : 16 * j].to_signed() if known else 0 for j in kept]
                self.out.append((values, dut.m_axis_frame_tlast.value == 1))
                self.quiet = 0
            if self.sink_stalls:
                takes = random.random() >= self.sink_stalls
                ready.value = int(takes)
            else:
                takes = True

    def offer(self, x: np.ndarray, at: int = 0) -> None:
        """Queues a frame, from beat ``at`` on."""
        x = (
            np.pad(x, (0, -len(x) % self.values_per_beat)).reshape(-1, self.values_per_beat)
            & 0xFFFF
        )
        for i, beat in enumerate(x.tolist()):
            if i >= at:
                self.queue.append((sum(v << 16 * j for j, v in enumerate(beat)), i == len(x) - 1))

    def keep_offered(self) -> bool:
        """Forgets queued frames not yet begun; True if a first beat is offered."""
        left = list(self.queue)
        if self.begun:
            end = next(i for i, (_, last) in enumerate(left) if last) + 1
            self.queue = deque(left[:end])
            return False
        self.queue = deque(left[:1])
        return bool(left)

    async def write(self, name: str, value: int) -> None:
        dut = self.dut
        dut.s_axil_awaddr.value, dut.s_axil_wdata.value = address(name), value
        dut.s_axil_wstrb.value = 15
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = 1
        await RisingEdge(dut.clk_i)  # one is under way at a time, so both are ready
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = 0
        await self._until(dut.s_axil_bvalid, 20)
        assert dut.s_axil_bresp.value == 0

    async def read(self, name: str, part: str | None = None) -> int:
        dut = self.dut
        dut.s_axil_araddr.value, dut.s_axil_arvalid.value = address(name), 1
        await RisingEdge(dut.clk_i)
        dut.s_axil_arvalid.value = 0
        await self._until(dut.s_axil_rvalid, 20)
        value = int(dut.s_axil_rdata.value)
        await RisingEdge(dut.clk_i)
        return value if part is None else field(name, part, value)

    async def _until(self, signal, cycles: int) -> None:
        await until(self.dut.clk_i, lambda: signal.value == 1, cycles, signal._name)

    async def error(self) -> str:
        return NAMES[await self.read("STATUS", "error")]

    async def load(self, data: bytes) -> str:
        """Sends an image and returns the name of the interrupt's error."""
        dut, words = self.dut, image.words32(data)
        await self.write("IRQ_PENDING", 3)
        dut.s_axis_image_tvalid.value = 1
        for i, word in enumerate(words):
            dut.s_axis_image_tdata.value = word
            dut.s_axis_image_tlast.value = int(i == len(words) - 1)
            await self._until(dut.s_axis_image_tready, 10_000)
        dut.s_axis_image_tvalid.value = 0
        if dut.irq_o.value != 1:
            await self._until(dut.irq_o, 10)
        assert await self.read("STATUS", "loading") == 0
        return await self.error()

    async def start(self) -> None:
        await self.write("IRQ_PENDING", 3)
        await self.write("CONTROL", value("CONTROL", start=1, fresh=1))
        self.quiet = 0

    async def stop(self) -> None:
        """Stops, sends the rest of a begun frame and takes all offered beats."""
        await self.write("CONTROL", value("CONTROL", stop=1, fresh=1))
        for _ in range(20):
            if await self.read("STATUS", "idle"):
                break
        else:
            raise AssertionError("does not come to rest after a stop")
        self.sink_stalls = 0.0
        self.dut.m_axis_frame_tready.value = 1
        clock = self.dut.clk_i
        await until(clock, lambda: not self.begun and self.quiet > 20, 20_000, "a cut frame's end")
        self.out.clear()


class Good:
    """A legal network: image, inputs and outputs."""

    def __init__(self, file: Path) -> None:
        arrays = np.load(file)
        self.image = arrays["image"].tobytes()
        self.x, self.y = arrays["x"], arrays["y"]

    async def check(self, h: Host) -> None:
        """Load, run, compare: every bit, and the watchdog does not bark."""
        assert await h.load(self.image) == "none"
        h.out.clear()
        waits = bool(h.queue)  # the first beat of the first frame is offered already
        await h.start()
        for n, x in enumerate(self.x):
            h.offer(x, at=int(waits and n == 0))
        want = []
        for y in self.y:
            parts = [
                y[i : i + h.values_per_beat].tolist() for i in range(0, len(y), h.values_per_beat)
            ]
            want += [(part, i == len(parts) - 1) for i, part in enumerate(parts)]

        def over() -> bool:
            return len(h.out) >= len(want) or h.quiet > LIMIT + SLACK

        await until(h.dut.clk_i, over, 100_000, "the end of a run")
        await ClockCycles(h.dut.clk_i, 60)
        assert await h.error() == "none"
        assert h.out == want
        await h.stop()


async def run_illegal(h: Host, data: bytes, good: Good) -> str:
    """Loads an illegal image and, if it is taken, runs it; its result."""
    error = await h.load(data)
    if error != "none":
        assert not await h.read("STATUS", "image_valid")
        return f"refused: {error}"
    registers = program_registers(h.config, data)
    size = good.x.shape[1]
    if random.random() < 0.7 and registers["x_count"] > h.values_per_beat:
        size = registers["x_count"]
    h.sink_stalls = random.choice((0.0, 0.0, 0.5))
    await h.start()
    for _ in range(FRAMES):
        h.offer(np.resize(good.x[0], size))
    beats = FRAMES * (-(-size // h.values_per_beat) + registers["out_beats"])
    for _ in range(beats * (LIMIT + SLACK)):
        await RisingEdge(h.dut.clk_i)
        if h.dut.irq_o.value == 1:
            return await h.error()
        if sum(last for _, last in h.out) == FRAMES:
            return "frames"
        assert h.quiet <= LIMIT + SLACK, "silent: no beat and no error for longer than WATCHDOG"
    raise AssertionError("busy without end: neither all frames nor an error")


def program_registers(c: config.Config, data: bytes) -> dict[str, int]:
    """The final values of the CONFIG words: of each the last one."""
    values = {}
    for s in image_reader.unpack(c, data):
        if s.target is image.Target.CONFIG:
            values |= {CONFIG[s.addr + i].name: w for i, w in enumerate(s.words)}
    return values


@cocotb.test
async def illegal_images(dut) -> None:
    folder = Path(os.environ["CSB_JOB"])
    cases = json.loads((folder / "cases.json").read_text())
    data = (folder / "cases.bin").read_bytes()
    goods = [Good(file) for file in sorted(folder.glob("good*.npz"))]
    h = Host(dut, config.load(cases["config"], **cases["overrides"]))
    await h.begin()
    await h.write("WATCHDOG", LIMIT)
    await h.write("IRQ_ENABLE", 3)
    # Words named in no legal image are random, not X, as in a device.
    assert await h.load((folder / "filler.bin").read_bytes()) == "none"
    outcomes, bad, at = [], [], 0
    for case in cases["images"]:
        good = goods[case["good"]]
        illegal, at = data[at : at + case["bytes"]], at + case["bytes"]
        random.seed(case["seed"])
        try:
            outcome = await run_illegal(h, illegal, good)
        except AssertionError as failed:
            outcome = str(failed)
            bad.append(f"{case['name']}: {outcome}")
        outcomes.append({"name": case["name"], "outcome": outcome})
        h.keep_offered()
        await h.stop()
        try:
            await good.check(h)
        except AssertionError as failed:
            raise AssertionError(f"after {case['name']} ({outcome}): {failed}") from failed
        finally:
            (folder / "outcomes.json").write_text(json.dumps(outcomes))
    assert not bad, f"{len(bad)} of {len(cases['images'])}: " + "; ".join(bad[:10])
