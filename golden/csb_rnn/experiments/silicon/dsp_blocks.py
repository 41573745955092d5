# SPDX-License-Identifier: Apache-2.0
"""Clock enables and resets that the multipliers of a DSP block of an ECP5 share.

Four multipliers stand in a DSP block. It has four enables and four resets for all their registers,
and of a product the number is 0 in half of the places. nextpnr sees that only after placement, and
ends. So the floorplan asks here which multipliers fit together, and numbers the signals of a block:
example, a block with products under ``a``, operands under ``b`` and ``c`` has CE0 = a, CE1 = b,
CE2 = c in each multiplier that needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

SIZE = 4  # multipliers of a block, and its signals of a kind
KINDS = ("CE", "RST")
OPERANDS = ("INPUTA", "INPUTB")
PRODUCT = "OUTPUT"

Cell = dict[str, Any]  # as in a netlist of Yosys, JSON
Net = int | str  # a number, or a constant


class Signals(NamedTuple):
    """Of a multiplier, or of several: nets of each of :data:`KINDS`."""

    all: tuple[frozenset[Net], ...]
    of_products: tuple[frozenset[Net], ...]


def registers(cell: Cell) -> list[str]:
    """Which of a multiplier's registers are in use."""
    return [r for r in (*OPERANDS, PRODUCT) if f"REG_{r}_CLK" in cell["parameters"]]


def net(cell: Cell, register: str, kind: str) -> Net:
    """Enable or reset of a register."""
    found: Net = cell["connections"][cell["parameters"][f"REG_{register}_{kind}"]][0]
    return found


def signals(cell: Cell) -> Signals:
    """Of one multiplier."""
    used = registers(cell)
    return Signals(
        tuple(frozenset(net(cell, r, kind) for r in used) for kind in KINDS),
        tuple(frozenset(net(cell, r, kind) for r in used if r == PRODUCT) for kind in KINDS),
    )


def excess(block: Iterable[Signals]) -> int:
    """Signals too many for one block: 0 if its multipliers fit together."""
    found = list(block)
    total = 0
    for kind in range(len(KINDS)):
        every = frozenset[Net]().union(*(s.all[kind] for s in found))
        products = frozenset[Net]().union(*(s.of_products[kind] for s in found))
        total += max(0, len(every) - SIZE) + max(0, len(products) - 1)
    return total


def number(block: Sequence[Cell]) -> None:
    """Gives the signals of a block's multipliers their numbers; the cells are changed in place."""
    for kind in KINDS:
        nets = [(net(cell, r, kind), cell, r) for cell in block for r in registers(cell)]
        order = list(dict.fromkeys(n for n, _, r in sorted(nets, key=lambda x: x[2] != PRODUCT)))
        for cell in block:
            for i in range(SIZE):
                cell["connections"].pop(f"{kind}{i}", None)
        for found, cell, register in nets:
            port = f"{kind}{order.index(found)}"
            cell["connections"][port] = [found]
            cell["port_directions"][port] = "input"
            cell["parameters"][f"REG_{register}_{kind}"] = port
