# SPDX-License-Identifier: Apache-2.0
"""No wait of a bench is unbounded: rules on the source of tb/ and of csb_rnn/simulation/.

* A loop that awaits and has no end in sight (``while``, ``itertools.count``) is the body of a
  background task: its coroutine is only ever given to ``cocotb.start_soon``.
* What a design does, or another task, is awaited through ``within`` or ``until``
  (csb_rnn/simulation/waits.py). Free are clock edges, ``ClockCycles``, ``Timer``, and our own
  coroutines, whose bodies obey the same rules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from csb_rnn.machine.folders import ROOT

FREE = {
    "ClockCycles",
    "Timer",
    "ReadOnly",
    "ReadWrite",
    "NextTimeStep",
    "with_timeout",
    "edge",
    "wait_for",
}
CLOCKS = ("clk_i", "clock")
# Methods shared by tb/ with drivers from outside; they wait for as long as it takes.
FOREIGN = {"send", "recv", "read", "write", "wait", "join", "get", "put"}
OURS = {"machine"}  # attributes with an object of tb/
ENDLESS = {"count", "cycle", "repeat"}

Node = ast.AST


def parents(tree: Node) -> dict[Node, Node]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def name_of(call: Node) -> str:
    """The last name of what is called."""
    if not isinstance(call, ast.Call):
        return ""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def own_nodes(function: Node) -> Iterator[Node]:
    """Nodes of a function without those of functions in it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, (ast.AsyncFunctionDef, ast.FunctionDef, ast.Lambda)):
            yield from own_nodes(child)


def endless_loops(function: ast.AsyncFunctionDef) -> list[int]:
    """Lines of loops that await and that nothing bounds."""
    lines = []
    for loop in own_nodes(function):
        endless = isinstance(loop, ast.While) or (
            isinstance(loop, ast.For) and name_of(loop.iter) in ENDLESS
        )
        if endless and any(isinstance(n, ast.Await) for n in own_nodes(loop)):
            lines.append(loop.lineno)
    return lines


def is_bounded(value: Node, coroutines: set[str]) -> bool:
    """Whether what is awaited ends by itself."""
    name = name_of(value)
    if name in FREE:
        return True
    if name in ("RisingEdge", "FallingEdge"):
        return ast.unparse(value.args[0]).split(".")[-1] in CLOCKS
    if name not in coroutines:
        return False
    if name in FOREIGN and isinstance(value.func, ast.Attribute):
        held = value.func.value  # self.axil.read(...) is the driver's, self.read(...) ours
        return isinstance(held, ast.Name) or getattr(held, "attr", "") in OURS
    return True


def findings(sources: dict[str, str]) -> list[str]:
    """Breaches of the rules, as ``file:line: text``."""
    trees = {name: ast.parse(text) for name, text in sources.items()}
    everything = [(name, node) for name, tree in trees.items() for node in ast.walk(tree)]
    functions = [(n, node) for n, node in everything if isinstance(node, ast.AsyncFunctionDef)]
    coroutines = {node.name for _, node in functions}
    endless = {node.name: (n, endless_loops(node)) for n, node in functions if endless_loops(node)}
    found = []
    for name, tree in trees.items():
        up = parents(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Await) and not is_bounded(node.value, coroutines):
                text = ast.unparse(node.value)
                found.append(f"{name}:{node.lineno}: {text} is awaited without a limit")
            called = name_of(node)
            if called in endless and name_of(up[node]) not in ("start_soon", "within"):
                file, lines = endless[called]
                found += [
                    f"{file}:{line}: a loop without an end in {called}, which {name}:{node.lineno} "
                    "does not start as a background task"
                    for line in lines
                ]
    started = {name_of(node) for _, node in everything}
    for called, (file, lines) in endless.items():
        if called not in started:
            found.append(f"{file}:{lines[0]}: a loop without an end in {called}")
    return found


def test_no_bench_waits_for_ever() -> None:
    folders = (ROOT / "tb", ROOT / "golden/csb_rnn/simulation")
    files = sorted(file for folder in folders for file in folder.glob("**/*.py"))
    found = findings({str(f.relative_to(ROOT)): f.read_text() for f in files})
    assert not found, "\n".join(found)
    assert len(files) > 20


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        ("async def f(dut):\n await RisingEdge(dut.done_o)", "a.py:2: RisingEdge(dut.done_o) is"),
        ("async def f(e):\n await Event().wait()", "a.py:2: Event().wait() is"),
        ("async def f(task):\n await task", "a.py:2: task is"),
        ("async def f(self):\n await self.axil.read(0, 4)\nasync def read(): ...", "a.py:2: self."),
        ("async def f(a, b):\n await First(a, b)", "a.py:2: First(a, b) is"),
        (
            "async def f(dut):\n while dut.ready_o.value != 1:\n  await RisingEdge(dut.clk_i)",
            "a.py:2: a loop without an end in f",
        ),
        (
            "async def f(dut):\n for i in itertools.count():\n  await ClockCycles(dut.clk_i, 1)\n"
            "async def g(dut):\n await f(dut)",
            "a.py:2: a loop without an end in f, which a.py:5",
        ),
    ],
)
def test_an_unbounded_wait_is_found(code: str, finding: str) -> None:
    found = findings({"a.py": code})
    assert len(found) == 1
    assert found[0].startswith(finding)


@pytest.mark.parametrize(
    "code",
    [
        "async def f(dut):\n await within(9, RisingEdge(dut.done_o))\nasync def within(): ...",
        "async def f(self):\n await RisingEdge(self.clock)\n await ClockCycles(self.clock, 3)",
        "async def f(dut):\n while True:\n  await RisingEdge(dut.clk_i)\nstart_soon(f(dut))",
        "async def f(dut):\n for i in range(9):\n  await RisingEdge(dut.clk_i)",
        "def f(todo):\n while todo:\n  todo.pop()",
    ],
)
def test_a_bounded_wait_is_none(code: str) -> None:
    assert not findings({"a.py": code})
