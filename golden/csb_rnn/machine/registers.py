# SPDX-License-Identifier: Apache-2.0
"""The register map of the AXI4-Lite port and the error codes: the one definition of both.

``python -m csb_rnn.machine.registers`` writes ``hdl/control/csb_regs_pkg.sv``; the register table
of the documents comes from here too, and a test checks that the package is current.
"""

from __future__ import annotations

import dataclasses

from csb_rnn.machine.folders import HDL

VERSION = 3  # of the register map
WATCHDOG_RESET = 1 << 24  # WATCHDOG after reset
IDENTITY = int.from_bytes(b"CSB", "little") | VERSION << 24
ADDR_W = 12  # address bits of the AXI4-Lite port

# Error codes of STATUS.error: the first one wins, a start or the begin of a load clears it.
ERRORS = {
    "none": (0, "no error"),
    "magic": (1, "image: does not begin with CSB1"),
    "version": (2, "image: made for another version of the format"),
    "config": (3, "image: made for another configuration"),
    "length": (4, "image: TLAST or a section's end is not where the header says"),
    "section": (5, "image: a section names an unknown target or does not fit its memory"),
    "crc": (6, "image: wrong checksum"),
    "frame": (7, "input frame: TLAST is not on the last beat that the program expects"),
    "no_image": (8, "start without a valid image, or while one is loaded"),
    "timeout": (9, "no beat that was owed came within WATCHDOG cycles: of a run, or of an image"),
    "flushed": (10, "image: CONTROL.flush ended it before its TLAST"),
    "busy": (11, "start while running; the run goes on"),
    "value": (12, "image: a program register's value is out of its range"),
    "missing": (13, "image: lacks the registers, a program's last word or the output table"),
    "program": (14, "the program sent an output frame that no input frame had asked for"),
}

_SEND_AGAIN = "check that the file is whole and send it again, then start"
_REBUILD = "build the image for this hardware (CONFIG_HASH, image format), send it, start"
# What a host does about an error; none needs rst_ni.
ERROR_ACTIONS = {
    "none": "-",
    "magic": _SEND_AGAIN,
    "version": _REBUILD,
    "config": _REBUILD,
    "length": f"if its transfer was reset: CONTROL.flush; {_SEND_AGAIN}",
    "section": _REBUILD,
    "crc": _SEND_AGAIN,
    "frame": "send frames of the program's length with TLAST on the last beat; if the transfer was "
    "reset: CONTROL.flush; then start",
    "no_image": "load an image, then start",
    "timeout": "of a run: the program is wrong or WATCHDOG too small: load an image or write "
    "WATCHDOG, then start; of an image: send it again from its first word, then start",
    "flushed": "send the image again, then start",
    "busy": "nothing, or CONTROL.stop and start in one write to start the run anew",
    "value": _REBUILD,
    "missing": _REBUILD,
    "program": _REBUILD,
}


@dataclasses.dataclass(frozen=True)
class RegField:
    """Bits ``lsb + width - 1 .. lsb`` of a register."""

    name: str
    lsb: int
    width: int
    doc: str


@dataclasses.dataclass(frozen=True)
class Register:
    """A 32-bit register; ``access`` is RO, RW, WO (reads as zero) or W1C."""

    offset: int
    name: str
    access: str
    doc: str
    fields: tuple[RegField, ...] = ()


F = RegField
REGISTERS = (
    Register(0x00, "IDENTITY", "RO", "'C', 'S', 'B', version, from the low byte"),
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
            F("data_w", 0, 8, "bits of weights, inputs and h"),
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
            F("x_lanes", 16, 8, "input values written in a cycle"),
            F("share_h", 24, 1, "horizontal sharing built in"),
            F("share_v", 25, 1, "vertical sharing built in"),
        ),
    ),
    Register(
        0x20,
        "CONTROL",
        "RW",
        "run control",
        (
            F("start", 0, 1, "write 1 to start; reads as zero"),
            F("stop", 1, 1, "write 1 to stop; reads as zero"),
            F("fresh", 2, 1, "a run begins with a zero state instead of the state memory's"),
            F("flush", 3, 1, "write 1 to stop and forget cut input; reads as zero"),
            F("reset", 4, 1, "write 1 to reset all but this port; reads as zero"),
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
    Register(
        0x28,
        "IRQ_ENABLE",
        "RW",
        "which pending bits raise irq",
        (F("loaded", 0, 1, "image loaded"), F("error", 1, 1, "error")),
    ),
    Register(
        0x2C,
        "IRQ_PENDING",
        "W1C",
        "interrupt causes",
        (F("loaded", 0, 1, "image loaded"), F("error", 1, 1, "error")),
    ),
    Register(
        0x30,
        "WATCHDOG",
        "RW",
        "cycles that a beat may be owed before error `timeout`; 0: for ever; 2^24 after reset",
    ),
    # counters, in the order of csb_counters; all cleared by a start
    Register(0x40, "CYCLES_LO", "RO", "cycles while running; reading it holds CYCLES_HI"),
    Register(0x44, "CYCLES_HI", "RO", "bits 63..32 as of the last read of CYCLES_LO"),
    Register(0x48, "ITERATIONS", "RO", "iterations (frames of all streams) that were issued"),
    Register(0x4C, "FRAMES_IN", "RO", "input frames taken whole"),
    Register(0x50, "FRAMES_OUT", "RO", "output frames sent whole"),
    Register(0x54, "SATURATIONS", "RO", "data path values that saturated"),
    Register(0x58, "STALL_ENGINE", "RO", "cycles in which a PEGroup waited, all of them added"),
    Register(0x5C, "STALL_MARK", "RO", "cycles: drain unit waits for PEGroups"),
    Register(0x60, "STALL_REG", "RO", "cycles: drain unit waits for a free register set"),
    Register(0x64, "STALL_POST", "RO", "cycles: element unit waits for the drain unit"),
    Register(0x68, "STALL_OUT", "RO", "cycles: element unit waits for a free output buffer"),
    Register(0x6C, "STALL_X", "RO", "cycles: an input beat is offered and not taken"),
    Register(0x70, "WAIT_X", "RO", "cycles: an input beat could be taken and none is offered"),
    Register(0x74, "STALL_SINK", "RO", "cycles: an output beat is offered and not taken"),
    Register(0x78, "FRAMES_CUT", "RO", "output frames completed with zeros, modulo 2^16"),
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


def _camel(name: str) -> str:
    return "".join(w.capitalize() for w in name.lower().split("_"))


def package_text() -> str:
    """The text of ``hdl/control/csb_regs_pkg.sv``."""
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
        f"  parameter logic [{ADDR_W - 1}:0] Reg{_camel(r.name)} = {ADDR_W}'h{r.offset:03x};"
        for r in REGISTERS
    ]
    lines += [
        f"  parameter logic [7:0] Err{_camel(k)} = 8'd{code};" for k, (code, _) in ERRORS.items()
    ]
    lines += ["endpackage", "`default_nettype wire", ""]
    return "\n".join(lines)


PACKAGE_FILE = HDL / "control" / "csb_regs_pkg.sv"

if __name__ == "__main__":
    PACKAGE_FILE.write_text(package_text())
