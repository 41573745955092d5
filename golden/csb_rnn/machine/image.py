# SPDX-License-Identifier: Apache-2.0
"""The image: the content of the load port, as a stream of 32-bit little-endian words.

One definition for compiler, RTL (``hdl/control/csb_image_pkg.sv`` is written by
``python -m csb_rnn.machine.image``), benches and documents::

    image   = HEADER section* crc
    section = SECTION_HEADER data
    crc     = CRC-32 (IEEE 802.3, zlib.crc32) of every byte before it

The data of a section are its memory words in address order. A memory word of up to 32 bits is one
stream word. A wider one is cut into parts of ``isa.PART_W`` bits, as block RAMs are wide: first
come the upper 4 bits of every part, eight parts to a stream word, low part first; then the lower 32
bits of every part, a stream word each. Memories not named by an image keep their words,
but a load clears all neurons, accumulators and states.
"""

from __future__ import annotations

import dataclasses
import enum
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from csb_rnn.errors import CsbError
from csb_rnn.machine import isa
from csb_rnn.machine.config import Config, clog2, fields, rtl_parameters
from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.folders import HDL
from csb_rnn.machine.rtl_names import camel

MAGIC = int.from_bytes(b"CSB1", "little")
VERSION = 2  # of the image format


class ImageError(CsbError, ValueError):
    """An image refused by the load port; ``code`` is its error code."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.code = ERRORS[error][0]


HEADER = (
    isa.Field("magic", 32, "the bytes CSB1"),
    isa.Field("version", 32, "version of this format"),
    isa.Field("config", 32, "hash of the configuration: `config_hash`"),
    isa.Field("words", 32, "length of the whole image in 32-bit words, checksum included"),
)

SECTION_HEADER = (
    isa.Field("target", 8, "memory that the section is for"),
    isa.Field("index", 16, "which PEGroup (k*L + l) or which data path lane; else zero"),
    isa.Field("zero", 8, "zero"),
    isa.Field("addr", 32, "address of the first memory word"),
    isa.Field("count", 32, "memory words, at least one"),
)


class Target(enum.IntEnum):
    """Memories of the load port."""

    PEGROUP = 0  # program and weights of one PEGroup
    DRAIN = 1  # program of the drain unit
    ELEM = 2  # program of the element unit
    BIAS = 3  # biases of one lane, signed, AccW bits
    STATE = 4  # state memory of one lane: constants, initial states
    OUT = 5  # output table: one beat a word, see `out_word`
    CONFIG = 6  # program registers: CONFIG


# Registers of target CONFIG, one 32-bit word each, from address 0.
CONFIG = (
    isa.Field("streams", 4, "S, independent streams, 1 to 8"),
    isa.Field("state_stride", 12, "state words of one stream"),
    isa.Field("elem_loop", 12, "element word that follows the last one; those before run once"),
    isa.Field("reg_sets", 6, "register sets that the drain unit may own at the start"),
    isa.Field("x_count", 16, "values of an input frame"),
    isa.Field("x_base", 13, "neuron address of input value 0"),
    isa.Field("out_beats", 13, "beats of an output frame"),
    isa.Field("out_last", 6, "values of its last beat, 1 to stream_w / 16"),
)


@dataclasses.dataclass(frozen=True)
class Section:
    """Memory words of one target, from ``addr`` on."""

    target: Target
    index: int
    addr: int
    words: tuple[int, ...]


def config_hash(c: Config) -> int:
    """31-bit hash of the fields of a configuration that decide its images: an image runs only where
    it was made for.

    31 bits, so every simulator takes it as an integer parameter.
    """
    text = ",".join(f"{k}={v}" for k, v in sorted(fields(c).items()))
    return zlib.crc32(text.encode()) & 0x7FFFFFFF


def all_parameters(c: Config) -> dict[str, int]:
    """The parameters of ``csb_top``: those of the configuration and its hash."""
    return {**rtl_parameters(c), "ConfigHash": config_hash(c)}


def out_entry_width(c: Config) -> int:
    """Bits of one value's place in the output table: column above word address."""
    return clog2(c.out_depth) + clog2(c.L)


def out_word(c: Config, places: Sequence[tuple[int, int]]) -> int:
    """A word of the output table from the (word address, engine column) of each value."""
    if len(places) > c.values_per_beat:
        raise ValueError(f"{len(places)} values in a beat of {c.values_per_beat}")
    aw, word = clog2(c.out_depth), 0
    for i, (addr, column) in enumerate(places):
        if not (0 <= addr < c.out_depth and 0 <= column < c.L):
            raise ValueError(f"output place ({addr}, {column}) is outside the buffer")
        word |= (addr | column << aw) << i * out_entry_width(c)
    return word


def memories(c: Config) -> dict[Target, tuple[int, int, int]]:
    """(bits of a word, words, number of memories) of every target."""
    return {
        Target.PEGROUP: (isa.pegroup_width(c), c.weight_depth, c.groups),
        Target.DRAIN: (isa.width(isa.DRAIN), c.drain_depth, 1),
        Target.ELEM: (isa.width(isa.ELEM), c.elem_depth, 1),
        Target.BIAS: (c.acc_w, c.bias_depth, c.lanes),
        Target.STATE: (c.state_w, c.state_depth, c.lanes),
        Target.OUT: (c.values_per_beat * out_entry_width(c), c.out_depth, 1),
        Target.CONFIG: (32, len(CONFIG), 1),
    }


def stream_words(width: int) -> int:
    """Stream words of a memory word of so many bits."""
    return 1 if width <= 32 else tops_of(width) + parts_of(width)


