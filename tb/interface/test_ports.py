# SPDX-License-Identifier: Apache-2.0
"""Beats a cycle of every port of csb_top, and waves of each kind of transfer (CSB_OUT: JSON).

For scripts/ports.py; networks and folder are those of csb_rnn.experiments.ports.measure.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from csb_rnn.machine.registers import address, value
from tb.driver.ports import Ports
from tb.lib.axi import beats
from tb.lib.stream import reset, within
from tb.test_top import networks

LONG, SHORT = 0, 1  # the two networks
ACCESSES = 20
LIMIT = 200_000
FRAME, OUT, IMAGE = "s_axis_frame", "m_axis_frame", "s_axis_image"
STREAM = ("tvalid", "tready", "tdata", "tlast")
WRITE = ("s_axil_awvalid", "s_axil_awready", "s_axil_awaddr", "s_axil_wvalid", "s_axil_wready",
         "s_axil_wdata", "s_axil_bvalid", "s_axil_bready")  # fmt: skip
READ = ("s_axil_arvalid", "s_axil_arready", "s_axil_araddr", "s_axil_rvalid", "s_axil_rready",
        "s_axil_rdata")  # fmt: skip
SHORT_WRITE = ("s_axil_wvalid", "s_axil_wdata", "s_axil_bvalid")


def signals(port: str, *more: str) -> tuple[str, ...]:
    """The signals of a stream."""
    return tuple(f"{port}_{part}" for part in (*STREAM, *more))


class Traced(Ports):
    """The ports, with the cycle of every transfer, and values of some signals for a while."""

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.at: dict[str, list[int]] = {}
        self.rows: list[dict[str, Any]] = []
        self.names: Sequence[str] = ()
        self.seen: list[list[str]] = []
        cocotb.start_soon(self._transfers())

    async def _transfers(self) -> None:
        dut, cycle = self.dut, 0
        pairs = {
            **{port: (f"{port}_tvalid", f"{port}_tready") for port in (IMAGE, FRAME, OUT)},
            "read": ("s_axil_arvalid", "s_axil_arready"),
            "write": ("s_axil_wvalid", "s_axil_wready"),
        }
        handles = {n: (getattr(dut, v), getattr(dut, r)) for n, (v, r) in pairs.items()}
        self.at = {name: [] for name in handles}
        while True:
            await RisingEdge(dut.clk_i)
            cycle += 1
            for name, (valid, ready) in handles.items():
                if valid.value == 1 and ready.value == 1:
                    self.at[name].append(cycle)
            if self.names:
                self.seen.append([self._text(name) for name in self.names])

    def _text(self, name: str) -> str:
        now = getattr(self.dut, name).value
        wide = -(-len(now) // 4) if hasattr(now, "__len__") else 1
        return f"{int(now):0{wide}x}" if now.is_resolvable else "x"

    def trace(self, *names: str) -> None:
        """Values of these signals from now on."""
        self.names, self.seen = names, []

    def wave(self, name: str, first: int = 0, last: int | None = None) -> None:
        """Keeps what was traced, a part of it."""
        for n, signal in enumerate(self.names):
            values = [line[n] for line in self.seen[first:last]]
            row = {"table": "wave", "name": name, "signal": signal, "values": " ".join(values)}
            self.rows.append(row)
        self.names = ()

    def rate(self, name: str, cycles: Sequence[int], bits: int, length: int | None = None) -> None:
        """Transfers a cycle: from the first to the last one, or the fastest so many in a row."""
        length = length or len(cycles)
        spans = [cycles[i + length - 1] - cycles[i] for i in range(len(cycles) - length + 1)]
        best = min(spans)
        self.rows.append(
            {"table": "rate", "name": name, "bits": bits, "beats": length, "cycles": best + 1,
             "rate": round((length - 1) / best, 4)}
        )  # fmt: skip

    async def host(self, name: str, number: int) -> None:
        """A write, given a name."""
        await within(400, self.write(address(name), number))

    async def whole(self, net) -> None:
        """Every frame, offered at once, right; the machine runs before and after."""
        for x in net.x:
            self.queue(x)
        for y in net.y:
            got = np.frombuffer(await within(LIMIT, self.receive(2 * len(y))), "<i2")
            assert (got[: len(y)] == y).all()

    def queue(self, x: np.ndarray) -> None:
        """An input frame for the source."""
        padded = np.pad(x, (0, -len(x) % self.values_per_beat)).astype("<i2").tobytes()
        self.frames.send(beats(padded, 2 * self.values_per_beat))


async def machine(dut, number: int) -> Traced:
    t = Traced(dut)
    await t.reset()
    await within(LIMIT, t.send(0, networks()[number].image))
    await ClockCycles(dut.clk_i, 4)
    assert await within(400, t.read("STATUS", "error")) == 0
    return t


def keep(rows: list[dict[str, Any]]) -> None:
    """Adds rows to the launcher's file."""
    file = Path(os.environ["CSB_OUT"])
    before = json.loads(file.read_text()) if file.is_file() else []
    file.write_text(json.dumps(before + rows))


