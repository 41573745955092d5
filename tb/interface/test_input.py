# SPDX-License-Identifier: Apache-2.0
"""csb_input: where every value goes and when, under all stall patterns; wrong frame lengths."""

from __future__ import annotations

import itertools
import os
import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from csb_rnn.execution.units import IN_FIRST_WRITE
from csb_rnn.machine import config
from tb.lib.axi import BeatSource, axis_source, beats
from tb.lib.checkers import Checker, Monitor
from tb.lib.stream import STALLS, recoveries, reset, start_clock, within

CONFIG = config.load(os.environ.get("CSB_CONFIG", "tiny"), neuron_depth=256)
NAMES = {"L": "L", "data_w": "DataW", "neuron_depth": "NeuronDepth"}
NAMES |= {"stream_w": "StreamW", "x_per_cycle": "XPerCycle"}


def parameters(name: str = "tiny") -> dict[str, int]:
    """Parameters of the module for a configuration."""
    c = config.load(name, neuron_depth=256)
    return {rtl: getattr(c, key) for key, rtl in NAMES.items()}


def frame_bytes(values: list[int]) -> bytes:
    """Values as the beats of a frame, the rest of the last beat filled with junk."""
    beat = CONFIG.values_per_beat
    values = values + [random.getrandbits(16) for _ in range(-len(values) % beat)]
    return b"".join((v & 0xFFFF).to_bytes(2, "little") for v in values)


def toggle(frame: int, stream: int) -> int:
    """The bits of frame parity and stream in a neuron address."""
    aw = CONFIG.neuron_aw
    bits = (frame & 1) << aw - 1
    for i in range(3):
        bits |= (stream >> i & 1) << aw - 2 - i
    return bits


