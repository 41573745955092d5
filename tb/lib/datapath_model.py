# SPDX-License-Identifier: Apache-2.0
"""The data path in integers, with the cycle of every effect.

:class:`LaneModel` holds registers and states of all lanes and is told when words issue; it knows
nothing of their waits. Cycles are numbered by the bench; a commit at cycle ``c`` is seen
by a word issued in ``c``.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np

from csb_rnn.machine import isa, numerics
from csb_rnn.machine.config import Config
from csb_rnn.machine.numerics import Ints, Saturations

ACT_NAME = {code: name for name, code in isa.ACT.items()}
#: Bits of ``csb_lane.sat_o`` and ``csb_datapath.sat_o``.
SAT_BITS = ("drain", "narrow", "element", "state", "neuron")

Word = Mapping[str, int]


class LaneModel:
    """Registers and states of ``lanes`` lanes.

    Args:
        cfg: widths and ``reduce_stages``.
        bias, state: contents of the memories, ``[lanes, depth]``; the state is changed in place.
    """

    def __init__(self, cfg: Config, bias: Ints, state: Ints) -> None:
        self.cfg, self.bias, self.state = cfg, bias, state
        lanes = len(bias)
        self.regs = {bank: np.zeros((lanes, isa.REG_DEPTH), np.int64) for bank in ("drain", "elem")}
        self.commits: dict[int, list[Callable[[], None]]] = defaultdict(list)
        #: Saturating points in a cycle of the lanes (with ``deep`` they are a cycle behind the
        #: units), as bits of :data:`SAT_BITS`.
        self.saturates: dict[int, int] = defaultdict(int)

    def begin(self, cycle: int) -> None:
        """All operands of words issued in ``cycle`` are in place; call once a cycle."""
        for commit in self.commits.pop(cycle, ()):
            commit()

    def note(self, cycle: int, counts: Saturations, point: str) -> None:
        if counts[point]:
            self.saturates[cycle] |= 1 << SAT_BITS.index(point)

    def _write(self, cycle: int, target: Ints, index: int, value: Ints) -> None:
        def commit() -> None:
            target[:, index] = value

        self.commits[cycle].append(commit)

    def drain(self, cycle: int, word: Word, acc: Ints) -> None:
        """A drain word issues; ``acc`` are its sums, ``[lanes, drain_rows]``."""
        counts = Saturations()
        for i in range(self.cfg.drain_rows):
            shift, act = isa.drain_row(word, i)
            bias = self.bias[:, word["bias_addr"] + i]
            value = numerics.drain_value(acc[:, i], bias, shift, self.cfg, counts)
            result = numerics.activation(value, ACT_NAME[act])
            self._write(cycle + isa.lat_post(self.cfg), self.regs["drain"], word["dst"] + i, result)
        self.note(cycle + 2 + self.cfg.reduce_stages + 3 * self.cfg.deep, counts, "drain")

    def element(self, cycle: int, word: Word, base: int = 0, fresh: bool = False) -> Ints:
        """An element word issues; returns its v. ``base`` is added to its state addresses."""
        size = self.state.shape[1]
        one = np.full(len(self.bias), numerics.ONE, np.int64)

        def operand(name: str) -> Ints:
            sel, reg = word[f"{name}_sel"], word[name]
            if sel == isa.M_SEL["drain"]:
                return self.regs["drain"][:, reg].copy()
            if sel == isa.M_SEL["elem"]:
                return self.regs["elem"][:, reg].copy()
            if name[0] == "m":
                return one if sel == isa.M_SEL["one"] else one * 0
            if sel == isa.X_SEL["one"]:
                return one
            if word["fresh"] and fresh:
                return one * 0
            raw = self.state[:, (word["st_raddr"] + base) % size]
            return numerics.from_state(raw, self.cfg, bool(word["st_fine_rd"]))

        counts = Saturations()
        operands = [operand(name) for name in ("m0", "x0", "m1", "x1")]
        v = numerics.element(*operands, bool(word["sub"]), self.cfg, counts)
        self.note(cycle + 1 + self.cfg.deep, counts, "narrow")
        self.note(cycle + 2 + 3 * self.cfg.deep, counts, "element")
        if word["st_we"]:
            value = numerics.to_state(v, self.cfg, counts, bool(word["st_fine_wr"]))
            self.note(cycle + isa.lat_elem_state(self.cfg) - 1, counts, "state")
            address = (word["st_waddr"] + base) % size
            self._write(cycle + isa.lat_elem_state(self.cfg), self.state, address, value)
        if word["reg_we"]:
            result = numerics.activation(v, ACT_NAME[word["act"]])
            self._write(cycle + isa.lat_elem_reg(self.cfg), self.regs["elem"], word["reg"], result)
        return v


def random_word(fields: tuple[isa.Field, ...], **fixed: int) -> dict[str, int]:
    """A word with random fields, but those of ``fixed``."""
    return {f.name: fixed.get(f.name, random.getrandbits(f.width)) for f in fields}


def random_signed(bits: int) -> int:
    """A signed number of at most ``bits`` bits: of every magnitude, and often an extreme one."""
    if random.random() < 0.05:
        return random.choice((-(1 << (bits - 1)), (1 << (bits - 1)) - 1, 0, -1))
    size = random.randint(1, bits)
    return random.getrandbits(size) - (1 << (size - 1))


def signed(value: int, bits: int) -> int:
    """The signed number in ``bits`` bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def pack(values: Ints, bits: int) -> int:
    """Numbers side by side, the first at bit 0."""
    mask = (1 << bits) - 1
    return sum((int(v) & mask) << (i * bits) for i, v in enumerate(values))


def unpack(word: int, count: int, bits: int) -> list[int]:
    """The inverse of :func:`pack`, signed."""
    return [signed(word >> (i * bits), bits) for i in range(count)]
