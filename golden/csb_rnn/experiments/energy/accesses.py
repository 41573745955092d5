# SPDX-License-Identifier: Apache-2.0
"""Accesses of memories and operations of one frame in steady state, counted in a program.

:mod:`csb_rnn.experiments.energy.rtl` holds every number against counters in the RTL. Example: a
PEGroup whose program has 3 words reads its program memory 3 times a frame; with P = 2, Q = 2 and
``shared_cols`` = 2 it reads 3 * 2 neurons and makes 3 * 4 products.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from csb_rnn.machine import image, isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.memories import counter_words
from csb_rnn.program.program import Program

NARROW_W = isa.MUL_W + 1  # a narrow copy of a lane's register, and whether it saturated


@dataclasses.dataclass(frozen=True)
class Memory:
    """All memories of one purpose.

    Attributes:
        width, depth: bits of a word, words.
        count: how many there are.
        reads, writes: accesses of a frame, of all of them together.
    """

    width: int
    depth: int
    count: int
    reads: int
    writes: int


@dataclasses.dataclass(frozen=True)
class Operations:
    """Operations of a frame.

    Attributes:
        products: of the engine, of padding too.
        kept: products of weights other than zero.
        drained: values drained, one a lane and drain word.
        elements: fused operations v = m0*x0 + m1*x1, one a lane and element word.
    """

    products: int
    kept: int
    drained: int
    elements: int


def written(p: Program) -> tuple[int, int]:
    """Values of a frame for the neuron buffers (input, then vectors), and beats of the
    bus for the output buffer."""
    c = p.config
    loop = p.elem[p.elem_loop :]
    to_neurons = sum(bool(w.get("neu_we")) for w in loop)
    to_output = sum(bool(w.get("out_we")) for w in loop)
    return p.inputs + to_neurons * c.slot_words * c.L, to_output * c.slot_words


def selected(w: Mapping[str, int], kind: str) -> int:
    """Operands of an element word that are registers, of a kind: ``m`` (narrow) or ``x`` (wide)."""
    table = {"m": isa.M_SEL, "x": isa.X_SEL}[kind]
    registers = (table["drain"], table["elem"])
    return sum(w.get(f"{kind}{i}_sel", 0) in registers for i in (0, 1))


def accesses(
    p: Program, cycles: int, machine: Config | None = None, shown: Sequence[int] = ()
) -> dict[str, Memory]:
    """Memories by purpose, with their accesses of one frame.

    Args:
        machine: whose depths and widths the memories have, if not those of the program's own: a
            machine of the same shape, too small for the program.
        cycles: of the frame, from :mod:`csb_rnn.execution.timing`: the element unit reads the
            registers and states of the word shown in every cycle, issued or not.
        shown: cycles in which each element word of the loop is shown. With ``deep`` a register is
            read only if it is selected, so they are needed. Their sum is ``cycles``.

    Raises:
        ValueError: the machine has ``deep`` and ``shown`` is missing.
    """
    c = machine or p.config
    words = sum(map(len, p.groups))
    first = sum(int((g.rows["first"] & (1 - g.rows["clr"])).sum()) for g in p.groups)
    stores = sum(int(g.rows["store"].sum()) for g in p.groups)
    ports = c.share_groups * c.Q
    sides, banks = len(c.sides), c.banks
    rows = c.groups * c.P
    values, out_beats = written(p)
    loop = p.elem[p.elem_loop :]
    states = sum(bool(w.get("st_we")) for w in loop)
    results = sum(bool(w.get("reg_we")) for w in loop)
    drains = len(p.drain)
    stored = c.lanes * 2 * (drains + results)  # each to two copies of both widths
    copies = 4 * c.lanes  # of both banks: two copies of each width
    if c.deep and len(shown) != len(loop):
        raise ValueError("with deep, reads of registers need the cycles of each element word")
    m, x = (
        c.lanes * sum(n * selected(w, kind) for n, w in zip(shown, loop, strict=True))
        if c.deep
        else cycles * copies
        for kind in "mx"
    )
    return {
        "PEGroup words": Memory(isa.pegroup_width(c), c.weight_depth, c.groups, words, 0),
        "neurons": Memory(
            c.data_w,
            c.neuron_depth * sides,
            c.groups * ports,
            words * ports,
            values * c.K * ports * sides,
        ),
        "accumulators of PE rows": Memory(c.acc_w, banks * c.acc_depth, rows, first, stores),
        "accumulators for drains": Memory(
            c.acc_w, c.acc_depth, rows * banks, drains * rows * banks, stores
        ),
        "biases": Memory(c.acc_w, c.bias_depth, c.lanes, drains * c.lanes, 0),
        "states": Memory(c.state_w, c.state_depth, c.lanes, cycles * c.lanes, states * c.lanes),
        "narrow registers": Memory(NARROW_W, isa.REG_DEPTH, copies, m, stored),
        "wide registers": Memory(c.lane_w, isa.REG_DEPTH, copies, x, stored),
        "drain program": Memory(isa.width(isa.DRAIN), c.drain_depth, 1, drains, 0),
        "element program": Memory(isa.width(isa.ELEM), c.elem_depth, 1, len(loop), 0),
        "output table": Memory(
            c.values_per_beat * image.out_entry_width(c), c.out_depth, 1, p.out_beats, 0
        ),
        "output buffer": Memory(
            c.L * c.data_w,
            c.out_words,
            c.values_per_beat,
            p.out_beats * c.values_per_beat,
            out_beats * c.values_per_beat,
        ),
        **({"counters": Memory(*counter_words(c), 3, 3 * cycles, 3 * cycles)} if c.deep else {}),
    }


def operations(p: Program) -> Operations:
    """Operations of one frame."""
    c = p.config
    words = sum(map(len, p.groups))
    kept = sum(int(np.count_nonzero(g.pe["w"])) for g in p.groups)
    loop = len(p.elem) - p.elem_loop
    return Operations(words * c.P * c.Q, kept, len(p.drain) * c.lanes, loop * c.lanes)


def total_bits(c: Config, memories: dict[str, Memory]) -> int:
    """Bits of all these memories together."""
    return sum(m.width * m.depth * m.count for m in memories.values())
