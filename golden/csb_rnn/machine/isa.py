# SPDX-License-Identifier: Apache-2.0
"""Instruction words, number formats and latencies: the one definition of all of them.

``python -m csb_rnn.machine.isa`` writes ``hdl/csb_pkg.sv`` from this file;
``docs/reference/isa.md`` is generated from it too, and a test checks that both are current.

Four kinds of units run a program each, in order, one word a cycle, over and over: the PEGroups,
the drain unit, the element unit and the output unit. An instruction waits until its conditions
hold, then *issues*; from there on its latency is fixed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from csb_rnn.machine import sharing_modes
from csb_rnn.machine.config import LANE_FRAC, REDUCE_IN, Config, clog2
from csb_rnn.machine.folders import HDL
from csb_rnn.machine.rtl_names import camel

# --- numbers ------------------------------------------------------------------------------
MUL_W = 18  # bits of the narrow multiplier operand of the element unit, LANE_FRAC of them fraction
SHIFT_BASE = 0  # a drained sum is shifted right by SHIFT_BASE + its shift field
SHIFT_W = 5  # bits of the shift field
MOST_SHIFT = 2**SHIFT_W - 1
EVENTS = 16  # event counters
EVENT_W = 6  # bits of an event counter and of an iteration number, modulo
REG_DEPTH = 32  # registers of each of the two register banks of a lane
REG_AW = clog2(REG_DEPTH)
PART_W = 36  # bits of the load bus: a memory word arrives in parts as wide as a block RAM
PART_IW = 6  # bits of a part's number
EVENT_X = 0  # the input loader's event: one frame of inputs is in the neuron buffers

# --- encodings ------------------------------------------------------------------------------
ACT = {"identity": 0, "sigmoid": 1, "tanh": 2, "relu": 3}
M_SEL = {"drain": 0, "elem": 1, "one": 2, "zero": 3}  # narrow operand
X_SEL = {"drain": 0, "elem": 1, "state": 2, "one": 3}  # wide operand
ACT_W, SEL_W = clog2(len(ACT)), clog2(len(M_SEL))
# The iteration of the event in a PEGroup's wait: iteration n counts frames of all streams.
LAG = {"this": 0, "stream": 1, "last": 2, "before_last": 3}

SATURATES = ("drain", "narrow operand", "element", "state")  # places in a lane, from bit 0


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of an instruction word."""

    name: str
    width: int
    doc: str


# PEGroup word: control fields, then a section for each share group (PE_ROW).
PEG_CTL = (
    Field("last", 1, "last word of the program: the next one is word 0 of the next iteration"),
    Field("work", 1, "some PE does useful work (counted as busy)"),
    Field("mark", 1, "the rows of one more unit slot are complete: tell the drain unit"),
    Field("w0_en", 1, "wait for an event before issue"),
    Field("w0_evt", 4, "event counter"),
    Field("w0_lag", 2, "iteration of the event: this, stream (n-S), last (n-1), before_last (n-2)"),
    Field("w1_en", 1, "wait until accumulators were drained: a second event"),
    Field("w1_evt", 2, "which of the last event counters; n-2 with acc_pp, else n-1"),
    Field("acc_pp", 1, "accumulators are double-buffered by iteration parity"),
)

# Drain word: accumulators of one row of every lane -> + bias -> shift -> activation -> register.
DRAIN = (
    Field("last", 1, "last word of the program"),
    Field("gap", 4, "cycles to leave free after the word before"),
    Field("wait_mark", 1, "wait for a mark of every PEGroup, and take it"),
    Field("acquire", 1, "wait for a free register set, and take it"),
    Field("post", 1, "tell the element unit that the registers up to here are written"),
    Field("evt_en", 1, "count an event: the accumulators up to here are read"),
    Field("evt", 4, "event counter"),
    Field("acc_addr", 12, "accumulator address in every bank; first of drain_rows"),
    Field("acc_pp", 1, "accumulators are double-buffered by iteration parity"),
    Field("bias_addr", 12, "bias address in every lane; first of drain_rows"),
    Field("shift", SHIFT_W, "shift right by SHIFT_BASE + shift"),
    Field("act", ACT_W, "activation"),
    Field("dst", REG_AW, "drain register; first of drain_rows"),
    Field("shift1", SHIFT_W, "shift of the second row"),
    Field("act1", ACT_W, "activation of the second row"),
)

