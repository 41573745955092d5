# SPDX-License-Identifier: Apache-2.0
"""Sharing modes: the neighbour whose work a PEGroup takes. One record a mode.

RTL, image words, registers, configurations, compiler and models read :data:`MODES`; what each
derives from a record is in docs/develop/architecture.md. A mode is the place of the neighbour:

* in another engine column: a PEGroup also holds the neurons of that column, as one more *side* of
  its neuron memories; a word says for each neuron address which side it means.
* in another engine row: a PE row has one more *set* of accumulator banks, for rows of that engine
  row; the drain of that engine row adds them.

Example: with both modes built in, PEGroup (1, 2) of 4 x 4 holds the neurons of columns 2 and 3,
and accumulates rows of engine rows 1 and 2.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class SharingMode:
    """One mode; ``column`` or ``row`` is not zero, the other is.

    Attributes:
        name: of commands and reports.
        switch: field of :class:`Switches`, 1 if the mode is built in.
        column: engine columns from a PEGroup to the right, to that whose work it may take.
        row: engine rows from a PEGroup down, to that whose work it may take.
    """

    name: str
    switch: str
    column: int = 0
    row: int = 0


@dataclasses.dataclass(frozen=True)
class Switches:
    """Fields of a configuration, one a mode."""

    share_h: int
    share_v: int


MODES = (
    SharingMode("horizontal", "share_h", column=1),
    SharingMode("vertical", "share_v", row=1),
)
BOTH = ("horizontal", "vertical")  # together they are called `both`


MASKS = range(1 << len(MODES))  # bit i stands for MODES[i]


def _modes(mask: int) -> tuple[SharingMode, ...]:
    return tuple(m for i, m in enumerate(MODES) if mask >> i & 1)


def _name(mask: int) -> str:
    names = tuple(m.name for m in _modes(mask))
    return "both" if names == BOTH else "+".join(names) or "none"


#: Sharing modes by mask.
SHARING = tuple(_name(mask) for mask in MASKS)
PAPER_MODES = ("none", "horizontal", "vertical", "both")  # in docs/results, and of its compiler
#: Names of the modes in one of :data:`SHARING`: ``both`` is horizontal and vertical.
PARTS = {name: tuple(m.name for m in _modes(mask)) for mask, name in enumerate(SHARING)}
#: By mask the sides of a neuron memory, in order: its column to the right, the mode (own: "").
SIDES = tuple({0: ""} | {m.column: m.name for m in _modes(i) if m.column} for i in MASKS)
#: By mask the sets of accumulator banks, in order: the engine row below, the mode (own: "").
BANK_SETS = tuple({0: ""} | {m.row: m.name for m in _modes(i) if m.row} for i in MASKS)


def switches(sharing: str) -> dict[str, int]:
    """The fields of a configuration with exactly these modes built in."""
    return {m.switch: int(m.name in PARTS[sharing]) for m in MODES}


def _count(function: str, doc: str, modes: tuple[SharingMode, ...]) -> list[str]:
    terms = "".join(f" + (sharing / Share{m.name.capitalize()}) % 2" for m in modes)
    return [
        "",
        f"  // {doc}",
        f"  function automatic int {function}(input int sharing);",
        f"    return 1{terms};",
        "  endfunction",
    ]


def _offset(function: str, doc: str, of: dict[SharingMode, int]) -> list[str]:
    lines = [
        "",
        f"  // {doc}",
        f"  function automatic int {function}(input int sharing, input int number);",
        "    int n;  // sides or sets before this one",
        "    n = 0;",
        f"    {function} = 0;",
    ]
    for m, offset in of.items():
        built_in = f"(sharing / Share{m.name.capitalize()}) % 2"
        lines += [
            f"    n = n + {built_in};",
            f"    if ({built_in} != 0 && n == number) {function} = {offset};",
        ]
    return [*lines, "  endfunction"]


def package_lines() -> list[str]:
    """Part of ``csb_pkg``: the modes, and what a PEGroup has for those that are built in."""
    across = {m: m.column for m in MODES if m.column}
    down = {m: m.row for m in MODES if m.row}
    return [
        "",
        "  // Sharing modes; parameter Sharing is the sum of those that are built in.",
        *(f"  parameter int Share{m.name.capitalize()} = {1 << i};" for i, m in enumerate(MODES)),
        *_count("share_sides", "Engine columns whose neurons a PEGroup holds.", tuple(across)),
        *_count("share_sets", "Engine rows whose rows a PEGroup accumulates.", tuple(down)),
        *_offset("side_column", "Columns to the right, to that of a side; 0: its own.", across),
        *_offset("set_row", "Engine rows down, to that of a set of banks; 0: its own.", down),
    ]
