# SPDX-License-Identifier: Apache-2.0
"""cocotbext-axi on modules whose ports end in ``_i`` and ``_o``, and stall generators for it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from cocotb_bus.bus import Bus
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamSink, AxiStreamSource
from cocotbext.axi import axil_channels as channels


def _bus(cls: type, dut: Any, prefix: str, outputs: tuple[str, ...]) -> Any:
    """A bus object of cocotbext-axi; ``outputs`` are the signals that the module drives."""

    def names(signals: list[str]) -> dict[str, str]:
        return {s: f"{s}_o" if s in outputs else f"{s}_i" for s in signals}

    bus = cls.__new__(cls)
    Bus.__init__(
        bus, dut, prefix, names(cls._signals), optional_signals=names(cls._optional_signals)
    )
    return bus


def pauses(chance: float) -> Iterator[bool]:
    """Stalls each cycle with that probability."""
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
