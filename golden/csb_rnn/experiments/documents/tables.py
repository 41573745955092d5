# SPDX-License-Identifier: Apache-2.0
"""Markdown tables, and where pages and their templates are."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.machine.folders import ROOT

DOCS = ROOT / "docs"
TEMPLATES = DOCS / "templates"
README = ROOT / "README.md"
EXAMPLE = ROOT / "tests/data/janet.py"
CORE = ROOT / "csb_rnn.core"
ARCHITECTURE = DOCS / "develop/architecture.md"
NUMERICS = DOCS / "reference/numerics.md"
PAGES = (
    "reference/isa",
    "reference/image_format",
    "reference/registers",
    "reference/configurations",
    "reference/cells",
    "use/importing",
    "use/integrating",
    "start/glossary",
)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; columns of numbers are aligned to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    number = re.compile(r"-|-?[\d.]+( ?%)?")
    right = [all(number.fullmatch(row[i]) for row in rows) and i > 0 for i in range(len(head))]
    rule = ["--:" if r else "---" for r in right]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def constants(names: str, *modules: ModuleType) -> list[tuple[str, int, str]]:
    """(name, value, comment) of the integer constants of modules whose names match a pattern."""
    text = "".join(inspect.getsource(module) for module in modules)
    found = re.findall(r"^([A-Z]\w*) = (-?\d+)  # (.*)$", text, re.MULTILINE)
    return [(name, int(value), doc) for name, value, doc in found if re.fullmatch(names, name)]


def constant_table(names: str, *modules: ModuleType) -> str:
    rows = [(f"`{name}`", value, doc) for name, value, doc in constants(names, *modules)]
    return table(("constant", "value", "meaning"), rows)


def configurations() -> list[Config]:
    return [config.load(name) for name in config.names()]


def by_configuration(rows: Iterable[tuple[str, Callable[[Config], Any]]], first: str) -> str:
    configs = configurations()
    body = [(title, *(value(c) for c in configs)) for title, value in rows]
    return table((first, *(f"`{c.name}`" for c in configs)), body)
