# SPDX-License-Identifier: Apache-2.0
"""A module has at most 300 lines and a script 150, so that each keeps one idea; tests share what
they share in modules of their own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from csb_rnn.machine.folders import ROOT

MODULE, SCRIPT = 300, 150  # lines at most
ARGUMENTS = 12  # of a function at most
#: Larger modules, at most three: lines at most, and why they are not divided.
LARGER = {
    "golden/csb_rnn/machine/isa.py": (450, "one table: fields, latencies and their package"),
    "golden/csb_rnn/network/onnx/rules/arranging.py": (
        380,
        "a rule of a few lines for each operator that arranges values",
    ),
    "golden/csb_rnn/flow/source_check.py": (
        360,
        "one question, whether a model is its source, asked of each kind of source",
    ),
}


def too_long(root: Path, larger: dict[str, tuple[int, str]]) -> list[str]:
    """Modules and scripts below a folder with more lines than they may have."""
    found = []
    for folder, most in (("golden", MODULE), ("scripts", SCRIPT)):
        for file in sorted((root / folder).rglob("*.py")):
            name = str(file.relative_to(root))
            lines, allowed = len(file.read_text().splitlines()), larger.get(name, (most, ""))[0]
            if lines > allowed:
                found.append(f"{name}: {lines} lines, at most {allowed}")
    return found


def test_modules_and_scripts_are_short() -> None:
    assert too_long(ROOT, LARGER) == []


def test_exceptions_are_few_and_needed() -> None:
    assert len(LARGER) <= 3
    for name in LARGER:
        assert len((ROOT / name).read_text().splitlines()) > MODULE, f"{name}: no exception now"


@pytest.mark.parametrize(("place", "most"), [("golden/a.py", 300), ("scripts/a.py", 150)])
def test_a_line_too_many_is_found(tmp_path: Path, place: str, most: int) -> None:
    file = tmp_path / place
    file.parent.mkdir()
    file.write_text("x = 1\n" * most)
    assert too_long(tmp_path, {}) == []
    file.write_text("x = 1\n" * (most + 1))
    assert too_long(tmp_path, {}) == [f"{place}: {most + 1} lines, at most {most}"]


def many_arguments(root: Path) -> list[str]:
    """Functions with more arguments than they may have: some of them are one record."""
    found = []
    for folder in ("golden", "scripts", "tb"):
        for file in sorted((root / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    a = node.args
                    names = {arg.arg for arg in (*a.posonlyargs, *a.args, *a.kwonlyargs)}
                    if len(names - {"self", "cls"}) > ARGUMENTS:
                        found.append(f"{file.relative_to(root)}:{node.lineno} {node.name}")
    return found


def test_functions_take_few_arguments(tmp_path: Path) -> None:
    assert many_arguments(ROOT) == []
    names = ", ".join(f"a{n}" for n in range(ARGUMENTS))
    (tmp_path / "golden").mkdir()
    file = tmp_path / "golden/a.py"
    file.write_text(f"def f(self, {names}): ...\n")
    assert many_arguments(tmp_path) == []
    file.write_text(f"def f(self, {names}, *, b): ...\n")
    assert many_arguments(tmp_path) == ["golden/a.py:1 f"]


def imported_tests(text: str) -> list[str]:
    """Modules of tests (``test_*``) that a source text imports."""
    out = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module), *(f"{node.module}.{a.name}" for a in node.names)]
        else:
            continue
        out += [n for n in names if n.startswith("tests.") and n.split(".")[-1][:5] == "test_"]
    return out


def test_no_test_imports_another() -> None:
    """A test that is moved or removed takes nothing from others: they share helper modules."""
    found = {
        str(file.relative_to(ROOT)): names
        for file in sorted((ROOT / "tests").rglob("*.py"))
        if (names := imported_tests(file.read_text()))
    }
    assert found == {}


def test_an_import_of_a_test_is_found() -> None:
    assert imported_tests("from tests.flow.test_flow import same") == ["tests.flow.test_flow"]
    assert imported_tests("from tests.flow import test_flow") == ["tests.flow.test_flow"]
    assert imported_tests("from tests.helpers import build_image") == []
