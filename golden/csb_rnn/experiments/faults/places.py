# SPDX-License-Identifier: Apache-2.0
"""Memories and registers of csb_top, each a variable with an address, in places of the machine."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.experiments.direct.library import Direct
from csb_rnn.machine import design

#: Name of a place, and of which paths; the first that fits.
PLACES = tuple(
    (name, re.compile(text))
    for name, text in (
        ("programs and weights of PEGroups", r"u_engine\..*u_program\.u_ram\.mem$"),
        ("programs of drain and element", r"u_datapath\..*u_program\.u_ram\.mem$"),
        ("output table", r"u_output\.u_table\..*mem$"),
        ("biases", r"u_bias\.mem$"),
        ("states", r"u_state\.mem$"),
        ("neurons", r"u_neurons\.mem$"),
        ("accumulators", r"u_bank\..*mem$"),
        ("register sets", r"_regs\..*mem$"),
        ("output buffer", r"u_output\..*mem$"),
        ("sequencers", r"\.u_seq\."),
        ("tokens, events", r"\.(u_events|u_marks|u_iterations|u_registers|u_outputs|u_posts|"
                           r"u_buffers|u_gap)\."),
        ("engine", r"u_engine\."),
        ("data path", r"u_datapath\."),
        ("input", r"u_input\."),
        ("output", r"u_output\."),
        ("image loader", r"u_loader\."),
        ("program registers", r"u_program_regs\."),
        ("run control", r"u_control\."),
        ("register port", r"u_regs\."),
        ("watchdog", r"u_watchdog\."),
        ("counters", r"u_counters\.|\.(inc_q|issue_q)$"),
        ("others", r""),
    )
)  # fmt: skip
#: Whose flips may hang: they judge or answer themselves; ``rst_ni`` is the cure.
APART = ("register port", "run control", "watchdog")
#: Memories behind parity, if a configuration has it.
PROTECTED = ("programs and weights of PEGroups", "programs of drain and element", "output table",
             "biases")  # fmt: skip


class Variable(NamedTuple):
    """A register or memory: its offset in a machine, bytes and bits of a word, words."""

    path: str
    place: str
    offset: int
    size: int
    bits: int
    words: int


def place_of(path: str) -> str:
    """The place of a hierarchical path."""
    return next(name for name, pattern in PLACES if pattern.search(path))


def registers(parameters: Mapping[str, int]) -> set[str]:
    """Paths of all variables of csb_top that a clock edge sets."""
    from pyslang import ast

    _driver, compilation = design._compile(design.TOP, parameters)
    found: set[str] = set()
    absent: list[str] = []  # branches of generate blocks that this configuration has not

    def left(e: Any) -> None:
        kind = e.kind.name
        if kind == "NamedValue":
            found.add(e.symbol.hierarchicalPath)
        elif kind == "Concatenation":
            for part in e.operands:
                left(part)
        else:
            left(e.operand if kind == "Conversion" else e.value)

    def assignment(node: Any) -> None:
        if isinstance(node, ast.AssignmentExpression) and node.isNonBlocking:
            left(node.left)

    def block(symbol: Any) -> None:
        always = ast.ProceduralBlockKind.AlwaysFF
        if isinstance(symbol, ast.ProceduralBlockSymbol) and symbol.procedureKind == always:
            symbol.body.visit(assignment)
        elif isinstance(symbol, ast.GenerateBlockSymbol) and symbol.isUninstantiated:
            absent.append(f"{symbol.hierarchicalPath}.")

    compilation.getRoot().visit(block)
    return {path for path in found if not path.startswith(tuple(absent))}


def variables(machine: Direct, parameters: Mapping[str, int]) -> list[Variable]:
    """Registers and memories of a public machine.

    Raises:
        KeyError: one of them is not in the simulation.
    """
    with tempfile.TemporaryDirectory() as folder:
        rows = machine.variables(Path(folder) / "variables.txt")
    base = machine.base
    known = {f"{scope}.{name}": sizes for scope, name, *sizes in rows}
    known = {_plain(path): sizes for path, sizes in known.items()}
    out = []
    for path in sorted(registers(parameters)):
        at, size, bits, words = known[_plain(path)]
        out.append(Variable(path, place_of(path), at - base, size, bits, words))
    return out


def _plain(path: str) -> str:
    """A path as slang and Verilator both write it, from csb_top on."""
    path = path.replace("__BRA__", "[").replace("__KET__", "]")
    return re.sub(r"^.*\bcsb_top\.(?=[^.]*)", "", path)


def bits_by_place(some: Iterable[Variable]) -> dict[str, int]:
    """Bits of each place."""
    out = {name: 0 for name, _ in PLACES}
    for v in some:
        out[v.place] += v.bits * v.words
    return {name: bits for name, bits in out.items() if bits}
