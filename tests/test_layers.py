# SPDX-License-Identifier: Apache-2.0
"""The rooms of docs/rooms.toml hold: every import goes down, none in a circle, none undeclared."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from csb_rnn.errors import CsbError
from csb_rnn.machine.folders import ROOT

ROOMS: dict[str, dict[str, Any]] = {
    room["name"]: room for room in tomllib.loads((ROOT / "docs/rooms.toml").read_text())["room"]
}
OWN = ("csb_rnn", "tb", "scripts", "tests")


class Import(NamedTuple):
    """``module`` is imported in ``line``; ``later`` in a function or for type checkers only."""

    module: str
    line: int
    later: bool


def module_of(file: Path, root: Path = ROOT) -> str:
    """``golden/csb_rnn/machine/isa.py`` to ``csb_rnn.machine.isa``."""
    parts = file.relative_to(root).with_suffix("").parts
    parts = parts[1:] if parts[0] == "golden" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    module_of(file): file
    for folder in ("golden", *OWN[1:])
    for file in (ROOT / folder).rglob("*.py")
}


def imports(text: str, modules: Iterable[str] = FILES) -> Iterator[Import]:
    """Every import of a source text, wherever it stands."""

    def visit(node: ast.AST, later: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            below = later or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            below |= isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            if isinstance(child, ast.Import):
                yield from (Import(a.name, child.lineno, later) for a in child.names)
            elif isinstance(child, ast.ImportFrom):
                parent = "." * child.level + (child.module or "")
                names = [f"{parent}.{a.name}" for a in child.names]
                found = [name if name in modules else parent for name in names]
                yield from (Import(name, child.lineno, later) for name in dict.fromkeys(found))
            yield from visit(child, below)

    yield from visit(ast.parse(text), False)


def room_of(module: str) -> str | None:
    """The room of a module; None for the bare package ``csb_rnn`` and for modules of no room."""
    return next((r for r in ROOMS if module == r or module.startswith(r + ".")), None)


def contradictions(module: str, found: Iterable[Import]) -> list[str]:
    """Imports that the table does not allow."""
    room = room_of(module)
    if room is None:
        return [] if module == "csb_rnn" else [f"{module}: in no room of docs/rooms.toml"]
    row, out = ROOMS[room], []
    for target, line, later in found:
        where = f"{module}:{line}: {room} (level {row['level']})"
        top, other = target.split(".")[0], room_of(target)
        if f"{room}.{top}" in FILES and room == "scripts":  # a script finds those beside it
            continue
        if target.startswith("."):
            out.append(f"{where} has a relative import")
        elif other is not None:
            if other != room and ROOMS[other]["level"] >= row["level"]:
                out.append(f"{where} imports {target} (level {ROOMS[other]['level']})")
        elif top in OWN:
            if target != "csb_rnn":
                out.append(f"{where} imports {target}, which is in no room")
        elif top not in sys.stdlib_module_names:
            declared = {*row.get("packages", ()), *(row.get("later", ()) if later else ())}
            if top not in declared:
                out.append(f"{where} imports {top}, which is not among its packages")
    return out


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, in its order; empty if there is none."""
    done: set[str] = set()

    def walk(path: list[str]) -> list[str]:
        for target in sorted(edges.get(path[-1], ())):
            if target in path:
                return path[path.index(target) :]
            if target not in done:
                found = walk([*path, target])
                if found:
                    return found
        done.add(path[-1])
        return []

    return next((found for module in sorted(edges) if (found := walk([module]))), [])


@pytest.mark.parametrize("room", ROOMS)
def test_every_import_goes_down(room: str) -> None:
    wrong, seen = [], 0
    for module, file in FILES.items():
        if room_of(module) == room:
            seen += 1
            wrong += contradictions(module, imports(file.read_text()))
    assert seen, "no file in this room"
    assert not wrong, "\n".join(wrong)


def test_every_module_has_a_room() -> None:
    assert {m for m in FILES if room_of(m) is None} <= {"csb_rnn"}


def test_rooms_are_where_the_table_says() -> None:
    for name, row in ROOMS.items():
        of_room = [file for module, file in FILES.items() if room_of(module) == name]
        inside = ROOT / row["path"]
        assert all(file == inside or inside in file.parents for file in of_room), name


def test_no_circle() -> None:
    edges = {}
    for module, file in FILES.items():
        known = {i.module for i in imports(file.read_text()) if i.module in FILES}
        edges[module] = known - {module}
    assert circle(edges) == []


def test_at_most_three_loose_modules() -> None:
    loose = {p.name for p in (ROOT / "golden/csb_rnn").glob("*.py")} - {"__init__.py"}
    assert len(loose) <= 3, loose


def test_every_error_has_the_base() -> None:
    wrong = []
    bases = {"CsbError"}
    classes = [
        (module, node)
        for module, file in FILES.items()
        if module.startswith("csb_rnn")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.name[0] != "_"
    ]
    for _ in range(3):  # derived from derived ones
        bases |= {n.name for _, n in classes if {ast.unparse(b) for b in n.bases} & bases}
    wrong = [f"{module}.{n.name}" for module, n in classes if n.name not in bases]
    assert not wrong
    assert issubclass(CsbError, Exception)


@pytest.mark.parametrize(
    ("module", "text", "finding"),
    [
        ("csb_rnn.machine.a", "from csb_rnn.compiler import dealing", "imports csb_rnn.compiler"),
        ("csb_rnn.flow.a", "def f():\n    import tb.lib.axi", "imports tb.lib.axi"),
        (
            "csb_rnn.models.a",
            "if TYPE_CHECKING:\n    import csb_rnn.pruning",
            "imports csb_rnn.pru",
        ),
        ("csb_rnn.models.a", "import torch", "imports torch, which is not"),
        ("csb_rnn.models.a", "def f():\n    import torch", None),
        ("csb_rnn.models.a", "from . import fixed_model", "relative"),
        ("csb_rnn.models.a", "from csb_rnn.machine.isa import ACT\nimport csb_rnn", None),
        ("csb_rnn.loose", "import numpy", "in no room"),
        ("csb_rnn.models.a", "from csb_rnn.loose import x", "in no room"),
    ],
)
def test_contradictions_are_found(module: str, text: str, finding: str | None) -> None:
    found = contradictions(module, imports(text))
    assert len(found) == (finding is not None)
    assert finding is None or finding in found[0]


def test_circles_are_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == ["b", "c"]
