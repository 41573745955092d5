# SPDX-License-Identifier: Apache-2.0
"""Program -> image: the words of every memory, and the image of them."""

from __future__ import annotations

import numpy as np

from csb_rnn.machine import image, isa
from csb_rnn.machine.image import Section, Target
from csb_rnn.program.program import Program


def _words(bits: np.ndarray) -> list[int]:
    """Rows of bits, bit 0 first, as integers."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def sections(p: Program) -> list[Section]:
    """All sections of a program's image.

    Raises:
        ImageError: a word does not fit its memory (the compiler has checked before).
    """
    c = p.config
    out = [
        image.config_section(
            c,
            {
                "streams": p.streams,
                "state_stride": p.state_stride,
                "elem_loop": p.elem_loop,
                "reg_sets": p.reg_credits,
                "x_count": p.inputs,
                "x_base": p.x_base,
                "out_beats": p.out_beats,
                "out_last": p.outputs - (p.out_beats - 1) * c.values_per_beat,
            },
        ),
        image.section(c, Target.DRAIN, [isa.encode(isa.DRAIN, w) for w in p.drain]),
        image.section(c, Target.ELEM, [isa.encode(isa.ELEM, w) for w in p.elem]),
    ]
    for g, group in enumerate(p.groups):
        out.append(image.section(c, Target.PEGROUP, _words(group.bits(c)), index=g))
    for lane in range(c.lanes):
        out.append(image.section(c, Target.BIAS, p.bias[:, lane].tolist(), index=lane))
        if p.constants[:, lane].any():
            out.append(image.section(c, Target.STATE, p.constants[:, lane].tolist(), index=lane))
    places = list(zip(p.out_word.tolist(), p.out_column.tolist(), strict=True))
    beats = [places[i : i + c.values_per_beat] for i in range(0, len(places), c.values_per_beat)]
    out.append(image.section(c, Target.OUT, [image.out_word(c, b) for b in beats]))
    return out


def assemble(p: Program) -> bytes:
    """The image that the load port takes."""
    return image.pack(p.config, sections(p))
