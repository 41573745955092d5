# SPDX-License-Identifier: Apache-2.0
"""The fields of a kit's register files (CSB_FIELDS) on the RTL.

``machine_``: on csb_top, values after reset and every write, with its effect. ``registers_``: on
csb_regs, whose inputs drive each bit of the fields that are only read. Last, fields that were
changed on purpose: each is found.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from csb_rnn.machine.counters import COUNTERS
from tb.interface.test_regs import PARAMETERS, Bench
from tb.lib.register_checks import ONES, Field, field_faults, reset_faults
from tb.lib.stream import reset, within
from tb.test_top import Top, networks

INDEX = {c.name: i for i, c in enumerate(COUNTERS)}
#: Inputs of csb_regs behind the fields of STATUS.
STATUS = {"start_waits": "waits_i", "error": "error_code_i"}
#: Fields that are parameters of the hardware: their value after reset is all there is to see.
CONSTANT = ("IDENTITY", "CONFIG_HASH", "GRID", "FORMATS", "STREAM", "VERSION", "WORD")
CHANGED = 15  # fields that are changed on purpose in a run


def fields() -> list[Field]:
    """The fields of the launcher's file."""
    return [Field(**row) for row in json.loads(Path(os.environ["CSB_FIELDS"]).read_text())]


class Registers(Bench):
    """csb_regs; a read-only field is driven by the input behind it."""

    state_bits = PARAMETERS["StateW"]

    def __init__(self, dut) -> None:
        self.lit: int | None = None  # the counter that reads as ones
        super().__init__(dut)

    async def _counters(self) -> None:
        while True:
            await RisingEdge(self.dut.clk_i)
            if self.dut.counter_sel_o.value.is_resolvable:
                lit = int(self.dut.counter_sel_o.value) == self.lit
                self.dut.counter_i.value = ONES if lit else 0

    async def drive(self, f: Field, ones: bool) -> bool:
        dut = self.dut
        if f.register in CONSTANT:
            return False
        if f.register == "STATUS":
            dut.idle_i.value = 0
            signal = getattr(dut, STATUS.get(f.field, f"{f.field}_i"))
            signal.value = (1 << len(signal)) - 1 if ones else 0
        elif f.register in ("CYCLES_LO", "CYCLES_HI"):
            dut.cycles_i.value = (ONES << 32 * (f.register == "CYCLES_HI")) * ones
            await self.read("CYCLES_LO")  # holds CYCLES_HI
        elif f.register == "PEG_ISSUE":
            dut.issued_i.value = ONES * ones
        elif f.register == "FRAMES_CUT":
            count = dut.frames_cut_q  # test_regs sees it count
            count.value = (1 << len(count)) - 1 if ones else 0
        elif f.register == "IRQ_PENDING":  # if a file calls it read-only
            return await self.event(f)
        elif f.register in INDEX:
            self.lit = INDEX[f.register] if ones else None
        else:
            return False
        await ClockCycles(dut.clk_i, 2)
        return True

    async def event(self, f: Field) -> bool:
        signal = getattr(self.dut, f"{f.field}_evt_i", None)
        if signal is None:
            return False
        signal.value = 1
        await RisingEdge(self.dut.clk_i)
        signal.value = 0
        await RisingEdge(self.dut.clk_i)
        return True

    async def seen(self, f: Field, write: Callable[[], Coroutine]) -> set[str]:
        self.commands.clear()
        await write()
        await ClockCycles(self.dut.clk_i, 3)
        return set(self.commands)


