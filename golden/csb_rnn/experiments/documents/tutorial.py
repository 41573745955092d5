# SPDX-License-Identifier: Apache-2.0
"""The tutorial: one page, whose cells are run, whose outputs are those of a run, and its notebook.

A cell is a fenced block of Python. Its output is the fenced block of text behind the line
``<!-- output -->``. Example: the cell ``print(6 * 7)`` has the output ``42``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.errors import CsbError
from csb_rnn.experiments.documents.tables import DOCS

PAGE = DOCS / "start/tutorial.md"
NOTEBOOK = PAGE.with_suffix(".ipynb")
_CELL = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:<!-- output -->\n```text\n(?P<output>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)


class TutorialError(CsbError, RuntimeError):
    """A cell of the tutorial fails."""


class Cell(NamedTuple):
    """A piece of the page: prose, or code and its output (None: it prints nothing)."""

    prose: str
    code: str = ""
    output: str | None = None


def cells(text: str) -> Iterator[Cell]:
    """Prose and code of a page in order."""
    at = 0
    for found in _CELL.finditer(text):
        if prose := text[at : found.start()].strip("\n"):
            yield Cell(prose)
        yield Cell("", found["code"].rstrip("\n"), found["output"])
        at = found.end()
    if prose := text[at:].strip("\n"):
        yield Cell(prose)


def outputs(text: str, folder: Path) -> list[str]:
    """Run all code of a page in a folder, where pictures go; the output of each cell.

    Raises:
        TutorialError: a cell fails; its first line and the error.
    """
    known: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    os.environ.setdefault("MPLBACKEND", "Agg")
    with contextlib.chdir(folder):
        for cell in cells(text):
            if cell.code:
                out = io.StringIO()
                try:
                    with contextlib.redirect_stdout(out):
                        exec(compile(cell.code, "tutorial.md", "exec"), known)
                except Exception as error:
                    first = cell.code.split("\n", 1)[0]
                    raise TutorialError(f"the cell '{first} ...' fails: {error!r}") from error
                printed.append(out.getvalue())
    return printed


def with_outputs(text: str, printed: list[str]) -> str:
    """The page with the outputs of a run."""
    new = iter(printed)

    def cell(found: re.Match[str]) -> str:
        output = next(new)
        code = f"```python\n{found['code']}```\n"
        return code + (f"<!-- output -->\n```text\n{output}```\n" if output else "")

    return _CELL.sub(cell, text)


def notebook(text: str) -> str:
    """The page as a Jupyter notebook (nbformat 4), outputs included."""
    found: list[dict[str, Any]] = []
    for number, cell in enumerate(cells(text)):
        common: dict[str, Any] = {"id": f"cell-{number}", "metadata": {}}
        if cell.prose:
            found.append({**common, "cell_type": "markdown", "source": lines(cell.prose)})
            continue
        shown = [{"name": "stdout", "output_type": "stream", "text": lines(cell.output or "")}]
        found.append(
            {
                **common,
                "cell_type": "code",
                "execution_count": None,
                "outputs": shown if cell.output else [],
                "source": lines(cell.code),
            }
        )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    head = {"metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps({"cells": found, **head}, indent=1, ensure_ascii=False) + "\n"


def lines(text: str) -> list[str]:
    """Lines with their ends, as notebooks keep text."""
    return text.splitlines(keepends=True)


def masked(text: str) -> str:
    """``text`` with a mark for every number and one space for many: the same on every computer.

    Example: ``"recovered: 97.6 %"`` is ``"recovered: # %"``.
    """
    return " ".join(re.sub(r"-?\d+(\.\d+)?", "#", text).split())
