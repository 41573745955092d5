# SPDX-License-Identifier: Apache-2.0
"""The first use of each glossary word on a page: linked to its meaning on the site.

Example: of ``A ring has PE rows; a ring drains.`` the site's page has
``A [ring](glossary.md#ring "One PE row of each ...") has [PE rows](...); a ring drains.``
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from csb_rnn.experiments.documents.glossary import place_of, terms

#: Not prose: fences, indented code, comments, tags, headings, links, inline code.
ASIDE = (
    r"(?s:^```.*?^```)",
    r"^(?: {4}|\t).*$",
    r"(?s:<!--.*?-->)",
    r"^(?:#|Words: ).*$",
    r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\([^)]*\)",
    r"``.*?``",
    r"`[^`\n]*(?:\n[^`\n]+)?`",
    r"</?\w[^>\n]*>",
)


#: Words with another meaning in plain language: they count behind an article or the like.
VERBS = {
    "bound",
    "deal",
    "drain",
    "level",
    "mark",
    "pass",
    "post",
    "room",
    "rotate",
    "run",
    "state",
    "wait",
}
NOUN = re.compile(r"\b(?:an?|the|this|each|every|one|its|per|of|\d+)\s+\Z", re.IGNORECASE)


class Use(NamedTuple):
    """A word of the glossary in a text; ``linked`` if it stands in a link to its meaning."""

    term: str
    begin: int
    end: int
    linked: bool


@cache
def _patterns() -> tuple[re.Pattern[str], dict[str, str]]:
    """Pattern of all words, the longest first, and each word's term by its lower case."""
    names = sorted((entry["term"] for entry in terms()), key=len, reverse=True)
    words = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in names)
    return re.compile(rf"(?<![\w./-])({words})s?(?![\w/-])", re.IGNORECASE), {
        name.lower(): name for name in names
    }


def first_uses(text: str, aside: tuple[str, ...] = ASIDE) -> Iterator[Use]:
    """The first use of each term in the prose of a page, in the order of the page.

    Args:
        text: Markdown.
        aside: patterns of parts that are no prose.
    """
    pattern, names = _patterns()
    skipped = re.compile("|".join(aside), re.MULTILINE)
    found: dict[str, Use] = {}
    at = 0
    for part in [*skipped.finditer(text), None]:
        end = len(text) if part is None else part.start()
        for use in pattern.finditer(text, at, end):
            term = names[" ".join(use[1].lower().split())]
            if term in VERBS and not NOUN.search(text, max(0, use.start() - 12), use.start()):
                continue
            found.setdefault(term, Use(term, use.start(), use.end(), False))
        if part is not None:
            for place in re.findall(r"glossary\.md#([\w-]+)", part[0]):
                for name in names.values():
                    if place == place_of(name):
                        found.setdefault(name, Use(name, part.start(), part.end(), True))
            at = part.end()
    return iter(sorted(found.values(), key=lambda use: use.begin))


def with_links(text: str, page: str) -> str:
    """A page whose first uses are links, each with the word's meaning as its title.

    Args:
        text: Markdown.
        page: of the glossary, as a link from this page.
    """
    means = {entry["term"]: entry["means"] for entry in terms()}
    for use in reversed([u for u in first_uses(text) if not u.linked]):
        title = means[use.term].replace('"', "'").replace("|", "/").replace("`", "")
        link = f'[{text[use.begin : use.end]}]({page}#{place_of(use.term)} "{title}")'
        text = text[: use.begin] + link + text[use.end :]
    return text


def unlinked(text: str) -> list[str]:
    """Terms whose first use is no link to their meaning."""
    return [use.term for use in first_uses(text) if not use.linked]
