# SPDX-License-Identifier: Apache-2.0
"""csb_top after every kind of interruption, without rst_ni: whatever was cut, packets stay whole,
the machine comes to rest with empty streams, and every later frame is right."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.registers import value
from tb.lib.axi import BeatSource, beats, pauses
from tb.lib.stream import recoveries
from tb.test_top import Net, Top, networks

START, STOP, FRESH, FLUSH, RESET = (
    value("CONTROL", **{name: 1}) for name in ("start", "stop", "fresh", "flush", "reset")
)


class Machine(Top):
    """Drivers with a reset; packets are judged run by run."""

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.nets = networks()
        self.loaded: Net | None = None
        self.net = self.nets[0]  # of the run
        self.first = 0  # its first frame
        self.packets: list[list[int]] = []
        self.packet: list[int] = []
        self.beats.got = self._got

    def _source(self, prefix: str) -> Any:
        return BeatSource(self.dut, f"{prefix}_{{}}", f"{prefix}_tready")

    def _got(self, beat: tuple[list[int], bool]) -> None:
        self.packet += beat[0]
        if beat[1]:
            self.packets.append(self.packet)
            self.packet = []

    def judge(self) -> int:
        """Checks the packets of the run; returns how many are cut: the last one at most."""
        want = [y.tolist() for y in self.net.y[self.first :]]
        cut = 0
        for i, (got, y) in enumerate(zip(self.packets, want, strict=False)):
            assert len(got) == len(y), f"packet {i}: {len(got)} values, a frame has {len(y)}"
            if got == y:
                continue
            right = next(j for j in range(len(y)) if got[j] != y[j])
            assert i == len(self.packets) - 1, f"packet {i} is wrong and not the last"
            assert not any(got[right:]), f"packet {i}: {got}, expected {y}"
            cut += 1
        return cut

    def begin(self, first: int = 0) -> None:
        """Beats from now on belong to a new run."""
        assert self.loaded is not None
        self.net, self.first = self.loaded, first
        assert not self.packet
        self.packets.clear()

    def send(self, frames: Any) -> None:
        for x in frames:
            padded = [*x.tolist(), *[0] * (-len(x) % self.values_per_beat)]
            data = b"".join((v & 0xFFFF).to_bytes(2, "little") for v in padded)
            self.frames.send(beats(data, 2 * self.values_per_beat))

    async def poll(self, **want: int) -> None:
        """Waits for fields of STATUS."""
        for _ in range(1000):
            if all([await self.read("STATUS", k) == v for k, v in want.items()]):
                return
        raise AssertionError(f"STATUS never has {want}")

    async def state(self, w: int) -> int:
        """Word ``w`` of the states of the network, as a host reads it."""
        lane, addr, _ = self.net.state[w].tolist()
        await self.write("STATE_ADDR", value("STATE_ADDR", lane=lane, addr=addr))
        return await self.read("STATE_DATA")

    async def error(self) -> str:
        names = {code: name for name, (code, _) in ERRORS.items()}
        return names[await self.read("STATUS", "error")]

    async def loads(self, data: bytes) -> str:
        self.loaded = None
        self.image.send(beats(data, 4))
        await self.poll(loading=1)
        await self.poll(loading=0)
        await ClockCycles(self.dut.clk_i, 4)
        return await self.error()

    async def good_load(self) -> None:
        net = random.choice(self.nets)
        assert await self.loads(net.image) == "none"
        self.loaded = net

    async def at_rest(self, *, reset_source: bool | None = None) -> None:
        """Comes to rest with empty streams, as a host would: a running source ends its frame,
        a reset one needs a flush."""
        await self.poll(running=0, idle=1)
        if reset_source is None:
            reset_source = random.random() < 0.5
        if reset_source:
            self.frames.reset()
            if await self.read("STATUS", "in_cut"):
                await self.write("CONTROL", FLUSH)
        else:
            self.frames.finish()
        await self.poll(idle=1, loading=0, in_cut=0, out_open=0, start_waits=0)
        assert not self.packet, "a packet is open"
        assert self.dut.m_axis_frame_tvalid.value == 0

    async def whole_run(self) -> None:
        """All frames of the network, right."""
        self.begin()
        self.sink.set_pause_generator(pauses(random.choice((0, 0.5))))
        await self.write("CONTROL", START | FRESH)
        await self.finish_run()

    async def finish_run(self) -> None:
        self.send(self.net.x[self.first :])
        for _ in range(20000):
            await RisingEdge(self.dut.clk_i)
            if len(self.packets) == len(self.net.y) - self.first:
                break
        assert len(self.packets) == len(self.net.y) - self.first, "frames are missing"
        assert self.judge() == 0
        assert await self.error() == "none"


async def interrupt(m: Machine, kind: str) -> None:
    """A run of some frames, interrupted in any cycle; afterwards the machine is at rest."""
    dut = m.dut
    m.begin()
    m.frames.stall = random.choice((0, 0.5))
    m.sink.pause = False
    m.sink.set_pause_generator(pauses(random.choice((0, 0.5, 0.95))))
    found = {w: await m.state(w) for w in random.sample(range(len(m.net.state)), 4)}
    await m.write("CONTROL", START | FRESH)
    frames = random.randint(1 if kind == "all" else 0, len(m.net.x))
    m.send(m.net.x[:frames])
    cut_before = await m.read("FRAMES_CUT")
    await ClockCycles(dut.clk_i, random.randint(0, 1200))
    if kind == "all":
        m.sink.set_pause_generator(pauses(0.2))
        for _ in range(20000):
            await RisingEdge(dut.clk_i)
            if len(m.packets) == frames:
                break
    if kind == "hold":
        m.sink.clear_pause_generator()
        m.sink.pause = True
        await ClockCycles(dut.clk_i, random.randint(0, 300))
    whole = len(m.packets)
    if kind in ("stop", "all", "hold"):
        await m.write("CONTROL", STOP)
    elif kind == "frame":
        m.sink.set_pause_generator(pauses(0.2))
        beats_of_one = -(-m.net.x.shape[1] // m.values_per_beat)
        m.frames.send([0] * (beats_of_one + random.choice((-1, 1))))
        for _ in range(300):
            if await m.error() == "frame":
                break
        assert await m.error() == "frame"
    elif kind == "flush":
        await m.write("CONTROL", STOP)
        await m.poll(running=0)
        await ClockCycles(dut.clk_i, 4)
        m.frames.reset()
        await m.write("CONTROL", FLUSH)
    elif kind == "reset":
        await m.write("CONTROL", RESET)
        await ClockCycles(dut.clk_i, 4)
        m.frames.reset()
        m.loaded = None
    elif kind == "load":
        bad = random.random() < 0.5
        if bad:
            data = bytearray(m.net.image)
            data[random.randrange(16, len(data))] ^= 1
            assert await m.loads(bytes(data)) != "none"
        else:
            net = random.choice(m.nets)
            assert await m.loads(net.image) == "none"
            m.loaded = net
    elif kind == "abort":
        words = beats(m.net.image, 4)
        m.image.send(words[: random.randrange(1, len(words))], last=False)
        m.loaded = None
        await ClockCycles(dut.clk_i, random.randint(5, 1500))
        await m.poll(loading=1)
        m.image.reset()
        await m.write("CONTROL", FLUSH)
        await m.poll(idle=1, loading=0)
        assert await m.error() == "flushed"
    if kind == "hold":
        await m.poll(running=0, idle=1)
        m.frames.finish()
        is_open = await m.read("STATUS", "out_open")
        assert is_open == (dut.m_axis_frame_tvalid.value == 1)
        if is_open and random.random() < 0.5:
            await m.good_load()  # lengths of another network: the open frame keeps its own
        await m.write("CONTROL", START | FRESH)
        assert await m.read("STATUS", "start_waits") == is_open
        assert await m.read("STATUS", "running") == 1 - is_open
        await m.write("CONTROL", STOP)  # takes it back
        m.sink.pause = False
    await m.at_rest(reset_source=True if kind in ("flush", "reset") else None)
    cut = m.judge()
    counted = await m.read("FRAMES_CUT") - cut_before & 0xFFFF
    # Computed values may be zero themselves: then a cut frame is right.
    assert cut <= counted <= 1
    assert await m.read("STATUS") & 0xFF == (0b101 if m.loaded else 0b100)
    if kind in ("stop", "all"):
        assert kind != "all" or (len(m.packets) == frames and counted == 0)
        for w, before in found.items():
            after = {int(v) & 0xFFFFFFFF for v in m.net.states[whole : frames + 1, w]}
            if not whole:
                after.add(before)  # the stop may come before the first states are written
            place = m.net.state[w].tolist()
            assert await m.state(w) in after, f"{place}: not one of frames {whole} to {frames}"
    if kind == "all" and frames < len(m.net.x):
        m.begin(frames)
        await m.write("CONTROL", START)  # goes on from the state memory
        await m.finish_run()
        await m.write("CONTROL", STOP)
        await m.at_rest()


KINDS = ("stop", "all", "frame", "flush", "reset", "load", "abort", "hold", "anew", "settling")
#: On Icarus (slow, but with X): those where the whole machine may show an X that neither
#: the benches of its blocks nor tb/test_top.py do. Its reset, a cut image, a waiting start.
X_KINDS = ("reset", "abort", "hold")


@cocotb.test
async def drawn_interruptions(dut) -> None:
    m = Machine(dut)
    await m.reset()
    await m.good_load()
    every = KINDS if cocotb.SIM_NAME.startswith("Verilator") else X_KINDS
    kinds: list[str] = []
    for n in range(max(len(every), recoveries() * len(every) // 100)):
        kinds = kinds or random.sample(every, len(every))
        kind = kinds.pop()
        dut._log.info("sequence %d: %s", n, kind)
        if m.loaded is None:
            await m.good_load()
        if kind in ("anew", "settling"):
            # A start with the stop or in the 64 cycles after it, and the next run is right.
            m.begin()
            m.sink.set_pause_generator(pauses(random.choice((0, 0.9))))
            await m.write("CONTROL", START | FRESH)
            m.send(m.net.x)
            await ClockCycles(dut.clk_i, random.randint(0, 1200))
            await m.write("CONTROL", STOP | (START | FRESH if kind == "anew" else 0))
            await ClockCycles(dut.clk_i, 6)
            m.frames.finish()
            if kind == "settling":
                await ClockCycles(dut.clk_i, random.randint(0, 50))
                await m.write("CONTROL", START | FRESH)
            for _ in range(5000):
                await RisingEdge(dut.clk_i)
                if not m.packet and not m.dut.m_axis_frame_tvalid.value:
                    break
            m.judge()
            m.begin()
            m.sink.set_pause_generator(pauses(0.3))
            await m.finish_run()
            await m.write("CONTROL", STOP)
            await m.at_rest()
            continue
        await interrupt(m, kind)
        if m.loaded is None:
            await m.good_load()
        await m.whole_run()
        await m.write("CONTROL", STOP)
        await m.at_rest()
