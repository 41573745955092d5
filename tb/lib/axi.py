# SPDX-License-Identifier: Apache-2.0
"""cocotbext-axi on modules whose ports end in ``_i`` and ``_o``, and stall generators for it."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotb_bus.bus import Bus
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamSink, AxiStreamSource
from cocotbext.axi import axil_channels as channels


def _bus(cls: type, dut: Any, prefix: str, outputs: tuple[str, ...]) -> Any:
    """A bus object of cocotbext-axi; ``outputs`` are the signals driven by the module."""

    def names(signals: list[str]) -> dict[str, str]:
        return {s: f"{s}_o" if s in outputs else f"{s}_i" for s in signals}

    bus = cls.__new__(cls)
    Bus.__init__(
        bus, dut, prefix, names(cls._signals), optional_signals=names(cls._optional_signals)
    )
    return bus


def pauses(chance: float) -> Iterator[bool]:
    """Stalls each cycle with this probability. Example: 0.5 halves the rate."""
    while True:
        yield random.random() < chance


def axis_source(dut: Any, prefix: str, stall: float = 0.0) -> AxiStreamSource:
    """Drives ``<prefix>_tvalid_i``, ``_tdata_i``, ``_tlast_i``."""
    bus = _bus(AxiStreamBus, dut, prefix, ("tready",))
    source = AxiStreamSource(bus, dut.clk_i, dut.rst_ni, reset_active_level=False)
    source.log.setLevel("WARNING")
    if stall:
        source.set_pause_generator(pauses(stall))
    return source


def axis_sink(dut: Any, prefix: str, stall: float = 0.0) -> AxiStreamSink:
    """Takes ``<prefix>_tvalid_o``, ``_tdata_o``, ``_tkeep_o``, ``_tlast_o``."""
    bus = _bus(AxiStreamBus, dut, prefix, ("tvalid", "tdata", "tkeep", "tlast"))
    sink = AxiStreamSink(bus, dut.clk_i, dut.rst_ni, reset_active_level=False)
    sink.log.setLevel("WARNING")
    if stall:
        sink.set_pause_generator(pauses(stall))
    return sink


class BeatSource:
    """A source of an AXI4-Stream with a reset in the middle of a packet, as in a DMA.

    ``names`` is the pattern of the port's names, such as ``s_axis_frame_{}`` or ``s_{}_i``; the
    ready signal is ``ready``.
    """

    def __init__(self, dut: Any, names: str, ready: str, stall: float = 0.0) -> None:
        self.valid, self.data, self.last = (
            getattr(dut, names.format(part)) for part in ("tvalid", "tdata", "tlast")
        )
        self.ready = getattr(dut, ready)
        self.stall = stall
        self.queue: deque[tuple[int, bool]] = deque()
        self.mid = False  # the sink has taken beats of a packet, but not its last
        self.offers = False
        self.valid.value = self.data.value = self.last.value = 0
        cocotb.start_soon(self._run(dut.clk_i))

    def send(self, beats: list[int], *, last: bool = True) -> None:
        """Queues a packet; without ``last`` it has no TLAST."""
        end = len(beats) - 1 if last else None
        self.queue.extend((beat, i == end) for i, beat in enumerate(beats))

    def reset(self) -> None:
        """Forgets everything, the offered beat too."""
        self.queue.clear()
        self.offers = self.mid = False
        self.valid.value = 0

    def finish(self) -> None:
        """Forgets all but the rest of a begun packet."""
        if not self.mid:
            self.reset()
            return
        rest: list[tuple[int, bool]] = []
        while self.queue and not (rest and rest[-1][1]):
            rest.append(self.queue.popleft())
        self.queue = deque(rest)

    async def _run(self, clock: Any) -> None:
        while True:
            await RisingEdge(clock)
            if self.valid.value == 1 and self.ready.value == 1:
                if self.offers:
                    self.mid = self.last.value == 0
                    self.queue.popleft()
                self.offers = False
            if not self.offers:
                self.offers = bool(self.queue) and random.random() >= self.stall
                self.valid.value = int(self.offers)
                if self.offers:
                    self.data.value, last = self.queue[0]
                    self.last.value = int(last)


def beats(data: bytes, width: int) -> list[int]:
    """The beats of ``width`` bytes of a packet, little end first."""
    return [int.from_bytes(data[i : i + width], "little") for i in range(0, len(data), width)]


def axil_master(dut: Any, prefix: str) -> AxiLiteMaster:
    """An AXI4-Lite master on the slave port ``<prefix>_*``."""
    outputs = ("awready", "wready", "bvalid", "bresp", "arready", "rvalid", "rresp", "rdata")
    parts = [
        _bus(getattr(channels, f"AxiLite{c}Bus"), dut, prefix, outputs)
        for c in ("AW", "W", "B", "AR", "R")
    ]
    bus = AxiLiteBus.from_channels(*parts)
    master = AxiLiteMaster(bus, dut.clk_i, dut.rst_ni, reset_active_level=False)
    for part in (master.write_if, master.read_if):
        part.log.setLevel("WARNING")
    return master


def stall_axil(master: AxiLiteMaster, chance: float) -> None:
    """Stalls every channel of a master, each on its own."""
    if not chance:
        return
    write, read = master.write_if, master.read_if
    for part in (
        write.aw_channel,
        write.w_channel,
        write.b_channel,
        read.ar_channel,
        read.r_channel,
    ):
        part.set_pause_generator(pauses(chance))
