# SPDX-License-Identifier: Apache-2.0
"""The mutants of a Python file: places in its syntax tree where one operator, number or condition
changes, as text, so all else of the file stays.

Example: of ``while i < n: i += 1`` there are five: ``i <= n``, ``i -= 1``, ``i += 2``,
``while not (i < n)``, and the increment left out. Texts, annotations, defaults and checks
that only raise an error are left as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from csb_rnn.experiments.mutants.source import Mutant

#: Operators of the tree, the text of each and of the one that takes its place.
OPERATORS: dict[type, tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"), ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.BitXor: ("^", "|"),
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


class _Places:
    """Offsets in a text of nodes, whose columns count bytes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """From where to where a node goes."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        ends = ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        first, last = (self.starts[n - 1] + len(self.lines[n - 1].encode()[:c].decode())
                       for n, c in ends)  # fmt: skip
        return first, last

    def between(self, left: ast.expr, right: ast.expr, operator: type) -> Iterator[tuple]:
        """The operator between two nodes, and the one that takes its place."""
        if operator in OPERATORS:
            old, new = OPERATORS[operator]
            first, last = self.span(left)[1], self.span(right)[0]
            at = self.text.find(old, first, last)
            if at >= 0:
                yield at, at + len(old), new


def _of(node: ast.AST, places: _Places) -> Iterator[tuple[int, int, str]]:
    """Changes of one node: start, end, new text."""
    if isinstance(node, ast.BinOp):
        yield from places.between(node.left, node.right, type(node.op))
    elif isinstance(node, ast.AugAssign):
        yield from places.between(node.target, node.value, type(node.op))
        start, end = places.span(node)
        yield start, end, "pass"
    elif isinstance(node, ast.Compare):
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            yield from places.between(left, right, type(operator))
            left = right
    elif isinstance(node, ast.BoolOp):
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from places.between(left, right, type(node.op))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        start, _ = places.span(node)
        if not isinstance(node.operand, ast.Constant):
            yield start, start + (3 if isinstance(node.op, ast.Not) else 1), ""
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        start, end = places.span(node.test)
        yield start, end, f"not ({places.text[start:end]})"
    elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        new = node.value + 1 if type(node.value) is int else not node.value
        yield (*places.span(node), str(new))
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield (*places.span(node), NAMES[node.id])


def _only_raises(node: ast.AST) -> bool:
    """A check of arguments: what it lets through is another test's matter."""
    return isinstance(node, ast.If) and all(isinstance(s, ast.Raise) for s in node.body)


def _left(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes below one that are visited."""
    annotations = {id(getattr(node, name, None)) for name in ("annotation", "returns")}
    for child in ast.iter_child_nodes(node):
        skipped = isinstance(child, ast.Raise | ast.Assert | ast.JoinedStr | ast.arguments)
        if id(child) not in annotations and not skipped and not _only_raises(child):
            yield child


def mutants(file: Path) -> list[Mutant]:
    """All mutants of a file, in the order of its text."""
    text = file.read_text()
    places = _Places(text)
    found: set[tuple[int, int, str]] = set()

    def visit(node: ast.AST, inside: bool) -> None:
        inside = inside or isinstance(node, ast.FunctionDef)  # not constants of the module
        if inside:
            found.update(_of(node, places))
        for child in _left(node):
            visit(child, inside)

    visit(ast.parse(text), inside=False)
    out = []
    for start, end, new in sorted(found):
        line = text.count("\n", 0, start)
        code = places.lines[line].strip()
        out.append(Mutant(start, end, line + 1, code, text[start:end], new))
    return [m for m in out if compiles(m.apply(text))]


def compiles(text: str) -> bool:
    """Whether Python takes a text."""
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True
