# SPDX-License-Identifier: Apache-2.0
"""csb_output: order, stalls, latency, full rate, the two halves, stop and reset."""

from __future__ import annotations

import os
import random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from csb_rnn.machine import config, image, isa
from tb.lib.axi import axis_sink, pauses
from tb.lib.checkers import Checker, Monitor
from tb.lib.flips import flip
from tb.lib.stream import STALLS, TAKEN_WITHIN, recoveries, reset, start_clock, until

DEPTH = int(os.environ.get("OUT_DEPTH", "16"))
HALF = 1 << (DEPTH - 1).bit_length()  # address of the second half
NEURONS = int(os.environ.get("BUS_NEURONS", "1"))
CONFIG = config.load(os.environ.get("CSB_CONFIG", "tiny"), out_depth=DEPTH, bus_neurons=NEURONS)
MOST = DEPTH * min(CONFIG.L, CONFIG.values_per_beat)  # values of buffer and table


def parameters(name: str = "tiny") -> dict[str, int]:
    """Parameters of the module for a configuration."""
    c = config.load(name)
    return {"L": c.L, "DataW": c.data_w, "StreamW": c.stream_w, "OutDepth": DEPTH}


class Bench:
    """The module, a writer in front of it, and the expected beats."""

    def __init__(self, dut, stalls: str = "none") -> None:
        self.dut = dut
        self.sink = axis_sink(dut, "m", STALLS[stalls][1])
        self.lag = STALLS[stalls][0]
        self.beats = Checker("output beats", hex)
        self.cycle = 0
        self.free = 2
        self.half = 0
        self.taken: list[int] = []
        self.slips: list[int] = []  # cycles of slip_o
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
        if dut.slip_o.value == 1:
            self.slips.append(self.cycle)
        if dut.m_tvalid_o.value == 1 and dut.m_tready_i.value == 1:
            keep = dut.m_tkeep_o.value.to_unsigned()
            data = dut.m_tdata_o.value
            kept = 0
            for j in range(CONFIG.values_per_beat):
                if keep >> 2 * j & 1:
                    kept |= data[16 * j + 15 : 16 * j].to_unsigned() << 16 * j
            self.beats.got(kept | keep << 1024 | int(dut.m_tlast_o.value) << 2048)
            self.taken.append(self.cycle)

    async def load(self, values: int) -> None:
        """A random order of so many values."""
        v, dut = CONFIG.values_per_beat, self.dut
        cells = [(a, col) for a in range(DEPTH) for col in range(CONFIG.L)]
        self.places = random.sample(cells, values)
        beats = [self.places[i : i + v] for i in range(0, values, v)]
        for b, places in enumerate(beats):
            dut.ld_we_i.value = 1
            dut.ld_addr_i.value = b
            bits = CONFIG.values_per_beat * image.out_entry_width(CONFIG)
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
        for a in range(0, DEPTH, NEURONS):
            word = [x for one in words[a : a + NEURONS] for x in one]
            for _ in range(TAKEN_WITHIN):
                if random.random() >= self.lag:
                    break
                dut.out_valid_i.value = 0
                await RisingEdge(dut.clk_i)
            dut.out_valid_i.value = 1
            dut.out_addr_i.value = self.half * HALF + a
            mask = (1 << w) - 1
            dut.out_data_i.value = sum((x & mask) << i * w for i, x in enumerate(word))
            dut.out_done_i.value = int(a == DEPTH - NEURONS)
            if a < DEPTH - NEURONS:
                await RisingEdge(dut.clk_i)
        self.half ^= 1
        v = CONFIG.values_per_beat
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
        assert not self.slips, "slip_o in a frame of the right length"


