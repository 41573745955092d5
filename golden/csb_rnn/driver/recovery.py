# SPDX-License-Identifier: Apache-2.0
"""Every error code as it is shown in simulation: its cause, and the calls of the driver after it.

The benches of both drivers provoke each code on the RTL, read its text, make these calls, and then
compare a whole run with the fixed model. The table in the documents is made of the same entries.
Example: after ``flushed`` the machine holds no image: ``load`` is all it needs.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from csb_rnn.machine.image import CONFIG, HEADER, Target


class Shown(NamedTuple):
    """A code in simulation.

    Attributes:
        cause: that provokes it there, in words.
        calls: of the driver, in order, after which a start gives right frames.
    """

    cause: str
    calls: tuple[str, ...]


WORDS = len(HEADER)  # 32-bit words before the first section
SHOWN = {
    "none": Shown("an image and a run", ()),
    "magic": Shown("bit 0 of the image's word 0 is flipped", ("load",)),
    "version": Shown("bit 0 of the image's word 1 is flipped", ("load",)),
    "config": Shown("bit 0 of the image's word 2 is flipped", ("load",)),
    "length": Shown("the image ends after half of its words", ("load",)),
    "section": Shown("the first section names target 7", ("load",)),
    "crc": Shown("bit 0 of the image's last word is flipped", ("load",)),
    "frame": Shown("an input frame of one beat too many", ("recover",)),
    "no_image": Shown("a start after CONTROL.reset", ("load",)),
    "timeout": Shown("WATCHDOG is 20 and a frame takes longer", ("watchdog", "recover")),
    "flushed": Shown("the image's source is reset, then CONTROL.flush", ("load",)),
    "busy": Shown("a second start", ("stop",)),
    "value": Shown("program register `streams` is 0, the checksum is right", ("load",)),
    "missing": Shown("an image without sections, the checksum is right", ("load",)),
    "program": Shown("the element prologue completes an output frame, which is pulled", ("load",)),
    "parity": Shown(
        "bit 1 of the drain program's word 0 flips in its memory, `parity` is 1", ("load",)
    ),
}


def _signed(words: list[int]) -> bytes:
    """Words of an image without its checksum, with a new one."""
    body = b"".join(w.to_bytes(4, "little") for w in words)
    return body + zlib.crc32(body).to_bytes(4, "little")


def bad_image(name: str, data: bytes) -> bytes:
    """An image that causes a code, made of one that is right.

    Args:
        name: of the code.
        data: an image whose first section is that of the program registers.

    Raises:
        KeyError: no image causes it.
    """
    words = [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]
    if name in ("magic", "version", "config"):
        words[("magic", "version", "config").index(name)] ^= 1
    elif name == "crc":
        words[-1] ^= 1
    elif name == "length":
        words = words[: len(words) // 2]
    elif name == "section":
        words[WORDS] = words[WORDS] & ~0xFF | len(Target)
    elif name == "value":
        assert words[WORDS] & 0xFF == Target.CONFIG
        words[WORDS + 3 + [f.name for f in CONFIG].index("streams")] = 0
        return _signed(words[:-1])
    elif name == "missing":
        words[3] = WORDS + 1
        return _signed(words[:WORDS])
    else:
        raise KeyError(name)
    return b"".join(w.to_bytes(4, "little") for w in words)


def eager(elem: list[dict[str, int]]) -> list[dict[str, int]]:
    """Element words of which the first, in the prologue, completes an output frame."""
    return [{**elem[0], "out_we": 1, "out_done": 1}, *elem[1:]]
