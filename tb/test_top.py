# SPDX-License-Identifier: Apache-2.0
"""csb_top through its AXI ports only: two networks under every stall pattern, images in place of
each other, all bad input, stop, reset. Images and expected outputs are in files of the
launcher (CSB_JOB: a folder with image, inputs, outputs and state of two networks)."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamSink,
    AxiStreamSource,
)

from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.registers import address, field, value
from tb.lib.axi import pauses
from tb.lib.checkers import Checker, Monitor
from tb.lib.stream import STALLS, reset, start_clock, within


@dataclasses.dataclass
class Net:
    """One network: its image, integer inputs and outputs [frames, values], final state words."""

    image: bytes
    x: np.ndarray
    y: np.ndarray
    state: np.ndarray  # [words, (lane, address, value)]
    states: np.ndarray  # [frames + 1, words]: their values after so many frames


def networks() -> list[Net]:
    folder = Path(os.environ["CSB_JOB"])
    out = []
    for n in (0, 1):
        arrays = np.load(folder / f"net{n}.npz")
        out.append(Net((folder / f"net{n}.bin").read_bytes(), **arrays))
    return out


#: Control outputs, never X after reset, and the signals not X while one of them is high.
CONTROLS = {
    "irq_o": (),
    "s_axil_awready": (),
    "s_axil_wready": (),
    "s_axil_bvalid": ("s_axil_bresp",),
    "s_axil_arready": (),
    "s_axil_rvalid": ("s_axil_rresp", "s_axil_rdata"),
    "s_axis_image_tready": (),
    "s_axis_frame_tready": (),
    "m_axis_frame_tvalid": ("m_axis_frame_tkeep", "m_axis_frame_tlast"),
}


class Top:
    """Drivers on all ports, and a checker of every output beat."""

    def __init__(self, dut, stalls: str = "none") -> None:
        self.dut = dut
        start_clock(dut)
        rst = {"reset": dut.rst_ni, "reset_active_level": False}
        self.axil = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk_i, **rst)
        bus = AxiStreamBus.from_prefix
        self.image = self._source("s_axis_image")
        self.frames = self._source("s_axis_frame")
        self.sink = AxiStreamSink(bus(dut, "m_axis_frame"), dut.clk_i, **rst)
        for part in (self.axil.write_if, self.axil.read_if, self.sink):
            part.log.setLevel("ERROR")
        source, sink = STALLS[stalls]
        if source:
            self.image.set_pause_generator(pauses(source))
            self.frames.set_pause_generator(pauses(source))
        if sink:
            self.sink.set_pause_generator(pauses(sink))
        self.values_per_beat = len(dut.m_axis_frame_tdata) // 16
        self.beats = Checker("output beats")
        Monitor(
            dut,
            lambda: dut.m_axis_frame_tvalid.value == 1 and dut.m_axis_frame_tready.value == 1,
            self._beat,
            lambda beat: self.beats.got(beat),
        ).start()
        Monitor(dut, lambda: True, lambda: None, self._known).start()

    def _source(self, prefix: str) -> Any:
        """The driver of an input stream."""
        rst = {"reset": self.dut.rst_ni, "reset_active_level": False}
        bus = AxiStreamBus.from_prefix(self.dut, prefix)
        source = AxiStreamSource(bus, self.dut.clk_i, **rst)
        source.log.setLevel("ERROR")
        return source

    def _known(self, _: None) -> None:
        """No control output is X outside of reset, and no payload of one that is high."""
        for name, payload in CONTROLS.items():
            value = getattr(self.dut, name).value
            assert value.is_resolvable, f"{name} is {value}"
            for part in payload if value == 1 else ():
                assert getattr(self.dut, part).value.is_resolvable, f"{part} while {name}"

    def _beat(self) -> tuple[list[int], bool]:
        dut = self.dut
        keep, data = int(dut.m_axis_frame_tkeep.value), dut.m_axis_frame_tdata.value
        kept = [j for j in range(self.values_per_beat) if keep >> 2 * j & 3]
        assert kept == list(range(len(kept)))
        values = [data[16 * j + 15 : 16 * j].to_signed() for j in kept]
        return values, dut.m_axis_frame_tlast.value == 1

    async def reset(self) -> None:
        await reset(self.dut, 4)
        await ClockCycles(self.dut.clk_i, 2)

    async def read(self, name: str, part: str | None = None) -> int:
        answer = await within(400, self.axil.read(address(name), 4))
        value = int.from_bytes(answer.data, "little")
        return value if part is None else field(name, part, value)

    async def write(self, name: str, value: int) -> None:
        await within(400, self.axil.write(address(name), value.to_bytes(4, "little")))

    async def load(self, data: bytes) -> str:
        """Sends an image; returns the name of the error."""
        self.image.send_nowait(data)
        await within(len(data) + 40000, self.image.wait())
        await ClockCycles(self.dut.clk_i, 4)
        assert await self.read("STATUS", "loading") == 0
        names = {code: name for name, (code, _) in ERRORS.items()}
        return names[await self.read("STATUS", "error")]

    def frame(self, values: np.ndarray) -> None:
        """Queues an input frame."""
        values = np.pad(values, (0, -len(values) % self.values_per_beat))
        self.frames.send_nowait(values.astype("<i2").tobytes())

    def expect(self, values: np.ndarray) -> None:
        """Expects an output frame."""
        parts = [
            values[i : i + self.values_per_beat].tolist()
            for i in range(0, len(values), self.values_per_beat)
        ]
        for i, part in enumerate(parts):
            self.beats.expect((part, i == len(parts) - 1))

    async def start(self) -> None:
        await self.write("CONTROL", value("CONTROL", start=1, fresh=1))

    async def stop(self) -> None:
        await self.write("CONTROL", value("CONTROL", stop=1, fresh=1))
        for _ in range(40):
            if await self.read("STATUS", "idle"):
                return
        raise AssertionError("does not come to rest")

    async def run(self, net: Net, frames: int | None = None, skip: int = 0) -> None:
        """Starts, and expects the network's outputs; does not stop.

        The first ``skip`` input frames are there already.
        """
        await self.start()
        n = len(net.x) if frames is None else frames
        for x in net.x[skip:n]:
            self.frame(x)
        for y in net.y[:n]:
            self.expect(y)
        await self.done()

    async def done(self) -> None:
        await self.beats.done(lambda: RisingEdge(self.dut.clk_i), 40000, quiet=60)

    async def silent(self, cycles: int = 300) -> None:
        """No output comes."""
        for _ in range(cycles):
            await RisingEdge(self.dut.clk_i)
            assert self.dut.m_axis_frame_tvalid.value == 0


async def top(dut, stalls: str = "none") -> Top:
    t = Top(dut, stalls)
    await t.reset()
    return t


@cocotb.test
@cocotb.parametrize(stalls=list(STALLS))
async def bits_under_stalls(dut, stalls: str) -> None:
    """One image after the other, without a reset and while the machine runs."""
    t = await top(dut, stalls)
    for net in networks():
        assert await t.load(net.image) == "none"
        await t.run(net)
        assert await t.read("FRAMES_IN") == len(net.x)
        assert await t.read("FRAMES_OUT") == len(net.x)
        assert await t.read("STATUS", "error") == 0
        if stalls == "none":
            await t.stop()
            for lane, addr, word in net.state.tolist():
                await t.write("STATE_ADDR", value("STATE_ADDR", lane=lane, addr=addr))
                assert await t.read("STATE_DATA") == word & 0xFFFFFFFF
            await t.run(net)  # starts over from zero


@cocotb.test
async def bad_images(dut) -> None:
    t = await top(dut)
    good, other = networks()
    await t.write("IRQ_ENABLE", value("IRQ_ENABLE", error=1))
    await t.start()
    assert await t.read("STATUS", "error") == ERRORS["no_image"][0]
    assert dut.irq_o.value == 1
    bad = {
        "magic": b"\0" + good.image[1:],
        "crc": good.image[:-4] + b"\1\2\3\4",
        "length": good.image[:-8],
        "config": good.image[:8] + b"\1\2\3\4" + good.image[12:],
        "version": good.image[:4] + b"\7" + good.image[5:],
    }
    for error, data in bad.items():
        assert await t.load(good.image) == "none"
        await t.run(good, 2)
        await t.write("IRQ_PENDING", 3)
        await RisingEdge(dut.clk_i)
        assert dut.irq_o.value == 0
        assert await t.load(data) == error
        assert dut.irq_o.value == 1
        assert await t.read("STATUS", "image_valid") == 0
        await t.start()
        t.frame(good.x[0])
        await t.silent()
        assert await t.read("STATUS", "running") == 0
        assert await t.read("STATUS", "error") == ERRORS[error][0]
        t.frames.clear()
        await t.reset()  # takes back the offered frame
        await t.write("IRQ_ENABLE", value("IRQ_ENABLE", error=1))
    assert await t.load(other.image) == "none"
    await t.run(other)


@cocotb.test
@cocotb.parametrize(extra=[-1, 1])
async def frame_of_a_wrong_length(dut, extra: int) -> None:
    t = await top(dut)
    net, other = networks()
    await t.write("IRQ_ENABLE", value("IRQ_ENABLE", error=1))
    assert await t.load(net.image) == "none"
    await t.run(net)
    beats = -(-net.x.shape[1] // t.values_per_beat)
    t.frame(np.zeros((beats + extra) * t.values_per_beat, int))
    t.frame(net.x[0])  # waits, and is the first of the next run
    await ClockCycles(dut.clk_i, 20)
    await t.silent()
    assert dut.irq_o.value == 1
    assert await t.read("STATUS", "error") == ERRORS["frame"][0]
    assert await t.read("STATUS", "running") == 0
    await t.write("IRQ_PENDING", value("IRQ_PENDING", error=1))
    t.expect(net.y[0])
    await t.start()
    await t.done()
    assert await t.load(other.image) == "none"
    await t.run(other)
    await RisingEdge(dut.clk_i)
    assert dut.irq_o.value == 0


@cocotb.test
async def stop_and_reset_anywhere(dut) -> None:
    t = await top(dut, "both")
    net, other = networks()
    assert await t.load(net.image) == "none"
    for cycles, with_reset in ((10, False), (60, False), (120, True), (170, False), (260, True)):
        got, t.beats.got = t.beats.got, lambda _: None
        await t.start()
        for _ in net.x:
            t.frame(net.x[0])
        await ClockCycles(dut.clk_i, cycles)
        t.frames.clear()
        if with_reset:
            await t.reset()
            assert await t.read("STATUS", "image_valid") == 0
            net, other = other, net
            assert await t.load(net.image) == "none"
        else:
            await t.stop()
            await ClockCycles(dut.clk_i, 200)  # the rest of a frame cut by the stop is dropped
            await t.silent(40)
        t.beats.got = got
        waits = dut.s_axis_frame_tvalid.value == 1  # a whole frame, then: frame 0 of the next run
        await t.run(net, skip=int(waits))
        await t.stop()
