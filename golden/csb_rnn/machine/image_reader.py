# SPDX-License-Identifier: Apache-2.0
"""An image as the load port reads it: its sections, or the error code of its refusal."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np

from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.image import (
    CONFIG,
    HEADER,
    MAGIC,
    SECTION_HEADER,
    VERSION,
    ImageError,
    Section,
    Target,
    bits_of,
    config_hash,
    config_limits,
    memories,
    parts_of,
    stream_words,
    tops_of,
    words32,
)


def _memory_words(data: bytes, width: int) -> tuple[int, ...]:
    """The inverse of :func:`_to_stream`; bits above the width are dropped."""
    mask = (1 << width) - 1
    n = len(data) // (4 * stream_words(width))
    if width > 32:
        parts, tops = parts_of(width), tops_of(width)
        bits = bits_of(data, n)
        upper = bits[:, : parts * (isa.PART_W - 32)].reshape(n, parts, -1)
        lower = bits[:, tops * 32 :].reshape(n, parts, 32)
        part = np.concatenate([lower, upper], axis=2).reshape(n, -1)
        data = np.packbits(part, axis=1, bitorder="little").tobytes()
    size = len(data) // n
    return tuple(
        int.from_bytes(data[i : i + size], "little") & mask for i in range(0, n * size, size)
    )


def unpack(c: Config, data: bytes) -> list[Section]:
    """The sections of an image: the inverse of :func:`pack`, in the order of the hardware.

    Raises:
        ImageError: the load port would refuse it, with the same code.
    """
    if len(data) % 4 or not data:
        raise ImageError("length", f"{len(data)} bytes are not 32-bit words")
    words = words32(data)
    cut = ImageError("length", f"{len(words)} words are not what the image says")
    wanted = (("magic", MAGIC), ("version", VERSION), ("config", config_hash(c)))
    for pos, (name, want) in enumerate(wanted):
        if words[pos] != want:
            raise ImageError(name, f"image {name} is {words[pos]:#x}, not {want:#x}")
        if pos == len(words) - 1:
            raise cut
    total = words[3]
    if len(words) == 4 or total < 5:
        raise cut

    def is_last(pos: int) -> bool:
        if (pos == len(words) - 1) != (pos == total - 1):
            raise cut
        return pos == total - 1

    out, pos = [], len(HEADER)
    while not is_last(pos):
        if is_last(pos + 1) or is_last(pos + 2):
            raise cut
        f = isa.decode(SECTION_HEADER, int.from_bytes(data[pos * 4 : pos * 4 + 12], "little"))
        if f["target"] not in list(Target) or f["zero"]:
            raise ImageError("section", f"no target {f['target']}")
        target, index, addr, count = Target(f["target"]), f["index"], f["addr"], f["count"]
        width, depth, memories_of = memories(c)[target]
        end = min(len(words), total)
        if index >= memories_of or not count or addr + count > depth:
            raise ImageError("section", f"{target.name} {index}: {count} words from {addr}")
        length, pos = count * stream_words(width), pos + 3
        if target is Target.CONFIG:
            _check_registers(c, addr, words[pos : min(pos + length, end - 1)])
        if pos + length >= end:
            raise cut
        values = _memory_words(data[pos * 4 : (pos + length) * 4], width)
        out.append(Section(target, index, addr, values))
        pos += length
    if zlib.crc32(data[:-4]) != words[-1]:
        raise ImageError("crc", "the checksum is wrong")
    if missing := _missing(c, out):
        raise ImageError("missing", f"the image lacks {', '.join(missing)}")
    return out


def _check_registers(c: Config, addr: int, values: Sequence[int]) -> None:
    for f, value in zip(CONFIG[addr:], values, strict=False):
        low, high = config_limits(c)[f.name]
        if not low <= value <= high:
            raise ImageError("value", f"CONFIG.{f.name} is {value}: must be {low} to {high}")


def _missing(c: Config, sections: Iterable[Section]) -> list[str]:
    """Parts needed by an image and missing in these sections: all program registers in one section,
    a word with ``last`` for every program, a word of the output table."""
    there = set()
    for s in sections:
        if s.target is Target.CONFIG:
            complete = len(s.words) == len(CONFIG)
        elif s.target in (Target.DRAIN, Target.ELEM, Target.PEGROUP):
            complete = any(w & 1 for w in s.words)  # bit 0 is `last`, in every kind of word
        else:
            complete = True
        if complete:
            there.add((s.target, s.index))
    wanted = {(t, 0): t.name for t in (Target.CONFIG, Target.DRAIN, Target.ELEM, Target.OUT)}
    wanted |= {(Target.PEGROUP, g): f"PEGROUP {g}" for g in range(c.groups)}
    return [name for key, name in wanted.items() if key not in there]
