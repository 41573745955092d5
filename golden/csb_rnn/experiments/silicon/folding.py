# SPDX-License-Identifier: Apache-2.0
"""LUTs of an ECP5 move into the carry chains behind them.

A bit of a CCU2C is a LUT of four inputs with a carry; Yosys uses two inputs of it for an adder and
leaves a gate in front of it outside. Here a LUT that one bit of a chain alone reads becomes a part
of it if the function of both fits: example, ``a - (b ^ s)`` of 37 bits is 37 LUTs and a chain
before, and the chain alone afterwards. Each function is compared for all values of its nets,
carries included. The netlist computes the same. PFUMX as a multiplexer of two LUTs and LUTs of LUTs
were tried too: in `small` the mapper leaves none.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.experiments.silicon.hard_registers import ONE, ZERO, Netlist

PINS = "ABCD"


class Function(NamedTuple):
    """Of nets: ``table[n]`` is its value when net i is bit i of n."""

    nets: tuple[int, ...]
    table: tuple[bool, ...]

    def at(self, values: dict[int, bool]) -> bool:
        """Its value for those of its nets, and of others."""
        return self.table[sum(values[net] << i for i, net in enumerate(self.nets))]

    def reduced(self) -> Function:
        """Without the nets on which it does not depend."""
        for i, net in enumerate(self.nets):
            low, high = self.where(net, False), self.where(net, True)
            if low.table == high.table:
                return low.reduced()
            del i
        return self

    def where(self, net: int, value: bool) -> Function:
        """With one of its nets constant."""
        rest = tuple(other for other in self.nets if other != net)
        return Function(rest, tuple(self.at(v | {net: value}) for v in values(rest)))

    def into(self, net: int, inner: Function) -> Function:
        """With another function for one of its nets."""
        rest = tuple(other for other in self.nets if other != net)
        nets = tuple(dict.fromkeys(rest + inner.nets))
        return Function(nets, tuple(self.at(v | {net: inner.at(v)}) for v in values(nets)))


def values(nets: Sequence[int]) -> list[dict[int, bool]]:
    """All values of some nets, in the order of a table."""
    return [{net: bool(n >> i & 1) for i, net in enumerate(nets)} for n in range(1 << len(nets))]


def of_pins(init: str, pins: Sequence[int | str]) -> Function:
    """The function of a LUT with its first pins on these nets or constants."""
    nets = tuple(dict.fromkeys(pin for pin in pins if isinstance(pin, int)))
    table = []
    for v in values(nets):
        level = [v[pin] if isinstance(pin, int) else pin == ONE for pin in pins]
        table.append(init[-1 - sum(bit << i for i, bit in enumerate(level))] == ONE)
    return Function(nets, tuple(table)).reduced()


class Folder:
    """A netlist and how many LUTs were folded.

    Args:
        n: mapped to an ECP5; changed in place.
    """

    def __init__(self, n: Netlist) -> None:
        self.n = n
        self.done = 0

    def lut(self, net: int | str, reader: str) -> str | None:
        """The LUT4 behind a net that nothing but one cell reads."""
        if not isinstance(net, int) or net in self.n.kept:
            return None
        name = self.n.driver.get(net)
        if name is None or self.n.cells[name]["type"] != "LUT4":
            return None
        return name if {cell for cell, _ in self.n.readers[net]} == {reader} else None

    def carry(self, name: str, half: int) -> None:
        """Folds into one bit of a CCU2C as long as something fits."""
        parameters, pins = self.n.cells[name]["parameters"], [f"{p}{half}" for p in PINS]
        if parameters[f"INJECT1_{half}"] != "NO":
            return
        again = True
        while again:
            again = False
            init, ends = parameters[f"INIT{half}"], [self.n.net(name, pin) for pin in pins]
            if any(end == "x" for end in ends):
                return
            passes, makes = of_pins(init, ends), of_pins(init[-4:], ends[:2])
            for net in [end for end in ends if isinstance(end, int)]:
                lut = self.lut(net, name)
                if lut is None or any(pin[1] != str(half) for _, pin in self.n.readers[net]):
                    continue
                inner = of_pins(
                    self.n.cells[lut]["parameters"]["INIT"], [self.n.net(lut, p) for p in PINS]
                )
                fit = arrange(passes.into(net, inner) if net in passes.nets else passes,
                              makes.into(net, inner) if net in makes.nets else makes)  # fmt: skip
                if fit is None:
                    continue
                parameters[f"INIT{half}"], ends = fit
                for pin, end in zip(pins, ends, strict=True):
                    self.n.connect(name, pin, end)
                self.n.remove(lut)
                self.done += 1
                again = True
                break


def arrange(passes: Function, makes: Function) -> tuple[str, list[int | str]] | None:
    """Parameter and nets of one bit of a CCU2C, or None if there is no such.

    Args:
        passes: when a carry passes; the sum is this or not, by the carry.
        makes: the carry if none passes.
    """
    passes, nets = passes.reduced(), tuple(dict.fromkeys(passes.reduced().nets + makes.nets))
    cases = values(nets)
    own = {net for net in makes.nets if any(
        not passes.at(v) and not passes.at(v | {net: not v[net]})
        and makes.at(v) != makes.at(v | {net: not v[net]}) for v in cases)}  # fmt: skip
    nets = tuple(net for net in nets if net in passes.nets or net in own)
    if len(nets) > len(PINS):
        return None
    free = set(passes.nets + makes.nets) - set(nets)
    for order in itertools.permutations(nets):
        ends: list[int | str] = [*order, *[ONE] * (len(PINS) - len(order))]
        init = [ZERO] * 16
        for v in values(order):
            v |= dict.fromkeys(free, False)
            level = [v[end] if isinstance(end, int) else True for end in ends]
            init[sum(bit << i for i, bit in enumerate(level))] = ONE if passes.at(v) else ZERO
        fits = True
        low: dict[int, bool] = {}
        for v in values(order):
            v |= dict.fromkeys(free, False)
            if passes.at(v):
                continue
            level = [v[end] if isinstance(end, int) else True for end in ends]
            at = level[0] + 2 * level[1]
            if len(order) < len(PINS):  # no value of the nets reaches these four bits otherwise
                fits &= low.setdefault(at, makes.at(v)) == makes.at(v)
            else:
                fits &= (init[at] == ONE) == makes.at(v)
        if fits:
            for at, bit in low.items():
                init[at] = ONE if bit else ZERO
            return "".join(reversed(init)), ends
    return None


def fold(module: dict[str, Any]) -> int:
    """Folds LUTs of a module.

    Args:
        module: as Yosys writes it, mapped to an ECP5; changed in place.

    Returns:
        LUTs that are gone.
    """
    f = Folder(Netlist(module))
    for name in [name for name, cell in f.n.cells.items() if cell["type"] == "CCU2C"]:
        f.carry(name, 0)
        f.carry(name, 1)
    return f.done


def fold_file(netlist: Path, out: Path, top: str) -> int:
    """:func:`fold` for a file of Yosys (JSON)."""
    design = json.loads(netlist.read_text())
    found = fold(design["modules"][top])
    out.write_text(json.dumps(design))
    return found
