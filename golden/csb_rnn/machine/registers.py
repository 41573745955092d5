# SPDX-License-Identifier: Apache-2.0
"""The register map of the AXI4-Lite port: its one definition, of the documents' table too.

``python -m csb_rnn.machine.registers`` writes ``hdl/control/csb_regs_pkg.sv``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from csb_rnn.machine import error_codes
from csb_rnn.machine.counters import COUNTER_BASE, COUNTER_INC_W, COUNTERS, Counter
from csb_rnn.machine.folders import HDL
from csb_rnn.machine.rtl_names import camel
from csb_rnn.machine.sharing_modes import MODES
from csb_rnn.machine.version import __version__

VERSION = 3  # of the register map: raised if a register or field moves or means something else
WATCHDOG_RESET = 1 << 24  # WATCHDOG after reset
IDENTITY = int.from_bytes(b"CSB", "little") | VERSION << 24
IP_VERSION = tuple(int(part) for part in __version__.split("."))  # major, minor, patch
ADDR_W = 12  # address bits of the AXI4-Lite port


@dataclasses.dataclass(frozen=True)
class RegField:
    """Bits ``lsb + width - 1 .. lsb`` of a register; a ``pulse`` reads as zero."""

    name: str
    lsb: int
    width: int
    doc: str
    pulse: bool = False


@dataclasses.dataclass(frozen=True)
class Register:
    """A 32-bit register; ``access`` is RO, RW, WO (reads as zero) or W1C."""

    offset: int
    name: str
    access: str
    doc: str
    fields: tuple[RegField, ...] = ()


F = RegField
_SHARING = [f"{m.name} sharing" for m in MODES]
_IRQ = (F("loaded", 0, 1, "image loaded"), F("error", 1, 1, "error"))
REGISTERS = (
    Register(
        0x00,
        "IDENTITY",
        "RO",
        "'C', 'S', 'B', version of this register map, from the low byte",
        (F("magic", 0, 24, "'C', 'S', 'B'"), F("map", 24, 8, "version of this register map")),
    ),
    Register(0x04, "CONFIG_HASH", "RO", "what an image's header must carry"),
    Register(
        0x08,
        "GRID",
        "RO",
        "size of the engine",
        (F("k", 0, 8, "K"), F("l", 8, 8, "L"), F("p", 16, 8, "P"), F("q", 24, 8, "Q")),
    ),
    Register(
        0x0C,
        "FORMATS",
        "RO",
        "number formats",
        (
            F("data_w", 0, 8, "bits of inputs and h"),
            F("state_w", 8, 8, "bits of a state"),
            F("state_frac", 16, 8, "fraction bits of a state"),
            F("drain_banks", 24, 8, "accumulator banks of a PE row"),
        ),
    ),
    Register(
        0x10,
        "STREAM",
        "RO",
        "frame streams",
        (
            F("stream_w", 0, 16, "bits of a beat"),
            F("x_per_cycle", 16, 8, "input values written in a cycle"),
            F("sharing", 24, len(MODES), f"built in, from bit 0: {', '.join(_SHARING)}"),
        ),
    ),
    Register(
        0x14,
        "VERSION",
        "RO",
        "version of the hardware, as `csb_rnn.__version__`",
        (F("patch", 0, 8, "patch"), F("minor", 8, 8, "minor"), F("major", 16, 16, "major")),
    ),
    Register(
        0x18,
        "WORD",
        "RO",
        "words of a PEGroup",
        (
            F("weight_w", 0, 8, "bits of a weight"),
            F("shared_cols", 8, 8, "PE rows that share neuron addresses; 1: none"),
        ),
    ),
    Register(
        0x20,
        "CONTROL",
        "RW",
        "run control",
        (
            F("start", 0, 1, "write 1 to start; reads as zero", pulse=True),
            F("stop", 1, 1, "write 1 to stop; reads as zero", pulse=True),
            F("fresh", 2, 1, "a run begins with a zero state instead of the state memory's"),
            F("flush", 3, 1, "write 1 to stop and forget cut input; reads as zero", pulse=True),
            F("reset", 4, 1, "write 1 to reset all but this port; reads as zero", pulse=True),
        ),
    ),
    Register(
        0x24,
        "STATUS",
        "RO",
        "what the engine does",
        (
            F("image_valid", 0, 1, "an image is loaded and its checksum was right"),
            F("running", 1, 1, "between start and stop or error"),
            F("idle", 2, 1, "nothing moves: state window open"),
            F("loading", 3, 1, "an image is being taken"),
            F("out_open", 4, 1, "a cut output frame waits to be taken up to its TLAST"),
            F("in_cut", 5, 1, "the rest of a cut input frame is dropped up to its TLAST"),
            F("start_waits", 6, 1, "a start is done once the machine is at rest, out_open 0"),
            F("error", 8, 8, "error code"),
        ),
    ),
    Register(0x28, "IRQ_ENABLE", "RW", "which pending bits raise irq", _IRQ),
    Register(0x2C, "IRQ_PENDING", "W1C", "interrupt causes", _IRQ),
    Register(
        0x30,
        "WATCHDOG",
        "RW",
        "cycles that a beat may be owed before error `timeout`; 0: for ever; 2^24 after reset; "
        "a write begins the count anew",
    ),
    # cleared by a start, as all counters but FRAMES_CUT
    Register(0x40, "CYCLES_LO", "RO", "cycles while running; reading it holds CYCLES_HI"),
    Register(0x44, "CYCLES_HI", "RO", "bits 63..32 as of the last read of CYCLES_LO"),
    *(Register(COUNTER_BASE + 4 * i, c.name, "RO", c.doc) for i, c in enumerate(COUNTERS)),
    Register(
        0x78,
        "FRAMES_CUT",
        "RO",
        "output frames completed with zeros, modulo 2^16; no start clears it",
        (F("frames", 0, 16, "frames"),),
    ),
    Register(
        0x80, "PEG_SELECT", "RW", "PEGroup k*L + l of PEG_ISSUE", (F("group", 0, 8, "index"),)
    ),
    Register(
        0x84,
        "PEG_ISSUE",
        "RO",
        "cycles in which the selected PEGroup issued useful work; SLVERR if there is none such",
    ),
    Register(
        0x90,
        "STATE_ADDR",
        "RW",
        "word of the state memory that STATE_DATA is",
        (F("addr", 0, 16, "address"), F("lane", 16, 16, "data path lane")),
    ),
    Register(
        0x94,
        "STATE_DATA",
        "RW",
        "state word, signed; SLVERR if there is no such word, or unless idle throughout",
    ),
)

BY_NAME = {r.name: r for r in REGISTERS}


def address(name: str) -> int:
    """Offset of a register."""
    return BY_NAME[name].offset


def field(name: str, field_name: str, value: int) -> int:
    """The named field of a register value."""
    for f in BY_NAME[name].fields:
        if f.name == field_name:
            return value >> f.lsb & (1 << f.width) - 1
    raise KeyError(f"{name}.{field_name}")


def value(name: str, **fields: int) -> int:
    """The register value with these fields and zeros elsewhere.

    Example: ``value("CONTROL", start=1, fresh=1)`` is 5.

    Raises:
        KeyError: no such register or field.
        ValueError: a value does not fit its field.
    """
    known = {f.name: f for f in BY_NAME[name].fields}
    word = 0
    for key, number in fields.items():
        f = known[key]
        if not 0 <= number < 1 << f.width:
            raise ValueError(f"{name}.{key}: {number} does not fit {f.width} bits")
        word |= number << f.lsb
    return word


def _counter_lines(registers: Sequence[Register], counters: Sequence[Counter]) -> list[str]:
    """Number, index and first register of the counters.

    Raises:
        ValueError: their registers are not one after the other, in this order.
    """
    at = {r.name: r.offset for r in registers}
    if [at[c.name] for c in counters] != [COUNTER_BASE + 4 * i for i in range(len(counters))]:
        raise ValueError("counters: their registers are not in their order")
    return [
        f"  parameter int Counters = {len(counters)};",
        f"  parameter int CounterIncW = {COUNTER_INC_W};",
        f"  parameter logic [{ADDR_W - 1}:0] RegCounters = {ADDR_W}'h{COUNTER_BASE:03x};",
        *(f"  parameter int Cnt{camel(c.name)} = {i};" for i, c in enumerate(counters)),
    ]


def _field_lines(r: Register) -> list[str]:
    """Bounds of a register's fields, and the bits up to the last of them."""
    lines = []
    for f in r.fields:
        name = camel(r.name) + camel(f.name)
        lines += [f"  parameter int {name}Lsb = {f.lsb};", f"  parameter int {name}W = {f.width};"]
    if r.fields:
        end = max(f.lsb + f.width for f in r.fields)
        lines.append(f"  parameter int {camel(r.name)}Width = {end};")
    return lines