class Machine(Top):
    """csb_top; commands and events are seen by their effects."""

    state_bits = 0

    async def read(self, name: str | int, part: str | None = None):
        if isinstance(name, str):
            return await within(400, super().read(name, part))
        answer = await within(400, self.axil.read(name, 4))
        return int.from_bytes(answer.data, "little"), answer.resp

    async def write(self, name: str | int, value: int):
        if isinstance(name, str):
            return await within(400, super().write(name, value))
        return (await within(400, self.axil.write(name, value.to_bytes(4, "little")))).resp

    async def drive(self, f: Field, ones: bool) -> bool:
        return False

    async def event(self, f: Field) -> bool:
        assert await self.load(networks()[0].image) == "none"
        if f.field == "error":
            await self.write("IRQ_PENDING", ONES)
            await self.write("CONTROL", 1)
            await self.write("CONTROL", 1)  # busy
            assert await self.read("STATUS", "error")
            await self.stop()
        return f.field in ("loaded", "error")

    async def stop(self) -> None:
        await super().stop()
        await self.write("CONTROL", 0)  # fresh as after reset

    async def seen(self, f: Field, write: Callable[[], Coroutine]) -> set[str]:
        """``start`` begins a run; a ``stop`` ends it and keeps half a frame, which a ``flush``
        forgets; after a ``reset`` there is no image."""
        net = networks()[0]
        assert await self.load(net.image) == "none"
        if f.field != "start":
            await self.start()
            if f.field == "flush":  # a beat of a cut frame
                self.frames.send_nowait(bytes(2 * self.values_per_beat))
        await write()
        await ClockCycles(self.dut.clk_i, 100)
        running, valid = [await self.read("STATUS", n) for n in ("running", "image_valid")]
        if not valid:
            return {"reset"}
        if running:
            await self.stop()
            return {"start"}
        return {f.field} if f.field in ("stop", "flush") else set()


async def machine(dut) -> tuple[Machine, list[Field]]:
    m, found = Machine(dut), fields()
    m.state_bits = next(f.reset for f in found if f.field == "state_w")
    await m.reset()
    return m, found


@cocotb.test
async def machine_after_reset(dut) -> None:
    """From the simulator's random state; one bit of a value changed on purpose is found."""
    m, found = await machine(dut)
    assert await reset_faults(m, found) == []
    for f in random.sample([f for f in found if f.reset is not None], 3):
        changed = f._replace(reset=f.reset ^ 1 << random.randrange(f.width))
        assert await reset_faults(m, [changed if g == f else g for g in found]), changed


@cocotb.test
async def machine_writes(dut) -> None:
    """Every field; another reset makes all values those after reset again."""
    m, found = await machine(dut)
    for f in found:
        assert await field_faults(m, f, found) == []
    await m.reset()
    assert await reset_faults(m, found) == []


async def registers(dut) -> Registers:
    b = Registers(dut)
    await reset(dut)
    await ClockCycles(dut.clk_i, 2)
    return b


@cocotb.test
async def registers_bit_by_bit(dut) -> None:
    b, found = await registers(dut), fields()
    for f in found:
        dut.idle_i.value = 1
        assert await field_faults(b, f, found) == []


def changes(f: Field) -> Iterator[Field]:
    """The field with one thing wrong that its reads and writes must show."""
    others = {"RO": ("RW", "WO"), "RW": ("RO", "W1C"), "W1C": ("RO", "RW"), "WO": ("RO", "RW")}
    for access in others[f.access]:
        yield f._replace(access=access)
    if f.register not in CONSTANT:
        yield f._replace(offset=f.offset + 4)
        yield f._replace(lsb=f.lsb + 1)
        if f.width > 1:
            yield f._replace(width=f.width - 1)
        if f.width < 32:
            yield f._replace(width=f.width + 1)


@cocotb.test
async def registers_show_what_is_changed(dut) -> None:
    b, found = await registers(dut), fields()
    for f in random.sample(found, CHANGED):
        for changed in changes(f):
            dut.idle_i.value = 1
            assert await field_faults(b, changed, [changed if g == f else g for g in found]), (
                f"not found: {f} as {changed}"
            )
            for n in (f, changed):  # left by a wrong access
                await b.write(n.offset, 0)
            await b.write("IRQ_PENDING", ONES)
