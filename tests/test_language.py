# SPDX-License-Identifier: Apache-2.0
"""The counts of scripts/language.py; whether pages and docstrings hold them is a nightly step."""

from __future__ import annotations

from pathlib import Path

import pytest

from csb_rnn.experiments.documents import comments, language


def sentences(text: str) -> list[language.Sentence]:
    return list(language.split(text, Path("page.md")))


@pytest.mark.parametrize(
    ("text", "name", "uses"),
    [
        ("What it does is what counts.", "what, which", 2),
        ("The word which waits.", "what, which", 1),
        ("The word, which waits, and the lane, of which 4 exist.", "what, which", 0),
        ("It is said that the word that waits is late.", "that", 2),
        ("For example 3 words, for instance 4.", "example", 2),
        ("`that` and what `which` says", "what, which", 1),
    ],
)
def test_uses_are_counted(text: str, name: str, uses: int) -> None:
    found = sentences(text)
    counted = language.figures(found)[name] * sum(s.words for s in found) / 1000
    assert round(counted) == uses


def test_sentences_and_their_lines() -> None:
    text = (
        "# Title\nOne sentence here. Another\nof two lines.\n\n| a cell | that cell |\n|---|---|\n"
    )
    found = [(s.line, s.text) for s in sentences(text)]
    assert found == [
        (1, "# Title"),
        (2, "One sentence here."),
        (2, "Another of two lines."),
        (5, "a cell"),
        (5, "that cell"),
    ]


def test_code_and_generated_tables_are_no_prose() -> None:
    text = "a\n```\nthat\n```\n<!-- t -->\n| that |\n<!-- /t -->\nb {{ that }}\n"
    for pattern in language.NO_PROSE:
        text = language.blanked(text, pattern)
    assert [s.text for s in sentences(text)] == []  # a and b: no word of two letters
    assert text.count("\n") == 8


def test_limits_and_the_worst() -> None:
    found = sentences("The lane waits. The word that says that it waits is what comes.")
    wrong = language.beyond(language.figures(found))
    assert [line.split(":")[0] for line in wrong] == ["what, which", "that", "example"]
    assert [s.text[:8] for _, s in language.worst(found)] == ["The word"]


def test_pages_with_a_template_are_counted_once() -> None:
    names = [p.name for p in language.pages()]
    assert "isa.md.j2" in names
    assert "isa.md" not in names
    assert "architecture.md" in names


def test_comments_are_read() -> None:
    python = "# SPDX\n# Words which\n# wait.\nx = 1  # one\ny = 2  # two\nz = '# no'  # fmt: skip\n"
    found = list(comments.paragraphs(comments.python_lines(python)))
    assert found == [(2, "Words which\nwait."), (4, "one"), (5, "two")]
    verilog = "// SPDX\n// A word\n// waits.\n\nwire a;  // verilator lint_off\nwire b;  // e\n"
    found = list(comments.paragraphs(comments.verilog_lines(verilog)))
    assert found == [(2, "A word\nwaits."), (6, "e")]


def test_messages_are_read() -> None:
    text = (
        'HELP = "Build it."\nraise UsageError(f"{name}: no such file" + ", really")\n'
        'parser.add_argument("--x", help="what it is")\nprint(1, "said")\nlook("not said")\n'
    )
    assert sorted(comments.messages(text)) == [
        (1, "Build it."), (2, "X: no such file, really"), (3, "what it is"), (4, "said"),
    ]  # fmt: skip


def test_limits_of_comments_are_fewer() -> None:
    found = language.figures(sentences("The word that waits is what comes."))
    assert [line.split(":")[0] for line in language.beyond(found, prose=False)] == [
        "what, which", "that",
    ]  # fmt: skip


@pytest.mark.nightly
@pytest.mark.parametrize("of", [comments.of_comments, comments.of_messages])
def test_comments_and_messages_hold_their_limits(of) -> None:
    assert language.beyond(language.figures(of()), prose=False) == []