def parts_of(width: int) -> int:
    return -(-width // isa.PART_W)


def tops_of(width: int) -> int:
    """Stream words with the upper bits of all parts."""
    return -(-parts_of(width) * (isa.PART_W - 32) // 32)


def bits_of(data: bytes, rows: int) -> np.ndarray:
    """The bits of so many rows of bytes, low ones first: [rows, bits]."""
    return np.unpackbits(np.frombuffer(data, np.uint8).reshape(rows, -1), axis=1, bitorder="little")


def _to_stream(words: Sequence[int], width: int) -> bytes:
    """Memory words as stream words."""
    if width <= 32:
        return b"".join(w.to_bytes(4, "little") for w in words)
    n, parts, tops = len(words), parts_of(width), tops_of(width)
    size = -(-parts * isa.PART_W // 8)
    bits = bits_of(b"".join(w.to_bytes(size, "little") for w in words), n)
    part = bits[:, : parts * isa.PART_W].reshape(n, parts, isa.PART_W)
    out = np.zeros((n, (tops + parts) * 32), np.uint8)
    out[:, : parts * (isa.PART_W - 32)] = part[:, :, 32:].reshape(n, -1)
    out[:, tops * 32 :] = part[:, :, :32].reshape(n, -1)
    return np.packbits(out, axis=1, bitorder="little").tobytes()


def section(
    c: Config, target: Target, words: Iterable[int], index: int = 0, addr: int = 0
) -> Section:
    """A checked section; negative words are taken as two's complement.

    Raises:
        ImageError: it does not fit its memory, or a word does not fit the width.
    """
    width, depth, count = memories(c)[target]
    words = [int(w) for w in words]
    if not 0 <= index < count:
        raise ImageError("section", f"{target.name}: no index {index}, there are {count}")
    if addr < 0 or not words or addr + len(words) > depth:
        raise ImageError(
            "section", f"{target.name} {index}: {len(words)} words from {addr} in {depth}"
        )
    for w in words:
        if not -(1 << width - 1) <= w < 1 << width:
            raise ImageError("section", f"{target.name} {index}: {w:#x} exceeds {width} bits")
    mask = (1 << width) - 1
    return Section(target, index, addr, tuple(w & mask for w in words))


def config_limits(c: Config) -> dict[str, tuple[int, int]]:
    """Smallest and largest value of every CONFIG register; the load port refuses others.

    For ``tiny``, ``config_limits(c)["out_last"]`` is (1, 2): a beat holds two values.
    """
    x_bits = next(f.width for f in CONFIG if f.name == "x_count")
    return {
        "streams": (1, 8),
        "state_stride": (0, c.state_depth),
        "elem_loop": (0, c.elem_depth - 1),
        "reg_sets": (1, isa.REG_DEPTH),
        "x_count": (1, min(c.L * c.neuron_depth, (1 << x_bits) - 1)),
        "x_base": (0, c.neuron_depth - 1),
        "out_beats": (1, c.out_depth),
        "out_last": (1, c.values_per_beat),
    }


def config_section(c: Config, values: Mapping[str, int]) -> Section:
    """The CONFIG section from named values (all of them are needed)."""
    if set(values) != {f.name for f in CONFIG}:
        odd = sorted(set(values) ^ {f.name for f in CONFIG})
        raise ImageError("section", f"CONFIG: missing or unknown {', '.join(odd)}")
    for f in CONFIG:
        low, high = config_limits(c)[f.name]
        if not low <= values[f.name] <= high:
            raise ImageError(
                "value", f"CONFIG.{f.name} is {values[f.name]}: must be {low} to {high}"
            )
    return section(c, Target.CONFIG, [values[f.name] for f in CONFIG])


def pack(c: Config, sections: Iterable[Section]) -> bytes:
    """The image of the sections, in their order."""
    body = bytearray()
    for s in sections:
        width = memories(c)[s.target][0]
        head = {"target": s.target, "index": s.index, "addr": s.addr, "count": len(s.words)}
        body += isa.encode(SECTION_HEADER, head).to_bytes(12, "little")
        body += _to_stream(s.words, width)
    words = len(HEADER) + len(body) // 4 + 1
    head = {"magic": MAGIC, "version": VERSION, "config": config_hash(c), "words": words}
    data = isa.encode(HEADER, head).to_bytes(16, "little") + bytes(body)
    return data + struct.pack("<I", zlib.crc32(data))


def words32(data: bytes) -> list[int]:
    """The 32-bit words of an image, as the load port takes them."""
    return list(struct.unpack(f"<{len(data) // 4}I", data))


def memh(data: bytes) -> str:
    """The image as text for ``$readmemh``, one 32-bit word a line."""
    return "".join(f"{w:08x}\n" for w in words32(data))


def package_text() -> str:
    """The text of ``hdl/control/csb_image_pkg.sv``."""
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Generated by `python -m csb_rnn.machine.image`: do not edit.",
        "// The format is in golden/csb_rnn/machine/image.py.",
        "`default_nettype none",
        "package csb_image_pkg;",
        f"  parameter logic [31:0] ImageMagic = 32'h{MAGIC:08x};",
        f"  parameter logic [31:0] ImageVersion = 32'd{VERSION};",
    ]
    lines += [
        f"  parameter logic [7:0] Target{t.name.capitalize()} = 8'd{t.value};" for t in Target
    ]
    for i, f in enumerate(CONFIG):
        name = camel(f.name)
        lines.append(f"  parameter int Cfg{name} = {i};")
        lines.append(f"  parameter int Cfg{name}W = {f.width};")
    lines += [f"  parameter int CfgWords = {len(CONFIG)};"]
    lines += ["endpackage", "`default_nettype wire", ""]
    return "\n".join(lines)


PACKAGE_FILE = HDL / "control" / "csb_image_pkg.sv"

if __name__ == "__main__":
    PACKAGE_FILE.write_text(package_text())
