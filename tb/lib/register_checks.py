# SPDX-License-Identifier: Apache-2.0
"""Fields of a register file against reads and writes of AXI4-Lite: a line for each difference.

Nothing here knows the register map: names, places, accesses and values are those of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from cocotbext.axi import AxiResp

ONES = 0xFFFFFFFF


class Field(NamedTuple):
    """A field as a register file tells it (``tests/kit/register_views.py`` reads them).

    Attributes:
        register, field: names; the field's in lower case.
        offset: of the register, in bytes.
        lsb, width: in bits.
        access: RO, RW, W1C (a 1 clears it), WO (a 1 is a command).
        reset: its value after reset; None: not known.
    """

    register: str
    field: str
    offset: int
    lsb: int
    width: int
    access: str
    reset: int | None

    @property
    def mask(self) -> int:
        """Its bits in the register."""
        return (1 << self.width) - 1 << self.lsb & ONES


class Port(Protocol):
    """The registers of a design, and the means to change fields from its other side."""

    state_bits: int  # of STATE_DATA, whose other bits are copies of the highest

    async def read(self, name: str | int) -> tuple[int, int]:
        """Value and response of an offset."""

    async def write(self, name: str | int, value: int) -> int:
        """Response."""

    async def drive(self, f: Field, ones: bool) -> bool:
        """All bits of a read-only field from the design's side; False if there is no way."""

    async def event(self, f: Field) -> bool:
        """The cause of a pending bit; False if there is no such."""

    async def seen(self, f: Field, write: Callable[[], Coroutine]) -> set[str]:
        """Commands that a write makes the design follow."""


async def reset_faults(port: Port, fields: Sequence[Field]) -> list[str]:
    """Registers after reset; bits in no field are zero."""
    found = []
    for offset, group in groupby(sorted(fields, key=lambda f: f.offset), key=lambda f: f.offset):
        parts = list(group)
        if any(f.reset is None for f in parts):
            continue
        want = sum((f.reset or 0) << f.lsb for f in parts)
        value, resp = await port.read(offset)
        if (value, resp) != (want, AxiResp.OKAY):
            found.append(f"{parts[0].register}: {value:#x} after reset, not {want:#x}")
    return found


async def _kept(port: Port, f: Field, known: int) -> list[str]:
    """Read and write: each bit alone, all bits, none; the other bits of the register stay zero,
    and those in no field (not in ``known``) always."""
    for value in (*(1 << n for n in range(32) if f.mask >> n & 1), f.mask, 0):
        want = value
        if f.register == "STATE_DATA":
            sign = 1 << port.state_bits - 1
            want = ((value & 2 * sign - 1 ^ sign) - sign) & f.mask
        if await port.write(f.offset, value) != AxiResp.OKAY:
            return ["a write gets an error"]
        got = await port.read(f.offset)
        if got != (want, AxiResp.OKAY):
            return [f"{value:#x} is read as {got[0]:#x}, {got[1]}"]
    outside = ONES & ~f.mask
    if f.register == "CONTROL" or not outside:  # there the others are commands
        return []
    await port.write(f.offset, outside)
    bits = (await port.read(f.offset))[0]
    await port.write(f.offset, 0)
    return [f"a write of {outside:#x} gives {bits:#x}"] if bits & (f.mask | ~known) else []


async def _read_only(port: Port, f: Field, all_read_only: bool) -> list[str]:
    """All bits as the design drives them; a write of ones and zeros changes none."""
    found = []
    driven = await port.drive(f, True)
    before = await port.read(f.offset)
    if driven and before != (f.mask, AxiResp.OKAY):
        found.append(f"all ones are read as {before[0]:#x}, {before[1]}")
    for value in (ONES if all_read_only else f.mask, 0):
        resp = AxiResp.OKAY

        async def write(value: int = value) -> None:
            nonlocal resp
            resp = await port.write(f.offset, value)

        if all_read_only:
            await write()
        elif done := await port.seen(f, write):
            found.append(f"a write of {value:#x} does {sorted(done)}")
        if (resp != AxiResp.OKAY) != all_read_only:
            found.append(f"a write gets {AxiResp(resp).name}")
        if (now := await port.read(f.offset)) != before:
            found.append(f"a write changes it to {now[0]:#x}")
    if driven:
        await port.drive(f, False)
        if (now := await port.read(f.offset)) != (0, AxiResp.OKAY):
            found.append(f"all zeros are read as {now[0]:#x}, {now[1]}")
    return found


async def _pending(port: Port, f: Field) -> list[str]:
    """The design sets it, zeros and other bits leave it, a one clears it."""
    if not await port.event(f):
        return ["no event sets it"]
    for value, want in ((0, f.mask), (ONES & ~f.mask, f.mask), (f.mask, 0)):
        if await port.write(f.offset, value) != AxiResp.OKAY:
            return ["a write gets an error"]
        now = (await port.read(f.offset))[0]
        if now & f.mask != want or (value & ~f.mask and now != want):
            return [f"after a write of {value:#x} it is {now:#x}"]
    return []


async def _command(port: Port, f: Field) -> list[str]:
    """A write of any bit is the command of its name and no other; it reads as zero."""
    found = []
    for value in (1 << n for n in range(32) if f.mask >> n & 1):

        async def write(value: int = value) -> None:
            await port.write(f.offset, value)

        done = await port.seen(f, write)
        if done != {f.field}:
            found.append(f"a write of {value:#x} does {sorted(done)}")
        if now := (await port.read(f.offset))[0]:
            found.append(f"reads as {now:#x}")
    return found


async def field_faults(port: Port, f: Field, fields: Sequence[Field]) -> list[str]:
    """What reads and writes tell otherwise than the file of all ``fields`` does of one."""
    others = [g for g in fields if g.offset == f.offset and g.field != f.field]
    if any(g.mask & f.mask for g in others):
        return [f"{f.register}.{f.field}: shares bits with another field"]
    if f.lsb + f.width > 32:
        return [f"{f.register}.{f.field}: ends behind bit 31"]
    if f.access == "RO":
        found = await _read_only(port, f, all(g.access == "RO" for g in others))
    elif f.access == "RW":
        found = await _kept(port, f, sum(g.mask for g in others) | f.mask)
    elif f.access == "W1C":
        found = await _pending(port, f)
    else:
        found = await _command(port, f)
    return [f"{f.register}.{f.field}: {line}" for line in found]
