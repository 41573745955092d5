# SPDX-License-Identifier: Apache-2.0
"""csb_output: order, stalls, latency, full rate, the two halves, stop and reset."""

from __future__ import annotations

import os
import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from csb_rnn.machine import config, image, isa
from tb.lib.axi import axis_sink
from tb.lib.checkers import Checker, Monitor
from tb.lib.stream import STALLS, TAKEN_WITHIN, reset, start_clock, until

DEPTH = 16
CONFIG = config.load(os.environ.get("CSB_CONFIG", "tiny"), out_depth=DEPTH)
MOST = DEPTH * min(CONFIG.L, CONFIG.out_lanes)  # values that buffer and table hold


def parameters(name: str = "tiny") -> dict[str, int]:
    """Parameters of the module for a configuration."""
    c = config.load(name)
    return {"L": c.L, "DataW": c.data_w, "StreamW": c.stream_w, "OutDepth": DEPTH}


class Bench:
    """The module, a writer in front of it, and what has to come out."""

    def __init__(self, dut, stalls: str = "none") -> None:
        self.dut = dut
        self.sink = axis_sink(dut, "m", STALLS[stalls][1])
        self.lag = STALLS[stalls][0]
        self.beats = Checker("output beats", hex)
        self.cycle = 0
        self.free = 2
        self.half = 0
        self.taken: list[int] = []
        self.done = 0  # cycle of the last out_done_i
        for name in ("start_i", "stop_i", "ld_we_i", "out_valid_i", "out_done_i"):
            getattr(dut, name).value = 0
        dut.out_beats_i.value = 1
        dut.out_last_i.value = 1
        start_clock(dut)
        Monitor(dut, lambda: True, lambda: None, self._clock).start()

    def _clock(self, _: None) -> None:
        dut = self.dut
        self.cycle += 1
        if dut.out_done_i.value == 1:
            self.done = self.cycle
        if dut.out_release_o.value == 1:
            self.free += 1
        if dut.m_tvalid_o.value == 1 and dut.m_tready_i.value == 1:
            keep = dut.m_tkeep_o.value.to_unsigned()
            data = dut.m_tdata_o.value
            kept = 0
            for j in range(CONFIG.out_lanes):
                if keep >> 2 * j & 1:
                    kept |= data[16 * j + 15 : 16 * j].to_unsigned() << 16 * j
            self.beats.got(kept | keep << 1024 | int(dut.m_tlast_o.value) << 2048)
            self.taken.append(self.cycle)

    async def load(self, values: int) -> None:
        """A random order of that many values."""
        v, dut = CONFIG.out_lanes, self.dut
        cells = [(a, col) for a in range(DEPTH) for col in range(CONFIG.L)]
        self.places = random.sample(cells, values)
        beats = [self.places[i : i + v] for i in range(0, values, v)]
        for b, places in enumerate(beats):
            dut.ld_we_i.value = 1
            dut.ld_addr_i.value = b
            bits = CONFIG.out_lanes * image.out_entry_width(CONFIG)
            for part, data in enumerate(isa.load_parts(image.out_word(CONFIG, places), bits)):
                dut.ld_part_i.value, dut.ld_data_i.value = part, data
                await RisingEdge(dut.clk_i)
        dut.ld_we_i.value = 0
        dut.out_beats_i.value = len(beats)
        dut.out_last_i.value = len(beats[-1])

    async def start(self, values: int) -> None:
        await reset(self.dut)
        self.dut.stop_i.value = 1
        await self.load(values)
        await RisingEdge(self.dut.clk_i)
        self.dut.stop_i.value = 0
        self.dut.start_i.value = 1
        await RisingEdge(self.dut.clk_i)
        self.dut.start_i.value = 0
        self.free, self.half = 2, 0

    async def frame(self) -> None:
        """Writes one frame as the data path would."""
        dut, w = self.dut, CONFIG.data_w
        if self.free == 0:
            await until(dut.clk_i, lambda: self.free > 0, 10000, "a free half")
        self.free -= 1
        words = [
            [random.randint(-(1 << w - 1), (1 << w - 1) - 1) for _ in range(CONFIG.L)]
            for _ in range(DEPTH)
        ]
        for a, word in enumerate(words):
            for _ in range(TAKEN_WITHIN):
                if random.random() >= self.lag:
                    break
                dut.out_valid_i.value = 0
                await RisingEdge(dut.clk_i)
            dut.out_valid_i.value = 1
            dut.out_addr_i.value = self.half * DEPTH + a
            mask = (1 << w) - 1
            dut.out_data_i.value = sum((x & mask) << i * w for i, x in enumerate(word))
            dut.out_done_i.value = int(a == DEPTH - 1)
            if a < DEPTH - 1:
                await RisingEdge(dut.clk_i)
        self.half ^= 1
        v = CONFIG.out_lanes
        values = [words[a][col] & 0xFFFF for a, col in self.places]
        beats = [values[i : i + v] for i in range(0, len(values), v)]
        for b, beat in enumerate(beats):
            data = sum(x << 16 * j for j, x in enumerate(beat))
            keep = (1 << 2 * len(beat)) - 1
            self.beats.expect(data | keep << 1024 | int(b == len(beats) - 1) << 2048)
        await RisingEdge(dut.clk_i)
        dut.out_valid_i.value = 0
        dut.out_done_i.value = 0

    async def finish(self, cycles: int = 2000) -> None:
        await self.beats.done(lambda: RisingEdge(self.dut.clk_i), cycles)


