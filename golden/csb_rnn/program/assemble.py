# SPDX-License-Identifier: Apache-2.0
"""Program -> image: the words of every memory, and the image of them."""

from __future__ import annotations

import numpy as np

from csb_rnn.machine import image, isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.image import Section, Target
from csb_rnn.program.program import CompileError, GroupProgram, Program


def _words(group: GroupProgram, c: Config) -> list[int]:
    """The words of a PEGroup as integers of ``isa.pegroup_width(c)`` bits.

    Raises:
        CompileError: a field of a section (:mod:`csb_rnn.machine.isa`) never set by the compiler.
    """
    for f in isa.section(c):
        if f.name not in (group.rows if f.pe is None else group.pe):
            raise CompileError(
                f"field '{f.name}' of a PEGroup's section: no value from the compiler"
            )
    columns = [(group.ctl[f.name], f.width) for f in isa.PEG_CTL]
    for g in range(c.share_groups):
        for f in isa.section(c):
            at = g if f.pe_row is None else g * c.shared_cols + f.pe_row
            values = group.rows[f.name] if f.pe is None else group.pe[f.name][:, :, f.pe]
            columns.append((values[:, at], f.width))
    bits = np.empty((len(group), isa.pegroup_width(c)), np.uint8)
    pos = 0
    for values, width in columns:
        bits[:, pos : pos + width] = (values[:, None] >> np.arange(width)) & 1
        pos += width
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
        out.append(image.section(c, Target.PEGROUP, _words(group, c), index=g))
    for lane in range(c.lanes):
        out.append(image.section(c, Target.BIAS, p.bias[:, lane].tolist(), index=lane))
        if p.constants[:, lane].any():
            out.append(image.section(c, Target.STATE, p.constants[:, lane].tolist(), index=lane))
    places = list(zip(p.out_word.tolist(), p.out_column.tolist(), strict=True))
    beats = [places[i : i + c.values_per_beat] for i in range(0, len(places), c.values_per_beat)]
    out.append(image.section(c, Target.OUT, [image.out_word(c, b) for b in beats]))
    return out


def assemble(p: Program) -> bytes:
    """The image for the load port."""
    return image.pack(p.config, sections(p))