def package_text(
    registers: Sequence[Register] = REGISTERS, counters: Sequence[Counter] = COUNTERS
) -> str:
    """The text of ``hdl/control/csb_regs_pkg.sv``, or the same with another map.

    Raises:
        ValueError: two registers have one offset, or counters are not in their order.
    """
    if len({r.offset for r in registers}) != len(registers):
        raise ValueError("registers: two have one offset")
    code_w = next(f.width for f in BY_NAME["STATUS"].fields if f.name == "error")
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Generated by `python -m csb_rnn.machine.registers`: do not edit.",
        "// What each register means is in",
        "// golden/csb_rnn/machine/registers.py.",
        "`default_nettype none",
        "package csb_regs_pkg;",
        f"  parameter int RegAddrW = {ADDR_W};",
        f"  parameter logic [31:0] Identity = 32'h{IDENTITY:08x};",
        f"  parameter logic [31:0] WatchdogReset = 32'h{WATCHDOG_RESET:08x};",
    ]
    lines += [
        f"  parameter int Version{part} = {number};"
        for part, number in zip(("Major", "Minor", "Patch"), IP_VERSION, strict=True)
    ]
    lines += [
        f"  parameter logic [{ADDR_W - 1}:0] Reg{camel(r.name)} = {ADDR_W}'h{r.offset:03x};"
        for r in registers
    ]
    for r in registers:
        lines += _field_lines(r)
    lines += _counter_lines(registers, counters)
    lines += error_codes.package_lines(code_w)
    lines += ["endpackage", "`default_nettype wire", ""]
    return "\n".join(lines)


PACKAGE_FILE = HDL / "control" / "csb_regs_pkg.sv"

if __name__ == "__main__":
    PACKAGE_FILE.write_text(package_text())