class Bench:
    """The module, a model of its neuron writes, and an engine with finished iterations."""

    def __init__(
        self, dut, stalls: str = "none", count: int = 7, streams: int = 1, source=axis_source
    ) -> None:
        self.dut, self.count, self.streams = dut, count, streams
        self.base = random.randrange(8)
        self.busy, lag = STALLS[stalls][1], STALLS[stalls][0]
        self.source = source(dut, "s", lag)
        self.writes = Checker("neuron writes")
        self.events = 0
        self.cycle = 0
        self.event_cycles: list[int] = []
        self.errors: list[int] = []
        self.finished = 0  # cycle of the last iter_done_i
        for name in ("start_i", "run_i", "flush_i", "iter_done_i", "bus_busy_i"):
            getattr(dut, name).value = 0
        dut.streams_i.value = streams
        dut.x_count_i.value = count
        dut.x_base_i.value = self.base
        start_clock(dut)
        self.was_busy = False
        Monitor(dut, lambda: True, lambda: None, self._clock).start()
        cocotb.start_soon(self._contend())

    def _clock(self, _: None) -> None:
        dut = self.dut
        self.cycle += 1
        we = int(dut.x_we_o.value)
        if we:
            assert not self.was_busy, "wrote while the writer has the bus"
            addr, data = int(dut.x_addr_o.value), dut.x_data_o.value
            w = CONFIG.data_w
            for column in range(CONFIG.L):
                if we >> column & 1:
                    value = data[(column + 1) * w - 1 : column * w].to_unsigned()
                    self.writes.got((addr, column, value))
        if dut.x_evt_o.value == 1:
            self.events += 1
            self.event_cycles.append(self.cycle)
        if dut.iter_done_i.value == 1:
            self.finished = self.cycle
        if dut.error_o.value == 1:
            self.errors.append(self.cycle)
        self.was_busy = dut.bus_busy_i.value == 1

    async def _contend(self) -> None:
        while True:
            await RisingEdge(self.dut.clk_i)
            self.dut.bus_busy_i.value = int(random.random() < self.busy)

    async def start(self) -> None:
        await reset(self.dut)
        await self.restart()

    async def restart(self) -> None:
        """Stop, and start from frame 0."""
        await RisingEdge(self.dut.clk_i)
        self.dut.run_i.value = 0
        await ClockCycles(self.dut.clk_i, 3)
        self.dut.start_i.value = 1
        await RisingEdge(self.dut.clk_i)
        self.dut.start_i.value = 0
        self.dut.run_i.value = 1
        self.n = 0

    def send(self) -> None:
        """Queues one more frame, and its expected writes."""
        w = CONFIG.data_w
        values = [random.randint(-(1 << 15), (1 << 15) - 1) for _ in range(self.count)]
        self.source.send_nowait(frame_bytes(values))
        change = toggle(self.n // self.streams, self.n % self.streams)
        self.n += 1
        for i, v in enumerate(values):
            addr = (self.base + i // CONFIG.L) ^ change
            self.writes.expect((addr, i % CONFIG.L, v & (1 << w) - 1))

    async def iteration(self) -> None:
        """One pulse of iter_done_i."""
        self.dut.iter_done_i.value = 1
        await RisingEdge(self.dut.clk_i)
        self.dut.iter_done_i.value = 0

    async def engine(self) -> None:
        """Finishes each iteration some time after its frame is there."""
        for n in itertools.count():
            while self.events <= n:
                await RisingEdge(self.dut.clk_i)
            await ClockCycles(self.dut.clk_i, random.randint(1, 12))
            await self.iteration()


@cocotb.test
@cocotb.parametrize(stalls=list(STALLS), count=[1, 5, 23], streams=[1, 3])
async def every_value_in_its_place(dut, stalls: str, count: int, streams: int) -> None:
    b = Bench(dut, stalls, count, streams)
    await b.start()
    cocotb.start_soon(b.engine())
    for _ in range(14):
        b.send()
    await b.writes.done(lambda: RisingEdge(dut.clk_i), 14 * (20 + 8 * count))
    assert b.events == 14
    assert not b.errors


@cocotb.test
async def waits_for_the_iteration_two_before(dut) -> None:
    b = Bench(dut)
    await b.start()
    for _ in range(4):
        b.send()
    await ClockCycles(dut.clk_i, 60)
    assert b.events == 2
    await b.iteration()
    chunks = -(-b.count // CONFIG.x_per_cycle)
    await ClockCycles(dut.clk_i, 40)
    # first chunk two cycles after iter_done_i, as its beat waits already
    assert b.events == 3
    assert b.event_cycles[-1] == b.finished + 2 + chunks - 1


@cocotb.test
async def latency_and_rate(dut) -> None:
    b = Bench(dut, count=4 * CONFIG.L + 1)
    await b.start()
    taken: list[int] = []
    written: list[int] = []
    Monitor(
        dut,
        lambda: dut.s_tvalid_i.value == 1 and dut.s_tready_o.value == 1,
        lambda: b.cycle,
        taken.append,
    ).start()
    Monitor(dut, lambda: int(dut.x_we_o.value) != 0, lambda: b.cycle, written.append).start()
    b.send()
    b.send()
    await ClockCycles(dut.clk_i, 100)
    chunks = -(-b.count // CONFIG.x_per_cycle)
    assert written[0] == taken[0] + IN_FIRST_WRITE + int(dut.Deep.value)
    assert written == list(range(written[0], written[0] + 2 * chunks))
    b.writes.finish()


@cocotb.test
@cocotb.parametrize(stalls=["none", "both"])
async def a_wrong_length_stops_it(dut, stalls: str) -> None:
    b = Bench(dut, stalls, count=4 * CONFIG.values_per_beat + 1)
    await b.start()
    for extra in (-3, -1, 1, 4):
        await b.restart()
        b.writes.got = lambda _: None  # part of the wrong frame may be written
        junk = [0] * (b.count + extra * CONFIG.values_per_beat)
        errors, events = len(b.errors), b.events
        b.source.send_nowait(frame_bytes(junk))
        await within(500, b.source.wait())
        await ClockCycles(dut.clk_i, 4)
        assert len(b.errors) == errors + 1
        assert b.events == events
        del b.writes.got
        b.n = 0
        b.send()
        await ClockCycles(dut.clk_i, 40)
        assert dut.s_tready_o.value == 0, "took a beat after an error"
        await b.restart()  # the waiting good frame is the first one of the next run
        b.n = 1
        b.send()
        await b.writes.done(lambda: RisingEdge(dut.clk_i), 500)


@cocotb.test
async def a_stop_in_mid_frame_drops_the_rest(dut) -> None:
    b = Bench(dut, "source", count=9 * CONFIG.values_per_beat)
    await b.start()
    b.send()
    b.writes.expected.clear()
    b.writes.got = lambda _: None
    for _ in range(500):  # in a run ended before the first beat the frame would wait
        await RisingEdge(dut.clk_i)
        if dut.s_tvalid_i.value == 1 and dut.s_tready_o.value == 1:
            break
    await ClockCycles(dut.clk_i, random.randrange(4))
    dut.run_i.value = 0
    await within(500, b.source.wait())  # the rest of the frame is taken, and dropped
    del b.writes.got
    await b.restart()
    for _ in range(2):
        b.send()
    await b.writes.done(lambda: RisingEdge(dut.clk_i), 500)
    assert not b.errors


@cocotb.test
async def flush_forgets_a_cut_frame(dut) -> None:
    """The source is reset within a frame: without the flush, the next one would be lost."""
    b = Drawn(dut)
    await b.start()
    for rest in (True, False):
        await b.restart()
        b.frame()
        b.writes.got = lambda _: None
        await ClockCycles(dut.clk_i, 6)
        await b.halt()
        assert dut.cut_o.value == 1
        if rest:
            b.source.finish()
            await b.emptied()
        else:
            b.source.reset()
            await b.flush()
        assert dut.cut_o.value == 0
        del b.writes.got
        b.writes.expected.clear()
        await b.restart()
        b.frame()
        await b.writes.done(lambda: RisingEdge(dut.clk_i), 500)
        await b.halt()


class Drawn(Bench):
    """The bench with a source with a reset."""

    def __init__(self, dut) -> None:
        super().__init__(
            dut,
            count=30 * CONFIG.values_per_beat,
            source=lambda dut, prefix, lag: BeatSource(dut, f"{prefix}_{{}}_i", "s_tready_o", lag),
        )

    def frame(self, beats_more: int = 0, *, last: bool = True) -> None:
        """Queues a frame; it has a wrong length unless ``beats_more`` is 0."""
        per_beat, w = CONFIG.values_per_beat, CONFIG.data_w
        n = -(-self.count // per_beat) * per_beat if beats_more else self.count
        values = [
            random.randint(-(1 << 15), (1 << 15) - 1) for _ in range(n + beats_more * per_beat)
        ]
        self.source.send(beats(frame_bytes(values), 2 * per_beat), last=last)
        change = toggle(self.n // self.streams, self.n % self.streams)
        self.n += 1
        for i, v in enumerate(values[: self.count]):
            addr = (self.base + i // CONFIG.L) ^ change
            self.writes.expect((addr, i % CONFIG.L, v & (1 << w) - 1))

    async def halt(self) -> None:
        """The run ends."""
        await RisingEdge(self.dut.clk_i)
        self.dut.run_i.value = 0
        await ClockCycles(self.dut.clk_i, 3)

    async def flush(self) -> None:
        self.dut.flush_i.value = 1
        await ClockCycles(self.dut.clk_i, 3)
        self.dut.flush_i.value = 0
        await RisingEdge(self.dut.clk_i)

    async def emptied(self) -> None:
        """The source has sent everything."""
        for _ in range(2000):
            await RisingEdge(self.dut.clk_i)
            if not self.source.queue:
                break
        assert not self.source.queue, "the rest of a frame is not taken"
        await ClockCycles(self.dut.clk_i, 2)


@cocotb.test
async def drawn_interruptions(dut) -> None:
    """Runs that a stop in any cycle or a frame of a wrong length ends; then the rest of the frame
    comes, or the source is reset and the input flushed; every fourth run has to be whole."""
    b = Drawn(dut)
    await b.start()
    for n in range(recoveries()):
        b.count = dut.x_count_i.value = random.randint(1, 12 * CONFIG.values_per_beat)
        b.streams = dut.streams_i.value = random.randint(1, 4)
        b.base = dut.x_base_i.value = random.randrange(8)
        b.source.stall, b.busy = random.choice((0, 0.5)), random.choice((0, 0.5))
        b.events = 0
        b.errors.clear()
        await b.restart()
        engine = cocotb.start_soon(b.engine())
        frames = random.randint(0, 6)
        for _ in range(frames):
            b.frame()
        if n % 4 == 3:
            await b.writes.done(lambda: RisingEdge(dut.clk_i), 14 * (20 + 8 * b.count))
            assert (b.events, len(b.errors)) == (frames, 0)
        else:
            size = -(-b.count // CONFIG.values_per_beat)
            wrong = random.random() < 0.5
            if wrong:
                more = random.choice([m for m in (-3, -1, 1, 2) if size + m > 0])
                b.frame(more, last=more < 0 or random.random() < 0.5)
                b.frame()
            for _ in range(random.randint(0, (frames + 2) * (size + 8) * 3)):
                await RisingEdge(dut.clk_i)
                if b.errors:
                    break
            assert len(b.errors) <= wrong
        engine.cancel()
        dut.iter_done_i.value = 0
        await b.halt()
        cut = bool(dut.cut_o.value)
        if random.random() < 0.5:
            b.source.reset()
            if cut:
                await b.flush()
        else:
            b.source.finish()
            await b.emptied()
            if dut.cut_o.value == 1:  # a frame without TLAST
                b.source.reset()
                await b.flush()
        assert dut.cut_o.value == 0
        assert not b.source.mid
        b.writes.expected.clear()


@cocotb.test
async def reset_in_mid_frame(dut) -> None:
    b = Bench(dut, "both", count=9 * CONFIG.values_per_beat)
    for cycles in (4, 11):
        await b.start()
        b.send()
        b.writes.got = lambda _: None
        await ClockCycles(dut.clk_i, cycles)
        b.source.clear()
        await reset(dut)
        b.writes.expected.clear()
        del b.writes.got
        await b.restart()
        b.send()
        b.send()
        await b.writes.done(lambda: RisingEdge(dut.clk_i), 1000)
        await reset(dut)
