# SPDX-License-Identifier: Apache-2.0
"""A rule of ``make lint``: no test reads a clock, as its outcome would depend on the machine.

Figures of speed are measured by a benchmark (``make bench``), and compared as ratios in one
process.
"""

from __future__ import annotations

import ast
from pathlib import Path

CLOCKS = {
    "time": {"time", "perf_counter", "monotonic", "process_time", "thread_time", "clock_gettime"},
    "timeit": {"timeit", "repeat", "default_timer", "Timer"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}


def clocks_in(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of every clock in the code: ``time.time``, ``datetime.now``, ..."""
    aliases: dict[str, str] = {}  # local name: module, or module and clock
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in CLOCKS:
                    aliases[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module in CLOCKS:
            for alias in node.names:
                if alias.name.removesuffix("_ns") in CLOCKS[node.module]:
                    found.append((node.lineno, f"{node.module}.{alias.name}"))
                elif alias.name in CLOCKS:  # from datetime import datetime as dt
                    aliases[alias.asname or alias.name] = alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            module = aliases.get(name, name)
            if node.attr.removesuffix("_ns") in CLOCKS.get(module, ()):
                found.append((node.lineno, f"{module}.{node.attr}"))
    return sorted(set(found))


def findings(source: str, file: str, *, only_asserts: bool = False) -> list[str]:
    """One line for each clock in a source text.

    Args:
        source: Python.
        file: its name, for the lines.
        only_asserts: look at ``assert`` statements only, as a report may say how long a command
            took.

    Example:
        ``findings("import time\\nassert time.time() < 5", "a.py")`` is
        ``["a.py:2: time.time: a test must not read a clock"]``.
    """
    tree = ast.parse(source)
    clocks = set(clocks_in(tree))
    if only_asserts:
        spans = [
            range(node.lineno, (node.end_lineno or node.lineno) + 1)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assert)
        ]
        clocks = {found for found in clocks if any(found[0] in span for span in spans)}
    return [f"{file}:{line}: {name}: a test must not read a clock" for line, name in sorted(clocks)]


def clock_findings(root: Path) -> list[str]:
    """The rule on a checkout: all of tests/ and the benches; in other files of tb/ the asserts."""
    lines = []
    for file in sorted([*(root / "tests").rglob("*.py"), *(root / "tb").rglob("*.py")]):
        is_bench = file.is_relative_to(root / "tests") or file.name.startswith("test_")
        name = str(file.relative_to(root))
        lines += findings(file.read_text(), name, only_asserts=not is_bench)
    return lines
