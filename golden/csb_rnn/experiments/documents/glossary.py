# SPDX-License-Identifier: Apache-2.0
"""The words of the repository: their table, and forbidden uses of them."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from csb_rnn.experiments.documents.tables import DOCS, README, table
from csb_rnn.machine.folders import ROOT

FILE = DOCS / "glossary.toml"
PAGE = DOCS / "start/glossary.md"
READ = (".py", ".sv", ".svh", ".vlt", ".toml", ".md", ".j2", ".core", ".txt", ".sh")
FOLDERS = ("docs", "golden", "hdl", "scripts", "tb", "tests")
QUOTES_USES = (FILE, Path(__file__), ROOT / "tests/test_glossary.py")  # name forbidden uses


def terms() -> list[dict[str, Any]]:
    """Entries of ``docs/glossary.toml``: ``term``, ``means``, ``home`` and, of some, ``never``."""
    entries: list[dict[str, Any]] = tomllib.loads(FILE.read_text())["term"]
    return entries


def place_of(term: str) -> str:
    """The place of a term in the glossary's page: ``#share-group`` is the place of "share
    group"."""
    return term.lower().replace(" ", "-")


def glossary_table() -> str:
    """A row for each term, in alphabetical order, with a link to where it is defined."""
    rows = []
    for entry in sorted(terms(), key=lambda e: e["term"].lower()):
        home = Path(entry["home"])
        link = os.path.relpath(ROOT / home, PAGE.parent)
        place = f'<a id="{place_of(entry["term"])}"></a>'
        rows.append((f"{place}**{entry['term']}**", entry["means"], f"[{home.name}]({link})"))
    return table(("word", "meaning", "where"), rows)


def forbidden_uses(text: str) -> Iterator[tuple[int, str, str]]:
    """Uses forbidden by the glossary.

    Example:
        ``list(forbidden_uses("L lanes of Q multipliers"))`` is
        ``[(1, "lanes of Q", "PE row")]``.

    Returns:
        line, the words found there, the word to use.
    """
    for entry in terms():
        for pattern, better in entry.get("never", {}).items():
            for found in re.finditer(pattern, text):
                yield text.count("\n", 0, found.start()) + 1, found[0], better


def pages() -> list[Path]:
    """README.md and every page of ``docs/`` but the glossary itself."""
    return [README, *sorted(p for p in DOCS.rglob("*.md") if p != PAGE)]


def links_here(page: Path) -> bool:
    """Whether a page links to the glossary."""
    return f"]({os.path.relpath(PAGE, page.parent)})" in page.read_text()


def undefined(text: str, link: str) -> list[str]:
    """Terms on a page before its link to the glossary; its title does not count.

    Example: ``undefined("# Rings\\nA ring of [words](g.md).", "g.md")`` is ``["ring"]``.
    """
    _, _, body = text.partition("\n")
    before = body.split(f"]({link})", 1)[0].lower()
    before = re.sub(r"(words: )?\[[^\[\]]*$", "", before)  # the link's own text
    return [
        entry["term"]
        for entry in terms()
        if re.search(rf"\b{re.escape(entry['term'].lower())}s?\b", before)
    ]


def wrong_words() -> Iterator[str]:
    """A line for each forbidden use in the sources and pages."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in READ and path not in QUOTES_USES and "tries" not in path.parts:
                for line, words, better in forbidden_uses(path.read_text()):
                    yield f"{path.relative_to(ROOT)}:{line}: '{words}': the word is {better}"
