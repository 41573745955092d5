# SPDX-License-Identifier: Apache-2.0
"""Comments and messages of the sources as sentences, for the language check.

A comment of several lines is one text; so is each comment behind code. A message is a text given
to an error, to ``print``, to a warning, or to an argument of a command. Example: of
``raise UsageError(f"{name}: no such file")`` the sentence is ``X: no such file``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from csb_rnn.experiments.documents.language import SOURCES, Sentence, split
from csb_rnn.machine.folders import ROOT

RTL = ("hdl", "golden", "tb", "tests")
SAYING = ("error", "print", "warning", "info")  # functions whose first texts are messages
SHOWN = ("help", "description", "epilog")  # arguments with a text for people
ORDERS = re.compile(r"(fmt|type|noqa|ruff|SPDX|pragma|mypy|verilator|!)\b|!")  # to tools

Line = tuple[int, str, bool]  # number, text without its sign, whether it stands alone


def python_lines(text: str) -> Iterator[Line]:
    """Comments of a Python source."""
    rows = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            alone = not rows[token.start[0] - 1][: token.start[1]].strip()
            yield token.start[0], token.string.lstrip("#:").strip(), alone


def verilog_lines(text: str) -> Iterator[Line]:
    """Comments of a SystemVerilog source."""
    for number, row in enumerate(text.split("\n"), 1):
        code, sign, comment = row.partition("//")
        if sign:
            yield number, comment.lstrip("/").strip(), not code.strip()


def paragraphs(lines: Iterable[Line]) -> Iterator[tuple[int, str]]:
    """First line and text of each comment; lines that stand alone, one below the other, are one."""
    first, before, kept = 0, -1, list[str]()
    for number, text, alone in lines:
        if ORDERS.match(text):
            continue
        if not (kept and alone and before == number - 1):
            if kept:
                yield first, "\n".join(kept)
            first, kept = number, []
        kept.append(text)
        before = number if alone else -1
    if kept:
        yield first, "\n".join(kept)


def of_comments() -> Iterator[Sentence]:
    """Sentences of the comments of Python and SystemVerilog."""
    found = [(f, python_lines) for top in SOURCES for f in (ROOT / top).rglob("*.py")]
    found += [(f, verilog_lines) for top in RTL for f in (ROOT / top).rglob("*.sv*")]
    for file, lines in sorted(found, key=lambda pair: pair[0]):
        for first, text in paragraphs(lines(file.read_text())):
            yield from split(text.replace("``", "`"), file, first)


def text_of(node: ast.expr) -> str:
    """A literal as it reads, each value in it an X; "" of other expressions."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(v) if isinstance(v, ast.Constant) else "X" for v in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return ""


def messages(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of each message of a Python source."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            said = list(node.args) if name.endswith("Error") or name in SAYING else []
            said += [k.value for k in node.keywords if k.arg in SHOWN]
        elif isinstance(node, ast.Assign):
            names = [getattr(target, "id", "") for target in node.targets]
            said = [node.value] if any(name.endswith("HELP") for name in names) else []
        else:
            continue
        yield from ((node.lineno, found) for value in said if (found := text_of(value)))


def of_messages() -> Iterator[Sentence]:
    """Sentences of errors, prints, warnings and help texts of the package and its commands."""
    for top in ("golden", "scripts"):
        for file in sorted((ROOT / top).rglob("*.py")):
            for line, text in messages(file.read_text()):
                yield from split(text, Path(file), line)
