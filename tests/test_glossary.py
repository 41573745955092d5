# SPDX-License-Identifier: Apache-2.0
"""One word, one meaning: the glossary is whole, linked from every page, and kept."""

from __future__ import annotations

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
