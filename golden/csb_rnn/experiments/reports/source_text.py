# SPDX-License-Identifier: Apache-2.0
"""The part of a source file behind a result: its code, without comments, docstrings and empty
lines.

Python is read as tokens, so a reworded comment or a new line break
changes no hash, and the hash is the same on every version of Python. Example: ``x = 1  # one`` and
``x = 1`` are the same code.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import json
import re
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIXES = {".py", ".sv", ".svh", ".npz"}  # counted files of a folder

_SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_MARKS = {tokenize.NEWLINE: "\n", tokenize.INDENT: "{", tokenize.DEDENT: "}"}
_FSTRING = {"FSTRING_START": 1, "FSTRING_END": -1}  # tokens of Python 3.12 and later


def _docstrings(text: str) -> set[tuple[int, int]]:
    """Start of each docstring, line and column."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            found.add((node.body[0].lineno, node.body[0].col_offset))
    return found


def _tokens(text: str) -> Iterator[str]:
    """Tokens of a Python source; an f-string is one, whatever the version makes of it."""
    documents, lines = _docstrings(text), text.splitlines(keepends=True)
    depth, start, skipping = 0, (1, 0), False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        step = _FSTRING.get(tokenize.tok_name[token.type], 0)
        if step == 1 and depth == 0:
            start = token.start
        depth += step
        if depth:
            continue
        if step == -1:
            first, last = start[0] - 1, token.end[0]
            whole = "".join(lines[first:last])
            rest = len(lines[last - 1]) - token.end[1]
            yield whole[start[1] : len(whole) - rest]
        elif token.type == tokenize.STRING and token.start in documents:
            skipping = True  # with the end of its line
        elif token.type in _MARKS:
            if not (skipping and token.type == tokenize.NEWLINE):
                yield _MARKS[token.type]
            skipping = skipping and token.type != tokenize.NEWLINE
        elif token.type not in _SKIPPED:
            yield token.string


def python_code(text: str) -> str:
    """A Python source without comments, docstrings and line breaks without a meaning."""
    return " ".join(_tokens(text))


def verilog_code(text: str) -> str:
    """A SystemVerilog source without comments, every gap one blank."""
    comment = r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/'
    bare = re.sub(comment, lambda found: found[1] or " ", text, flags=re.DOTALL)
    return " ".join(bare.split())


def sections(text: str, names: Iterable[str]) -> str:
    """Sections of ``hdl/configs.toml``: ``default``, the named ones and those they are based on."""
    every = tomllib.loads(text)
    todo, used = ["default", *names], {}
    while todo:
        name = todo.pop()
        used[name] = every.get(name)
        todo += [based for based in [(used[name] or {}).get("base")] if based]
    return json.dumps(used, sort_keys=True)


@functools.cache
def _digest(file: Path, changed: int, size: int) -> bytes:
    """Hash of a file's code; ``changed`` and ``size`` are part of the key of the cache alone."""
    data = file.read_bytes()
    if file.suffix == ".py":
        data = python_code(data.decode()).encode()
    elif file.suffix in (".sv", ".svh"):
        data = verilog_code(data.decode()).encode()
    return hashlib.sha256(data).digest()


def file_digest(file: Path) -> bytes:
    """Hash of the code of a file; of every byte, if it is no source text."""
    stat = file.stat()
    return _digest(file, stat.st_mtime_ns, stat.st_size)


def files_of(top: Path, aside: Iterable[Path] = ()) -> list[Path]:
    """A file, or the counted files of a folder, in order, without those below ``aside``."""
    if top.is_file():
        return [top]
    found = (f for f in top.rglob("*") if f.suffix in SUFFIXES and f.is_file())
    return sorted(f for f in found if not any(f.is_relative_to(a) for a in aside))