# Element word: v = m0*x0 + m1*x1 (or minus); act(v) -> register; v -> state, neurons, output.
ELEM = (
    Field("last", 1, "last word of the program"),
    Field("gap", 4, "cycles to leave free after the word before"),
    Field("pend", 1, "wait for a post of the drain unit, and take it"),
    Field("out_acquire", 1, "wait for a free output buffer, and take it"),
    Field("release", 1, "give a register set back to the drain unit"),
    Field("m0_sel", SEL_W, "narrow operand 0: drain register, element register, one, zero"),
    Field("m0", REG_AW, "register of m0"),
    Field("x0_sel", SEL_W, "wide operand 0: drain register, element register, state, one"),
    Field("x0", REG_AW, "register of x0"),
    Field("m1_sel", SEL_W, "narrow operand 1"),
    Field("m1", REG_AW, "register of m1"),
    Field("x1_sel", SEL_W, "wide operand 1"),
    Field("x1", REG_AW, "register of x1"),
    Field("sub", 1, "subtract the second product"),
    Field("st_raddr", 12, "state address read by x0 or x1"),
    Field("st_fine_rd", 1, "state read: LANE_FRAC fraction bits instead of state_frac"),
    Field("st_fine_wr", 1, "state written: the same"),
    Field("fresh", 1, "the state reads as zero if the run starts from a zero state"),
    Field("act", ACT_W, "activation on the way to the register"),
    Field("reg_we", 1, "write act(v) to an element register"),
    Field("reg", REG_AW, "element register"),
    Field("st_we", 1, "write v to the state memory"),
    Field("st_waddr", 12, "state address written"),
    Field("neu_we", 1, "write v to the neuron buffers"),
    Field("neu_addr", 13, "first neuron address of the slot"),
    Field("neu_pp", 1, "neurons are double-buffered by frame parity"),
    Field("neu_shift", 3, "shift right on the way to neurons and output"),
    Field("neu_rot", 4, "lane i goes to engine column (i + neu_rot) mod L, of the output too"),
    Field("out_we", 1, "write v to the output buffer"),
    Field("out_addr", 12, "first output buffer word of the slot"),
    Field("out_done", 1, "the output frame is complete"),
    Field("evt_en", 1, "count an event once the neurons are written"),
    Field("evt", 4, "event counter"),
)


def drain_row(word: Mapping[str, int], i: int) -> tuple[int, int]:
    """Shift and activation (a code of :data:`ACT`) of row i of a drain word: 0 or 1."""
    suffix = "1" if i else ""
    return int(word.get(f"shift{suffix}", 0)), int(word.get(f"act{suffix}", 0))


DRAINED_EVENTS = 4  # only the last event counters can say that accumulators were drained
_LAG_NAME = {code: name for name, code in LAG.items()}


def lag_iterations(streams: int) -> dict[str, int]:
    """How many iterations before its own a PEGroup word's event is, by key of :data:`LAG`."""
    return {"this": 0, "stream": streams, "last": 1, "before_last": 2}


def peg_waits(ctl: Mapping[str, int]) -> list[tuple[int, str]]:
    """The waits of a PEGroup word: (event counter, key of :data:`LAG`) each, at most two."""
    out = []
    if ctl["w0_en"]:
        out.append((int(ctl["w0_evt"]), _LAG_NAME[int(ctl["w0_lag"])]))
    if ctl["w1_en"]:
        lag = "before_last" if ctl["acc_pp"] else "last"
        out.append((EVENTS - DRAINED_EVENTS + int(ctl["w1_evt"]), lag))
    return out


FORMATS: dict[str, tuple[Field, ...]] = {"PEG": PEG_CTL, "DRAIN": DRAIN, "ELEM": ELEM}


