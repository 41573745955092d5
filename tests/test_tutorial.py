# SPDX-License-Identifier: Apache-2.0
"""The tutorial runs as it stands, prints the page's output, and is its notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from csb_rnn.experiments.documents import tutorial


def test_the_notebook_has_the_cells_of_the_page() -> None:
    page = tutorial.PAGE.read_text()
    assert tutorial.NOTEBOOK.read_text() == tutorial.notebook(page)
    made = json.loads(tutorial.NOTEBOOK.read_text())["cells"]
    code = ["".join(c["source"]) for c in made if c["cell_type"] == "code"]
    assert code == [cell.code for cell in tutorial.cells(page) if cell.code]


def test_every_cell_runs_and_prints_what_the_page_shows(tmp_path: Path) -> None:
    """Figures depend on the computer's floating point, words and shape of the output do not."""
    threads = torch.get_num_threads()
    text = tutorial.PAGE.read_text()
    try:
        printed = tutorial.outputs(text, tmp_path)
    finally:
        torch.set_num_threads(threads)
    shown = [cell.output or "" for cell in tutorial.cells(text) if cell.code]
    assert [tutorial.masked(x) for x in printed] == [tutorial.masked(x) for x in shown]
    run = next(x for x in printed if "differ" in x)
    assert run.split("measured, ")[1].startswith("0 values"), run
    pictures = {p.name for p in tmp_path.glob("*.png")}
    assert pictures == {p.name for p in tutorial.PAGE.parent.glob("tutorial_*.png")}
    assert all(f"]({name})" in text for name in pictures)


def test_a_cell_and_its_output(tmp_path: Path) -> None:
    text = "Prose.\n\n```python\nprint(6 * 7)\n```\n<!-- output -->\n```text\nold\n```\nMore.\n"
    printed = tutorial.outputs(text, tmp_path)
    assert printed == ["42\n"]
    new = tutorial.with_outputs(text, printed)
    assert new == text.replace("old", "42")
    assert [bool(c.code) for c in tutorial.cells(new)] == [False, True, False]
    assert tutorial.masked(" 97.6 %\n-3") == "# % #"


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(tutorial.TutorialError, match=r"'1 / 0 \.\.\.' fails: ZeroDivisionError"):
        tutorial.outputs("```python\n1 / 0\n```\n", tmp_path)