@cocotb.test
async def rates_of_streams(dut) -> None:
    """All sources offer in every cycle, the sink takes in every cycle."""
    Path(os.environ["CSB_OUT"]).unlink(missing_ok=True)
    net = networks()[LONG]
    t = await machine(dut, LONG)
    wide = len(dut.s_axis_frame_tdata)
    t.rate("image", t.at[IMAGE], 32)
    await t.host("CONTROL", value("CONTROL", start=1, fresh=1))
    await t.whole(net)
    a_frame = {port: len(t.at[port]) // len(net.x) for port in (FRAME, OUT)}
    t.rate("input frames", t.at[FRAME], wide, a_frame[FRAME])
    t.rate("output frames", t.at[OUT], wide, a_frame[OUT])
    await t.stop()
    keep(t.rows)


@cocotb.test
async def rates_of_registers(dut) -> None:
    """Accesses are offered in every cycle."""
    t = await machine(dut, SHORT)
    for name, register in (("", "PEG_SELECT"), (" of STATE_DATA", "STATE_DATA")):
        for kind in ("read", "write"):
            await ClockCycles(dut.clk_i, 20)
            t.at[kind].clear()
            if kind == "read":
                some = [t.axil.init_read(address(register), 4) for _ in range(ACCESSES)]
            else:
                some = [t.axil.init_write(address(register), bytes(4)) for _ in range(ACCESSES)]
            for access in some:
                await within(4000, access.wait())
            t.rate(f"register {kind}s{name}", t.at[kind], 32)
    keep(t.rows)


@cocotb.test
async def waves_of_the_start(dut) -> None:
    """Reset, the first read, the end of an image, its interrupt, a write and a read."""
    t = Traced(dut)
    t.trace("rst_ni", f"{IMAGE}_tready", f"{FRAME}_tready", f"{OUT}_tvalid", "irq_o", *READ)
    await reset(dut, 2)
    await within(400, t.read(address("IDENTITY")))
    t.wave("reset")
    await t.host("IRQ_ENABLE", 3)
    t.trace(*signals(IMAGE), "irq_o")
    await within(LIMIT, t.send(0, networks()[SHORT].image))
    await ClockCycles(dut.clk_i, 6)
    end = max(i for i, line in enumerate(t.seen) if line[3] == "1")
    t.wave("image", end - 8)
    t.trace(*WRITE, *READ)
    await t.host("IRQ_PENDING", 3)
    await within(400, t.read(address("STATUS")))
    t.wave("registers")
    await t.host("CONTROL", value("CONTROL", start=1, fresh=1))
    t.trace(*SHORT_WRITE, "irq_o")
    await t.host("CONTROL", value("CONTROL", start=1))  # busy
    await ClockCycles(dut.clk_i, 4)
    await t.host("IRQ_PENDING", 2)
    await ClockCycles(dut.clk_i, 3)
    t.wave("interrupt")
    keep(t.rows)


@cocotb.test
async def waves_of_frames(dut) -> None:
    """Input frames that wait, an output frame that waits, a stop and a flush within frames."""
    net, t = networks()[SHORT], await machine(dut, SHORT)
    await t.host("CONTROL", value("CONTROL", start=1, fresh=1))
    await ClockCycles(dut.clk_i, 60)
    t.trace(*signals(FRAME))
    for x in net.x[:4]:
        t.queue(x)
    await ClockCycles(dut.clk_i, 24)
    t.wave("input")
    t.trace(*signals(OUT, "tkeep"))
    for _ in range(LIMIT):
        await RisingEdge(dut.clk_i)
        if dut.m_axis_frame_tvalid.value == 1:
            break
    await ClockCycles(dut.clk_i, 3)
    got = await within(LIMIT, t.receive(2 * len(net.y[0])))
    assert (np.frombuffer(got, "<i2")[: len(net.y[0])] == net.y[0]).all()
    await ClockCycles(dut.clk_i, 2)
    begin = next(i for i, line in enumerate(t.seen) if line[0] == "1")
    t.wave("output", max(begin - 2, 0))
    keep(t.rows)


@cocotb.test
async def waves_of_a_stop(dut) -> None:
    """The output frame is completed with zeros; the rest of an input frame is forgotten."""
    net, t = networks()[LONG], await machine(dut, LONG)
    await t.host("CONTROL", value("CONTROL", start=1, fresh=1))
    t.queue(net.x[0])
    for _ in range(LIMIT):
        await RisingEdge(dut.clk_i)
        if dut.m_axis_frame_tvalid.value == 1:
            break
    t.trace(*SHORT_WRITE, *signals(OUT))
    t.wanted = True
    stop = cocotb.start_soon(t.host("CONTROL", value("CONTROL", stop=1)))
    await within(LIMIT, t.sink.recv())
    await within(400, stop)
    await ClockCycles(dut.clk_i, 2)
    t.wave("stop")
    await t.host("CONTROL", value("CONTROL", start=1, fresh=1))
    await ClockCycles(dut.clk_i, 200)
    t.frames.send(beats(bytes(4 * t.values_per_beat), 2 * t.values_per_beat), last=False)
    await ClockCycles(dut.clk_i, 20)
    await t.host("CONTROL", value("CONTROL", stop=1))
    t.trace(*SHORT_WRITE, *signals(FRAME))
    await t.host("CONTROL", value("CONTROL", flush=1))
    for _ in range(200):
        if await within(400, t.read("STATUS", "idle")):
            break
    await t.host("CONTROL", value("CONTROL", start=1, fresh=1))
    await ClockCycles(dut.clk_i, 60)
    t.queue(net.x[0])
    got = await within(LIMIT, t.receive(2 * len(net.y[0])))
    begin = next(i for i, line in enumerate(t.seen) if line[3] == "1")
    t.wave("flush", 0, begin + 6)
    assert (np.frombuffer(got, "<i2")[: len(net.y[0])] == net.y[0]).all()
    keep(t.rows)