@cocotb.test
@cocotb.parametrize(stalls=list(STALLS), values=[1, 2 * CONFIG.values_per_beat, 13])
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
    beats = -(-MOST // CONFIG.values_per_beat)
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


class Cut:
    """A run ended by a stop, and the sink's view of it: beats of the frames up to the stop,
    then zeros up to the end of the open frame."""

    def __init__(self, b: Bench) -> None:
        self.b, self.dut = b, b.dut
        self.beats: list[int] = []  # taken in this run
        self.frames: list[list[int]] = []  # the run's results
        self.length = 1  # beats of a frame
        self.sent = self.cut = 0  # pulses
        b.beats.got = self.beats.append
        Monitor(b.dut, lambda: True, lambda: None, self._clock).start()

    def _clock(self, _: None) -> None:
        self.sent += int(self.dut.sent_o.value)
        self.cut += int(self.dut.cut_o.value)

    async def start(self, values: int) -> None:
        """Loads an order of so many values, and starts; no frame is open."""
        b, dut = self.b, self.dut
        await b.load(values)
        b.beats.expected.clear()
        self.beats.clear()
        self.length = -(-values // CONFIG.values_per_beat)
        self.sent = self.cut = 0
        dut.start_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0
        b.free, b.half = 2, 0

    async def stop(self, cycles: int) -> None:
        """Stops for so many cycles; checks the open frame."""
        b, dut = self.b, self.dut
        dut.stop_i.value = 1
        await RisingEdge(dut.clk_i)  # the edge seen by the module
        held = dut.m_tvalid_o.value == 1 and dut.m_tready_i.value == 0
        dut.out_valid_i.value = dut.out_done_i.value = 0
        await FallingEdge(dut.clk_i)
        self.seen = len(self.beats) + int(held)
        open_now = bool(self.seen % self.length) or held
        assert bool(dut.open_o.value) == open_now
        self.want = list(b.beats.expected)[: self.seen]
        rest = -self.seen % self.length
        if rest:
            last = list(b.beats.expected)[self.seen + rest - 1]
            full = (1 << 2 * CONFIG.values_per_beat) - 1 << 1024
            self.want += [full] * (rest - 1) + [last >> 1024 << 1024]
        self.zeros = int(rest > 0)
        await ClockCycles(dut.clk_i, cycles)
        dut.stop_i.value = 0
        await ClockCycles(dut.clk_i, 4)  # the first words of the table are read ahead

    async def completed(self, cycles: int) -> None:
        """Waits for the end of the open frame; the run was seen as it had to be."""
        dut = self.dut
        for _ in range(cycles):
            await RisingEdge(dut.clk_i)
            if dut.open_o.value == 0:
                break
        assert dut.open_o.value == 0, "the frame stays open"
        await ClockCycles(dut.clk_i, 2)
        assert dut.m_tvalid_o.value == 0
        assert self.beats == self.want
        assert not self.b.slips, "slip_o in a frame of the right length"
        assert self.cut == self.zeros
        assert self.sent + self.cut == len(self.want) // self.length


@cocotb.test
@cocotb.parametrize(ready=[False, True])
async def stop_completes_the_open_frame(dut, ready: bool) -> None:
    """A stop in any cycle: a frame of which the sink has seen a beat goes on, with zeros; another
    table is loaded while its last beat is held."""
    b = Bench(dut)
    await b.start(MOST)
    await ClockCycles(dut.clk_i, 4)
    c = Cut(b)
    for stop_after in (0, 1, 2, 3, 4, 5, 6, 7):
        await c.start(MOST - 1)  # the last beat is not full
        b.sink.pause = not ready
        await b.frame()
        await ClockCycles(dut.clk_i, stop_after)
        await c.stop(3)
        b.sink.pause = False
        if c.seen:
            await until(dut.clk_i, lambda: len(c.beats) >= c.length - 1, 4 * MOST, "the rest")
        b.sink.pause = True
        await ClockCycles(dut.clk_i, 3)
        await b.load(1)  # TKEEP of the held beat stays: asserted in the module
        b.sink.pause = False
        await c.completed(4 * MOST)


@cocotb.test
async def drawn_stops(dut) -> None:
    """Runs of any length with frames of any length, stopped in any cycle, the sink as slow as it
    likes, a table loaded while the frame is open; after every fourth a run without a stop."""
    b = Bench(dut, "both")
    await b.start(MOST)
    await ClockCycles(dut.clk_i, 4)
    c = Cut(b)
    for n in range(recoveries()):
        b.lag = random.choice((0, 0.5))
        b.sink.set_pause_generator(pauses(random.choice((0, 0.3, 0.9))))
        await c.start(random.randint(1, MOST))
        frames = random.randint(0, 5)
        if n % 4 == 3:
            for _ in range(frames):
                await b.frame()
            want = list(b.beats.expected)
            what = "every frame that was written"
            await until(dut.clk_i, lambda w=want: len(c.beats) >= len(w), TAKEN_WITHIN, what)
            await ClockCycles(dut.clk_i, 20)
            assert c.beats == want
        else:
            writer = cocotb.start_soon(repeated(b.frame, frames))
            await ClockCycles(dut.clk_i, random.randint(0, (frames + 1) * (DEPTH + c.length)))
            if not writer.done():
                writer.cancel()
                dut.out_valid_i.value = dut.out_done_i.value = 0
        await c.stop(random.randint(3, 20))
        if random.random() < 0.5:
            await b.load(random.randint(1, MOST))
        await c.completed(TAKEN_WITHIN)


async def repeated(step, count: int) -> None:
    for _ in range(count):
        await step()


@cocotb.test
@cocotb.parametrize(longer=[False, True])
async def mark_and_count_differ(dut, longer: bool) -> None:
    """The length changes in mid-run, as by a flipped bit: TLAST comes at the earlier of both ends,
    and slip_o with it."""
    b = Bench(dut)
    v = CONFIG.values_per_beat
    most, least = -(-MOST // v), -(-MOST // v) // 2
    assert 0 < least < most
    await b.start(MOST)
    lasts: list[tuple[int, int]] = []  # beats taken before each TLAST, its cycle
    b.beats.got = lambda beat: lasts.append((len(b.taken), b.cycle)) if beat >> 2048 else None
    dut.out_beats_i.value = least if longer else most
    dut.start_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.start_i.value = 0
    await ClockCycles(dut.clk_i, 1)
    dut.out_beats_i.value = most if longer else least  # the count has the old one
    await ClockCycles(dut.clk_i, 4)
    await b.frame()
    await until(dut.clk_i, lambda: len(b.slips) > 0, 100, "slip_o")
    assert lasts[0] == (least - 1, b.slips[0])


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


class Flipped(Bench):
    """A bit of the first word of the table flips behind its load."""

    async def load(self, values: int) -> None:
        await super().load(values)
        memory = self.dut.u_table.u_ram.mem
        flip(memory, 0, random.randrange(len(memory[0])))


@cocotb.test
async def a_flipped_word_is_told_before_its_beat(dut) -> None:
    """With Parity; the first word is shown once before the first frame, then those behind it."""
    if cocotb.SIM_NAME.startswith("Verilator"):
        return  # it shows no memory below the top
    bench, told = Flipped(dut), 0
    await bench.start(2 * CONFIG.values_per_beat + 1)
    for _ in range(8):
        await RisingEdge(dut.clk_i)
        told |= int(dut.bad_o.value)
    assert told == int(dut.Parity.value)