def width(fields: Iterable[Field]) -> int:
    """Bits of a word."""
    return sum(f.width for f in fields)


def encode(fields: Iterable[Field], values: Mapping[str, int]) -> int:
    """Pack named values into a word, first field at bit 0; absent fields are zero.

    Raises:
        ValueError: a name is unknown or a value does not fit its field.
    """
    word, pos, left = 0, 0, dict(values)
    for f in fields:
        v = int(left.pop(f.name, 0))
        if not 0 <= v < 1 << f.width:
            raise ValueError(f"field {f.name}: {v} does not fit {f.width} bits")
        word |= v << pos
        pos += f.width
    if left:
        raise ValueError(f"unknown fields {sorted(left)}")
    return word


def decode(fields: Iterable[Field], word: int) -> dict[str, int]:
    """Unpack a word into named values; the inverse of :func:`encode`."""
    out = {}
    for f in fields:
        out[f.name] = word & ((1 << f.width) - 1)
        word >>= f.width
    return out


def load_parts(word: int, bits: int) -> list[int]:
    """A memory word of so many bits as the load bus brings it: parts of PART_W bits, low first."""
    return [word >> at & (1 << PART_W) - 1 for at in range(0, bits, PART_W)]


# Widths in a PEGroup word by configuration, by the name of the RTL constant.
WIDTHS: dict[str, Callable[[Config], int]] = {
    "Aaw": lambda c: clog2(c.acc_depth),
    "Bsel": lambda c: clog2(c.drain_banks) if c.drain_banks > 1 else 0,
    "SetW": lambda c: c.set_w,
    "WeightW": lambda c: c.weight_w,
    "Naw": lambda c: c.neuron_aw,
    "SideW": lambda c: c.side_w,
}


@dataclasses.dataclass(frozen=True)
class SectionField:
    """A field of a section: ``width`` is a number or a name in :data:`WIDTHS`."""

    name: str
    width: int | str
    doc: str

    def bits(self, c: Config) -> int:
        """Bits in a configuration; zero: the field is absent."""
        return self.width if isinstance(self.width, int) else WIDTHS[self.width](c)


# A PEGroup word has a section for each share group: `shared_cols` PE rows that multiply the same
# neurons. First PE_ROW for every PE row of it, SHARED, PE_ROW_END for every PE row; then, Q times,
# a weight for every PE row (PE_WEIGHT) and their common neuron address (PE).
#
# A *streak* is a PE row's words for one output row without a break: the sum starts
# at `first` from the accumulator (from zero with `clr`) and is stored at `store`.
PE_ROW = (
    SectionField("row", "Aaw", "accumulator address"),
    SectionField("bank", "Bsel", "accumulator bank"),
    SectionField("first", 1, "first word of a streak"),
    SectionField("store", 1, "last word of a streak: store the sum"),
    SectionField("clr", 1, "start from zero: first visit of the row in this iteration"),
)
SHARED = (SectionField("pp", 1, "neurons are double-buffered by frame parity"),)
PE_ROW_END = (SectionField("vert", "SetW", "set of banks: 0 for rows of the own engine row"),)
PE_WEIGHT = (SectionField("w", "WeightW", "weight, signed"),)
PE = (
    SectionField("c", "Naw", "neuron address; pp: its top bit is the older buffer"),
    SectionField("s", "SideW", "side: 0 for the own engine column"),
)


@dataclasses.dataclass(frozen=True)
class Place:
    """A field of a section: of PE row ``pe_row`` of its share group (None: of all), of PE column
    ``pe``."""

    name: str
    width: int
    doc: str
    pe_row: int | None = None
    pe: int | None = None

    @property
    def key(self) -> str:
        """Name within a PE row or within the shared part: ``row``, ``pp``, ``w0``, ``c0``."""
        return self.name if self.pe is None else f"{self.name}{self.pe}"

    @property
    def label(self) -> str:
        """Name within a section; with several PE rows ``row.1``, ``w0.1``."""
        return self.key if self.pe_row is None else f"{self.key}.{self.pe_row}"


