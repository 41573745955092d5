# SPDX-License-Identifier: Apache-2.0
"""Decoder of Unix ``compress`` (``.Z`` files), which Python's library lacks."""

from __future__ import annotations

__all__ = ["uncompress"]

_CLEAR = 256  # code to empty the table


def uncompress(data: bytes) -> bytes:
    """Text of a ``.Z`` file in block mode.

    Codes are 9 to 16 bits wide, lowest bits first, in groups of eight codes; the width grows when
    the table needs it, and after a change of width the rest of a group is skipped.

    Raises:
        ValueError: not such a file, or an impossible code.

    Example:
        ``uncompress(bytes([0x1F, 0x9D, 0x90, 0x48, 0xD2, 0x00])) == b"Hi"``: the codes 0x48 and
        0x69 in 9 bits each.
    """
    if data[:2] != b"\x1f\x9d" or len(data) < 3 or not data[2] & 0x80:
        raise ValueError("not a file of compress in block mode")
    largest = data[2] & 0x1F
    literals = [bytes([i]) for i in range(256)]
    table = [*literals, b""]
    text: list[bytes] = []
    width, start, at, previous = 9, 24, 24, b""  # start of the group; both in bits
    while at + width <= 8 * len(data):
        first = at // 8
        word = int.from_bytes(data[first : first + 4], "little")
        code = word >> at % 8 & (1 << width) - 1
        at += width
        next_width = width
        if code == _CLEAR:
            table, previous, next_width = [*literals, b""], b"", 9
        else:
            if code < len(table):
                entry = table[code]
            elif code == len(table) and previous:
                entry = previous + previous[:1]
            else:
                raise ValueError(f"code {code} of {len(table)}")
            text.append(entry)
            if previous and len(table) < 1 << largest:
                table.append(previous + entry[:1])
                if len(table) == 1 << width and width < largest:
                    next_width = width + 1
            previous = entry
        if code == _CLEAR or next_width != width:  # the rest of the group is padding
            group = 8 * width
            at = start = start + -(-(at - start) // group) * group
            width = next_width
    return b"".join(text)
