# SPDX-License-Identifier: Apache-2.0
"""Mutants of the RTL: where they are made, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from csb_rnn.experiments.mutants import equal, python, run, source
from csb_rnn.experiments.mutants import tree as tree_of
from csb_rnn.machine import design

TEXT = """module a #(
    parameter int W = 4,
    parameter int D = W + 1  // derived, do not override
) (input wire logic [W-1:0] x_i, output logic y_o);
  logic [W-1:0] q;
  if (W > 2) begin : gen_wide
    assign y_o = &x_i && !q[0];
  end
  always_ff @(posedge clk_i) q <= x_i[0] ? '0 : 4'd3;
  // --- assertions ---
  `CSB_ASSERT(Never, x_i != 1)
endmodule
"""


def test_every_kind_of_change(tmp_path: Path) -> None:
    file = tmp_path / "a.sv"
    file.write_text(TEXT)
    found = [(m.line, m.change) for m in source.mutants(file)]
    assert found == [
        (3, "+ -> -"),
        (3, "1 -> 2"),
        (6, "W > 2 -> !(W > 2)"),
        (6, "> -> >="),
        (6, "2 -> 3"),
        (7, "& -> |"),
        (7, "&& -> ||"),
        (7, "! -> nothing"),
        (7, "0 -> 1"),
        (9, "q <= x_i[0] ? '0 : 4'd3 -> nothing"),
        (9, "x_i[0] -> !(x_i[0])"),
        (9, "0 -> 1"),
        (9, "'0 -> '1"),
        (9, "4'd3 -> 4'd4"),
    ]


PYTHON = """TOP = 1 + 2

def f(x: int, n: int = 3) -> int:
    \"\"\"Sums x - 1 times.\"\"\"
    if x < 0:
        raise ValueError(f"é {x + 1}")
    é = 0
    while not é > x and x & 1:
        é += min(x, n)
    return -é << 2 if x else é
"""


def test_every_kind_of_change_in_python(tmp_path: Path) -> None:
    """Defaults, texts, constants of the module and checks that only raise stay."""
    file = tmp_path / "a.py"
    file.write_text(PYTHON)
    found = [(m.line, m.change) for m in python.mutants(file)]
    assert found == [
        (7, "0 -> 1"),
        (8, "not -> nothing"),
        (8, "not é > x and x & 1 -> not (not é > x and x & 1)"),
        (8, "> -> >="),
        (8, "and -> or"),
        (8, "& -> |"),
        (8, "1 -> 2"),
        (9, "é += min(x, n) -> pass"),
        (9, "+ -> -"),
        (9, "min -> max"),
        (10, "- -> nothing"),
        (10, "<< -> >>"),
        (10, "2 -> 3"),
        (10, "x -> not (x)"),
    ]
    for mutant in python.mutants(file):
        changed = mutant.apply(PYTHON)
        assert changed != PYTHON
        assert changed.splitlines()[: mutant.line - 1] == PYTHON.splitlines()[: mutant.line - 1]


def test_a_mutant_changes_its_place_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.sv"
    file.write_text(TEXT)
    for mutant in source.mutants(file):
        changed = mutant.apply(TEXT)
        assert changed != TEXT
        assert changed.replace(mutant.new, "", 1) != changed or not mutant.new
        assert changed.splitlines()[: mutant.line - 1] == TEXT.splitlines()[: mutant.line - 1]


def test_yosys_tells_the_same_circuit(tmp_path: Path) -> None:
    (file,) = design.HDL.rglob("csb_token.sv")
    text = file.read_text()
    for old, new, same in (
        ("count_d != '0;", "|count_d;", True),
        ("count_d != '0;", "count_q != '0;", False),
    ):
        assert text.count(old) == 1
        changed = text.replace(old, new)
        assert equal.equal("csb_token", file, changed, {"W": 4}, tmp_path) == same


def test_the_table_names_modules_and_places_that_exist() -> None:
    for target in (*run.targets().values(), *run.targets(run.PYTHON_TABLE).values()):
        places = {(m.code, m.change) for m in run.mutants(target.file)}
        assert {(code, change) for code, change, _ in target.equivalent} <= places
        assert all((run.ROOT / test.split(" ")[0].split("::")[0]).exists() for test in target.tests)


def test_every_module_of_the_design_is_in_the_table() -> None:
    """Packages of constants alone have no place that could change."""
    named = run.targets().keys()
    files = {file.stem: file for file in design.HDL.rglob("*.sv")}
    assert named <= files.keys()
    assert {name for name in files.keys() - named if source.mutants(files[name])} == set()


def test_a_verdict_holds_for_the_text_of_its_module_and_its_tests(tmp_path: Path, target) -> None:
    tree, known = NoTree(tmp_path), tmp_path / "known"
    killed = [m for m in run.chosen(target, 99) if "'1" in m.new][:1]
    assert killed
    key = run._key(target, killed[0])
    moved = target._replace(tests=("three",))
    assert run._key(moved, killed[0]) == key
    assert run._holds(("killed", "one"), target)
    assert not run._holds(("killed", "one"), moved)
    assert run._holds(("equal", "Yosys"), moved)
    assert not run._holds(run.OPEN, target)
    assert not known.exists()
    assert tree.runs == 0


def test_a_module_without_parameters_is_not_compared(tmp_path: Path, monkeypatch, target) -> None:
    monkeypatch.setattr(run, "equal", lambda *_: True)
    mutants = [m for m in run.chosen(target, 99) if "'1" not in m.new and "!(load_i)" not in m.new]
    for parameters, end in ((({},), "equal"), ((), "survives")):
        one = target._replace(parameters=parameters)
        assert run.judge(one, mutants[0], NoTree(tmp_path))[0] == end


class NoTree:
    """Stands for the copy of the project: some mutants fail, one does not compile."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs, self.text = folder, 0, ""

    def changed(self, file: Path, text: str):
        import contextlib

        self.text = text
        return contextlib.nullcontext()

    def compiles(self, module: str) -> bool:
        return "!(load_i)" not in self.text

    def fails(self, tests: list[str]) -> str | None:
        self.runs += 1
        return tests[0] if "'1" in self.text else None


@pytest.fixture
def target() -> run.Target:
    return run.targets()["csb_token"]._replace(tests=("one", "two"))


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch, target) -> None:
    monkeypatch.setattr(run, "equal", lambda *_: False)
    tree, known, said = NoTree(tmp_path), tmp_path / "known", []
    first = list(run.run([target], 99, tree, known, said.append))
    ends = {v.end for v in first}
    assert ends == {"killed", "survives", "stillborn"}
    assert len(said) == sum(v.end == "survives" for v in first)
    runs, lines = tree.runs, known.read_text().splitlines()
    assert all(json.loads(line)[1][0] in ends for line in lines)
    assert list(run.run([target], 99, tree, known, said.append)) == first
    survivors = sum(v.end == "survives" for v in first)
    assert tree.runs == runs + 2 * survivors + 1  # again, behind a run without a mutant
    row = run.summary(first, {target.module: target})[0]
    assert row["killed"] + row["survive"] == row["run"]


def test_an_argued_mutant_is_not_run(tmp_path: Path, target) -> None:
    mutant = source.mutants(target.file)[0]
    argued = target._replace(equivalent=((mutant.code, mutant.change, "why"),))
    found = list(run.run([argued], 1, NoTree(tmp_path), tmp_path / "known", print))
    every = list(run.run([argued], 99, NoTree(tmp_path), tmp_path / "known", print))
    assert {
        (v.end, v.by) for v in every if v.change == mutant.change and v.line == mutant.line
    } == {("argued", "why")}
    assert len(found) == 1


def test_tests_that_fail_without_a_mutant_are_told(tmp_path: Path, target) -> None:
    class Broken(NoTree):
        def fails(self, tests: list[str]) -> str | None:
            return tests[0]

    with pytest.raises(tree_of.TreeError, match="one fails without a mutant"):
        list(run.run([target], 1, Broken(tmp_path), tmp_path / "known", print))
