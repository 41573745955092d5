# SPDX-License-Identifier: Apache-2.0
"""The mutants of a SystemVerilog file: places in its syntax tree where one token or part changes.

Example: of ``assign take = valid && ready;`` there is one mutant, ``valid || ready``.
Assertions, widths of signals, defaults of parameters and signals named ``unused``, which feed
nothing, are left as they are; derived parameters and conditions of generate blocks change like
any other expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

#: Operators and those that take their place.
SWAPPED = {
    "&&": "||", "||": "&&", "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">",
    "+": "-", "-": "+", "&": "|", "|": "&", "^": "|", "<<": ">>", ">>": "<<", ">>>": "<<<",
    "<<<": ">>>", "*": "+",
}  # fmt: skip
#: Literals and those that take their place; a plain number becomes the next one.
LITERALS = {"'0": "'1", "'1": "'0", "1'b0": "1'b1", "1'b1": "1'b0"}
#: Nodes without mutants: ports, and widths of signals, where more is as good.
UNCHANGED = ("AnsiPortListSyntax", "ImplicitAnsiPortSyntax", "VariableDimensionSyntax")
BANNER = re.compile(r"^ *// --- assertions", re.MULTILINE | re.IGNORECASE)


class Mutant(NamedTuple):
    """Text from ``start`` to ``end`` of a file becomes ``new``.

    Attributes:
        line: of the change, from 1.
        code: that line.
        old: what stood there.
    """

    start: int
    end: int
    line: int
    code: str
    old: str
    new: str

    @property
    def change(self) -> str:
        """Example: ``&& -> ||``."""
        short = [re.sub(r"\s+", " ", text) or "nothing" for text in (self.old, self.new)]
        return " -> ".join(short)

    def apply(self, text: str) -> str:
        """The file with the change."""
        return text[: self.start] + self.new + text[self.end :]


def _span(node: Any) -> tuple[int, int]:
    return node.sourceRange.start.offset, node.sourceRange.end.offset


def _token(token: Any) -> tuple[int, int]:
    return token.range.start.offset, token.range.end.offset


def _of(node: Any, text: str) -> Iterator[tuple[int, int, str]]:
    """Changes of one node of the tree: start, end, new text."""
    kind = type(node).__name__
    if kind == "BinaryExpressionSyntax":
        operator = node.operatorToken
        new = SWAPPED.get(operator.valueText)
        if new is not None and not str(node.kind).endswith("AssignmentExpression"):
            yield (*_token(operator), new)
        if str(node.kind) == "SyntaxKind.NonblockingAssignmentExpression":
            yield (*_span(node), "")
    elif kind == "PrefixUnaryExpressionSyntax" and node.operatorToken.valueText in "!~":
        yield (*_token(node.operatorToken), "")
    elif kind == "PrefixUnaryExpressionSyntax" and node.operatorToken.valueText in "&|":
        yield (*_token(node.operatorToken), SWAPPED[node.operatorToken.valueText])
    elif kind == "ConditionalExpressionSyntax":
        start, end = _span(node.predicate)
        yield start, end, f"!({text[start:end]})"
    elif kind in ("ConditionalStatementSyntax", "IfGenerateSyntax"):
        condition = node.predicate if kind.startswith("Cond") else node.condition
        start, end = _span(condition)
        yield start, end, f"!({text[start:end]})"
    elif kind in ("LiteralExpressionSyntax", "IntegerVectorExpressionSyntax"):
        start, end = _span(node)
        old = text[start:end]
        if old in LITERALS:
            yield start, end, LITERALS[old]
        elif re.fullmatch(r"\d+", old):
            yield start, end, str(int(old) + 1)
        elif sized := re.fullmatch(r"(\d+)'([dh])([0-9a-f]+)", old):
            base = 16 if sized[2] == "h" else 10
            value = (int(sized[3], base) + 1) % (1 << int(sized[1]))
            yield start, end, f"{sized[1]}'{sized[2]}{value:{'x' if base == 16 else 'd'}}"


def mutants(file: Path) -> list[Mutant]:
    """All mutants of a file, in the order of its text.

    Raises:
        ImportError: pyslang is missing.
    """
    from pyslang.syntax import SyntaxTree

    text = file.read_text()
    banner = BANNER.search(text)
    last = banner.start() if banner else len(text)
    found: set[tuple[int, int, str]] = set()
    tree = SyntaxTree.fromText(text)

    def visit(node: Any) -> None:
        if type(node).__name__ in UNCHANGED:
            return
        found.update(_of(node, text))
        for child in node:
            if hasattr(child, "sourceRange"):
                visit(child)

    visit(tree.root)
    lines, out = text.splitlines(), []
    for start, end, new in sorted(found):
        line = text.count("\n", 0, start)
        code = lines[line].strip()
        plain_default = code.startswith("parameter") and "derived" not in code
        silent = code.startswith(("`CSB_", "assign unused"))
        if start < last and not silent and not plain_default:
            out.append(Mutant(start, end, line + 1, code, text[start:end], new))
    return out