def section(c: Config) -> tuple[Place, ...]:
    """The fields of one section, lowest first; absent ones are left out."""
    pe_rows = range(c.shared_cols)

    def table(fields: Iterable[SectionField], pe_row: int | None, pe: int | None) -> list[Place]:
        return [Place(f.name, f.bits(c), f.doc, pe_row, pe) for f in fields]

    out = [f for i in pe_rows for f in table(PE_ROW, i, None)]
    out += table(SHARED, None, None)
    out += [f for i in pe_rows for f in table(PE_ROW_END, i, None)]
    for q in range(c.Q):
        out += [f for i in pe_rows for f in table(PE_WEIGHT, i, q)]
        out += table(PE, None, q)
    return tuple(f for f in out if f.width)


def section_width(c: Config) -> int:
    """Bits of a section."""
    return sum(f.width for f in section(c))


def pegroup_width(c: Config) -> int:
    """Bits of a PEGroup word: control fields, then a section for each share group."""
    return width(PEG_CTL) + c.share_groups * section_width(c)


# --- latencies, in cycles after issue ---------------------------------------------------------
LAT_RELEASE = 1  # element word -> drain word with the register set
LAT_DRAINED = 2  # drain word with an event -> overwriting PEGroup word


def acc_raw(c: Config) -> int:
    """PEGroup words between the store of a row and the next first of it (same PE row)."""
    return 3 + c.deep


def lat_event(c: Config) -> int:
    """Event is there -> PEGroups see it, and its neurons or accumulators."""
    return 2 * c.deep


def lat_wait(c: Config) -> int:
    """A PEGroup sees an event -> waiting word."""
    return c.deep


def lat_stored(c: Config) -> int:
    """PEGroup word -> first possible read of its stored row for a drain."""
    return 5 + c.deep - c.sum_bypass


def lat_mark(c: Config) -> int:
    """PEGroup word -> first possible issue of the drain unit on its mark."""
    return lat_stored(c) + 2 * c.deep


def lat_post(c: Config) -> int:
    """Drain word -> element word, reading its register."""
    return 7 + c.reduce_stages + 5 * c.deep - c.fast_act - c.reg_bypass


def lat_elem_reg(c: Config) -> int:
    """Element word -> a reader of its register."""
    return 7 + 5 * c.deep - c.fast_act - c.reg_bypass


def lat_elem_state(c: Config) -> int:
    """Element word -> a reader of its state word."""
    return 4 + 3 * c.deep


def lat_bus(c: Config) -> int:
    """Element word -> its first neurons on the write bus."""
    return 5 + 5 * c.deep


def lat_neuron(c: Config) -> int:
    """Element word -> PEGroup word or output word, reading the neurons."""
    return lat_bus(c) + c.sub_slots


LATENCIES = (
    acc_raw, lat_event, lat_wait, lat_stored, lat_mark, lat_post, lat_elem_reg, lat_elem_state,
    lat_bus, lat_neuron,
)  # fmt: skip
"""Those that depend on the configuration."""


