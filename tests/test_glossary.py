# SPDX-License-Identifier: Apache-2.0
"""One word, one meaning: the glossary is whole, linked from every page, and kept."""

from __future__ import annotations

import os
import re

import pytest

from csb_rnn.experiments.documents import glossary
from csb_rnn.machine.folders import ROOT


def test_every_word_has_one_entry() -> None:
    names = [entry["term"].lower() for entry in glossary.terms()]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("entry", glossary.terms(), ids=lambda entry: entry["term"])
def test_an_entry_is_a_sentence_with_a_home(entry) -> None:
    assert re.fullmatch(r".{20,240}\.", entry["means"])
    assert (ROOT / entry["home"]).is_file()


def test_every_page_links_to_the_glossary() -> None:
    assert [str(p.relative_to(ROOT)) for p in glossary.pages() if not glossary.links_here(p)] == []


def test_no_page_uses_a_term_before_its_link() -> None:
    found = {}
    for page in glossary.pages():
        link = os.path.relpath(glossary.PAGE, page.parent)
        if early := glossary.undefined(page.read_text(), link):
            found[str(page.relative_to(ROOT))] = early
    assert found == {}


def test_a_term_before_the_link_is_found() -> None:
    text = "# Rings\nTwo PEGroups.\nWords: [glossary](g.md), a ring"
    assert glossary.undefined(text, "g.md") == ["PEGroup"]
    assert glossary.undefined(text, "other.md") == ["PEGroup", "ring", "word"]


def test_every_term_has_a_place_to_link_to() -> None:
    page = glossary.PAGE.read_text()
    for entry in glossary.terms():
        assert page.count(f'<a id="{glossary.place_of(entry["term"])}"></a>') == 1


def test_no_word_has_another_meaning() -> None:
    assert list(glossary.wrong_words()) == []


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("L lanes of Q multipliers", "PE row"),
        ("q: multipliers of a lane.", "PE row"),
        ("each lane has Q multipliers", "PE row"),
        ("x_lanes = 2", "x_per_cycle"),
        (".XLanes(2)", "x_per_cycle"),
        ("c.out_lanes", "values_per_beat"),
        ("first word of a run", "streak"),
        ("the nightly run", "nightly suite"),
        ("needs_layer", "stage"),
        ("model.segments[0]", "span"),
        ("csb_rnn.pruning.segments import Labels", None),
        ("a data path lane has 32 registers; the run ends; the machine runs", None),
    ],
)
def test_other_meanings_are_found(text: str, better: str | None) -> None:
    assert [b for _, _, b in glossary.forbidden_uses(text)] == [better] * (better is not None)
