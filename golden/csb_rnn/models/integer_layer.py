# SPDX-License-Identifier: Apache-2.0
"""A layer in integers, and the check of one from a file."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Protocol

import numpy as np

from csb_rnn.cells.graph import UNITS, Cell, Elem
from csb_rnn.errors import CsbError
from csb_rnn.machine.config import LANE_FRAC
from csb_rnn.machine.isa import MUL_W
from csb_rnn.machine.numerics import GRID_W, Ints, limits
from csb_rnn.models.formats import INPUT_FRACS, NEURON_FRACS
from csb_rnn.models.lift import LIFTS, lifted, sum_fracs
from csb_rnn.models.outliers import MOST_WORDS
from csb_rnn.network.network import GateInput
from csb_rnn.system.untrusted import show

SIZES = range(1, (1 << 16) + 1)  # of a vector: an input frame has no more


class QuantError(CsbError, ValueError):
    """Numbers beyond every format; the message is one line with them."""


def is_int(value: Any, allowed: range | tuple[int, ...]) -> bool:
    """Whether a value is an int, no bool and no float, and one of those allowed."""
    return type(value) is int and value in allowed


def span(allowed: range) -> str:
    return f"{allowed[0]} to {allowed[-1]}"


class Widths(Protocol):
    """Widths in bits; a :class:`~csb_rnn.models.integer_network.QNetwork` has them."""

    @property
    def data_w(self) -> int: ...
    @property
    def weight_w(self) -> int: ...
    @property
    def state_w(self) -> int: ...
    @property
    def acc_guard(self) -> int: ...


@dataclasses.dataclass(frozen=True)
class QDrain:
    """Integers of a drain node.

    Attributes:
        bias: int64 ``[H]`` in accumulator units, ``2^-(frac - 32 + data_w + weight_w)``.
        shift: shift field of the drain word.
        frac: fraction bits F of the sum on the 16-bit grid, ``shift + 15``, and the lift more.
    """

    bias: Ints
    shift: int
    frac: int


@dataclasses.dataclass(frozen=True)
class QLayer:
    """A layer in integers, before it is dealt to rings.

    Attributes:
        weights: int64 ``[H, n]`` of each (gate, input), ``weight_w`` bits but for a few that take
            several words (:mod:`csb_rnn.models.outliers`).
        weight_fracs: their fraction bits on the 16-bit grid.
        drains: bias and shift of each drain node.
        fracs: fraction bits on the 16-bit grid of "x", of every vector and of "out".
        sizes: units of each unit space other than the hidden one.
        constants: int64 ``[H]``, fine state words.
        fine: states with the fraction bits of the data path instead of ``state_frac``: all that are
            vectors too, and those that calibration found small.
        lift: see :mod:`csb_rnn.models.lift`; 0 for most layers.
    """

    cell: Cell
    hidden: int
    inputs: dict[str, int]
    weights: dict[GateInput, Ints]
    weight_fracs: dict[GateInput, int]
    drains: dict[str, QDrain]
    fracs: dict[str, int]
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    constants: dict[str, Ints] = dataclasses.field(default_factory=dict)
    fine: frozenset[str] = frozenset()
    lift: int = 0

    def units(self, name: str) -> int:
        """Units of the space of a gate, vector, state (``state:h``) or constant."""
        return self.size(self.cell.spaces[name])

    def size(self, space: str) -> int:
        """Units of a space."""
        return self.hidden if space == UNITS else self.sizes[space]

    @property
    def output(self) -> Elem:
        """The node returned by the layer."""
        return self.cell.output

    @property
    def outputs(self) -> int:
        """Values returned by the layer."""
        return self.units(str(self.output.vector))

    @functools.cached_property
    def _lifted(self) -> frozenset[str]:
        return lifted(self.cell) if self.lift else frozenset()

    def lift_of(self, name: str) -> int:
        """Lift of a node or a state (``state:h``)."""
        return self.lift if name in self._lifted else 0

    def state_frac(self, state: str, coarse: int) -> int:
        """Fraction bits of a state; ``coarse`` are those of one that is not fine."""
        return (LANE_FRAC if state in self.fine else coarse) + self.lift_of(f"state:{state}")

    def neu_shift(self, node: Elem) -> int:
        """``neu_shift`` field of a node that writes neurons or the output."""
        return LANE_FRAC + self.lift_of(node.name) - self.fracs[node.vector or "out"]

    def check(self, q: Widths, where: str) -> None:
        """Refuse integers never made by :func:`quantise`, of a file for example.

        Args:
            q: widths, those of the network.
            where: for messages.

        Raises:
            QuantError: a size, shape, fraction or number out of its range; one line with its name.
        """
        cell = self.cell

        def need(good: Any, text: str) -> None:
            if not good:
                raise QuantError(f"{where}: {text}")

        def table(value: Any, keys: set[Any], name: str, allowed: range | None) -> None:
            need(isinstance(value, dict) and value.keys() == keys, f"{name} are of other keys")
            if allowed is None:
                return
            for k, v in value.items():
                need(is_int(v, allowed), f"{name}[{k}] is {show(v)}, not {span(allowed)}")

        def array(a: Any, shape: tuple[int, ...], top: int, name: str) -> None:
            need(a.shape == shape, f"{name} has shape {a.shape}, not {shape}")
            need(np.abs(a).max(initial=0) <= top, f"{name} holds numbers beyond {top}")

        kept = {s for s in cell.states if cell.fine(s)}
        need(kept <= self.fine <= set(cell.states), "fine is not of its states")
        need(is_int(self.hidden, SIZES), f"hidden size is {show(self.hidden)}")
        table(self.sizes, {s for s in cell.spaces.values() if s != UNITS}, "sizes", SIZES)
        needed = {(d.gate, i): d for d in cell.drains for i in d.inputs}
        need(len(needed) == sum(len(d.inputs) for d in cell.drains), "a matrix is drained twice")
        table(self.inputs, {"x"} | {i for _, i in needed}, "inputs", SIZES)
        for i, n in self.inputs.items():
            need(i == "x" or n == self.units(i), f"input '{i}' has length {n}")
        outs = {n.vector for n in cell.elems if n.vector}
        table(self.fracs, {"x", "out"} | outs, "fracs", INPUT_FRACS)
        need(is_int(self.lift, LIFTS), f"lift is {show(self.lift)}, not {span(LIFTS)}")
        need(not self.lift or lifted(cell), "its cell has no lift")
        for name in ("out", *outs):
            writer = cell.output if name == "out" else cell.writer(name)
            frac = self.fracs[name] - self.lift_of(writer.name)
            need(frac in NEURON_FRACS, f"fracs[{name}] is not {span(NEURON_FRACS)}")
            held = name != "out" and cell.vectors[name] is not None
            bits = GRID_W + LANE_FRAC - frac
            need(not held or bits <= q.state_w, f"vector '{name}' does not fit its state")
        need(self.fracs["out"] == self.fracs[str(cell.output.vector)], "fracs[out] is another one")
        acc_w = q.data_w + q.weight_w + q.acc_guard
        table(self.drains, {d.name for d in cell.drains}, "drains", None)
        table(self.weights, set(needed), "weights", None)
        table(self.weight_fracs, set(needed), "weight_fracs", range(-64, 65))
        for d in cell.drains:
            mine, units = self.drains[d.name], self.units(d.gate)
            name = f"drain {d.name}"
            fits = sum_fracs(self.lift_of(d.name))
            need(is_int(mine.frac, fits), f"{name}: {show(mine.frac)} fraction bits")
            need(mine.shift == mine.frac - fits[0], f"{name}: shift {show(mine.shift)}")
            array(mine.bias, (units,), limits(acc_w)[1], f"{name}: bias")
            for i in d.inputs:
                w, label = self.weights[d.gate, i], f"W[{d.gate}, {i}]"
                array(w, (units, self.inputs[i]), MOST_WORDS * limits(q.weight_w)[1], label)
                frac = mine.frac - self.fracs[i]
                need(self.weight_fracs[d.gate, i] == frac, f"{label} has {frac} fraction bits")
        table(self.constants, set(cell.constants), "constants", None)
        for k, v in self.constants.items():
            copies = {n.name for n in cell.elems if n.memory == (f"const:{k}",)}
            narrow = {op for n in cell.elems for op in (n.m0, n.m1)}
            top = limits(MUL_W if narrow & copies else q.state_w)[1]
            array(v, (self.units(f"const:{k}"),), top, f"constant {k}")