def package_text() -> str:
    """The text of ``hdl/csb_pkg.sv``."""
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Generated by `python -m csb_rnn.machine.isa`: do not edit.",
        "// Instruction fields and encodings;",
        "// their meaning is in docs/reference/isa.md and golden/csb_rnn/machine/isa.py.",
        "`default_nettype none",
        "package csb_pkg;",
        f"  parameter int LaneFrac = {LANE_FRAC};",
        f"  parameter int MulW = {MUL_W};",
        f"  parameter int ShiftBase = {SHIFT_BASE};",
        f"  parameter int Events = {EVENTS};",
        f"  parameter int EventW = {EVENT_W};",
        f"  parameter int RegDepth = {REG_DEPTH};",
        f"  parameter int RegAw = {REG_AW};",
        f"  parameter int OperandAw = {4 * REG_AW};  // registers x1, m1, x0, m0",
        f"  parameter int SelW = {SEL_W};",
        f"  parameter int OperandSelW = {4 * SEL_W};  // x1, m1, x0, m0",
        f"  parameter int ActW = {ACT_W};",
        f"  parameter int LaneSats = {len(SATURATES)};  // {', '.join(SATURATES)}, from bit 0",
        "  parameter int Sats = LaneSats + 1;  // above them: neuron",
        f"  parameter int ReduceIn = {REDUCE_IN};",
        f"  parameter int EventX = {EVENT_X};",
        f"  parameter int PartW = {PART_W};",
        f"  parameter int PartIw = {PART_IW};",
    ]
    for table, prefix in ((ACT, "Act"), (M_SEL, "M"), (X_SEL, "X"), (LAG, "Lag")):
        for k, v in table.items():
            name = prefix + camel(k)
            lines.append(f"  parameter int {name} = {v};")
    for fmt, fields in FORMATS.items():
        pos = 0
        pre = fmt.capitalize()
        for f in fields:
            name = pre + camel(f.name)
            lines.append(f"  parameter int {name}Lsb = {pos};")
            lines.append(f"  parameter int {name}W = {f.width};")
            pos += f.width
        lines.append(f"  parameter int {pre}Width = {pos};")
    lines += [
        "",
        "  // Bits of a data path value.",
        "  function automatic int lane_w(input int state_w, input int state_frac);",
        "    return state_w + LaneFrac - state_frac;",
        "  endfunction",
        "",
        "  // Latency of csb_reduce: of the sum of so many operands.",
        "  function automatic int reduce_stages(input int operands);",
        "    return operands <= ReduceIn ? 1 : 2;",
        "  endfunction",
        *sharing_modes.package_lines(),
        "endpackage",
        "`default_nettype wire",
        "",
    ]
    return "\n".join(lines)


def layout_text() -> str:
    """The text of ``hdl/engine/csb_peg_word.svh``: where the fields of a section are, as sums of
    the parameters of the including module."""
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Generated by `python -m csb_rnn.machine.isa`: do not edit.",
        "// Layout of a PEGroup word, from PE_ROW to PE of golden/csb_rnn/machine/isa.py.",
        "// Include it where P, Q and all that it names are known.",
        "//",
        "// The section of share group g begins at csb_pkg::PegWidth + g*SectionW. In it, PE row i",
        "// has its fields at PeRowRowLsb, ... + i*PeRowW and PeRowVertLsb + i*PeRowEndW; PE",
        "// column q begins at SectionPeLsb + q*PeW, with the weight of PE row i at",
        "// PeWLsb + i*PeWeightW. A field of width 0 is absent.",
    ]

    def fields(prefix: str, begin: str, table: Iterable[SectionField]) -> str:
        """Adds the constants of a table beginning there; returns its end."""
        end = begin
        for f in table:
            name = prefix + f.name.capitalize()
            lines.append(f"localparam int {name}Lsb = {end};")
            lines.append(f"localparam int {name}W = {f.width};")
            end = f"{name}Lsb + {name}W"
        return end

    def constant(name: str, value: str) -> None:
        lines.append(f"localparam int {name} = {value};")

    constant("PeRowW", fields("PeRow", "0", PE_ROW))
    constant("PeRowEndLsb", fields("Shared", "SharedCols * PeRowW", SHARED))
    constant("PeRowEndW", f"{fields('PeRow', 'PeRowEndLsb', PE_ROW_END)} - PeRowEndLsb")
    constant("SectionPeLsb", "PeRowEndLsb + SharedCols * PeRowEndW")
    constant("PeWeightW", fields("Pe", "0", PE_WEIGHT))
    constant("PeW", fields("Pe", "SharedCols * PeWeightW", PE))
    constant("SectionW", "SectionPeLsb + Q * PeW")
    constant("PegWordW", "csb_pkg::PegWidth + P / SharedCols * SectionW")
    return "\n".join([*lines, ""])


PACKAGE_FILE = HDL / "csb_pkg.sv"
LAYOUT_FILE = HDL / "engine" / "csb_peg_word.svh"

if __name__ == "__main__":
    PACKAGE_FILE.write_text(package_text())
    LAYOUT_FILE.write_text(layout_text())