@cocotb.test
@cocotb.parametrize(stalls=list(STALLS), values=[1, 2 * CONFIG.out_lanes, 13])
async def every_value_in_order(dut, stalls: str, values: int) -> None:
    b = Bench(dut, stalls)
    await b.start(values)
    for _ in range(12):
        await b.frame()
    await b.finish()
    assert b.free == 2


@cocotb.test
async def latency_rate_and_credit(dut) -> None:
    b = Bench(dut)
    await b.start(MOST)
    beats = -(-MOST // CONFIG.out_lanes)
    released: list[int] = []
    Monitor(dut, lambda: dut.out_release_o.value == 1, lambda: b.cycle, released.append).start()
    await ClockCycles(dut.clk_i, 5)
    await b.frame()
    await b.finish()
    done = b.done
    assert b.taken == list(range(done + 3, done + 3 + beats))
    assert released == [b.taken[-1] - 2]
    # two frames follow each other without a gap
    b.taken.clear()
    b.sink.pause = True
    for _ in range(2):
        await b.frame()
    b.sink.pause = False
    await b.finish()
    assert b.taken == list(range(b.taken[0], b.taken[0] + 2 * beats))


@cocotb.test
@cocotb.parametrize(ready=[False, True])
async def stop_ends_with_the_pending_beat(dut, ready: bool) -> None:
    b = Bench(dut)
    values = MOST
    await b.start(values)
    for stop_after in (0, 1, 2, 3, 4, 7):
        b.sink.pause = True
        await b.frame()
        await ClockCycles(dut.clk_i, stop_after)
        b.sink.pause = not ready
        await ClockCycles(dut.clk_i, 2)
        dut.stop_i.value = 1
        await RisingEdge(dut.clk_i)  # the edge at which the module sees it
        pending = dut.m_tvalid_o.value == 1 and dut.m_tready_i.value == 0
        count = b.beats.count
        await ClockCycles(dut.clk_i, 20)
        if pending:
            assert dut.m_tvalid_o.value == 1
            assert b.beats.count == count
        b.sink.pause = False
        await ClockCycles(dut.clk_i, 20)
        assert b.beats.count <= count + 1
        assert dut.m_tvalid_o.value == 0
        b.beats.expected.clear()
        dut.stop_i.value = 0
        dut.start_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0
        b.free, b.half = 2, 0
        for _ in range(3):
            await b.frame()
        await b.finish()
        dut.stop_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.stop_i.value = 0
        dut.start_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0
        b.free, b.half = 2, 0


@cocotb.test
async def reset_in_mid_frame(dut) -> None:
    b = Bench(dut, "both")
    for cycles in (3, 9):
        await b.start(MOST)
        await b.frame()
        await ClockCycles(dut.clk_i, cycles)
        await reset(dut)
        await RisingEdge(dut.clk_i)
        assert dut.m_tvalid_o.value == 0
        b.beats.expected.clear()
    await b.start(5)
    for _ in range(3):
        await b.frame()
    await b.finish()
