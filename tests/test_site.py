# SPDX-License-Identifier: Apache-2.0
"""The site: every link of a page leads to something; nightly also its build and its pictures."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from csb_rnn.experiments.documents import first_uses, screenshots, site
from csb_rnn.machine.folders import ROOT


@pytest.fixture
def source(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(site, "SOURCE", tmp_path / "source")
    return tmp_path / "source"


def test_no_link_is_dead_and_every_page_is_there(source: Path) -> None:
    pages = site.prepare()
    assert {"index.md", "CHANGELOG.md", "docs/start/tutorial.md", "api/build.md"} <= set(pages)
    assert site.undefined(pages) == []
    listed = re.findall(r"^ +- (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert set(listed) <= set(pages)


def test_a_dead_link_is_found(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    for name in ("README.md", *site.TOP):
        (root / name).write_text("text\n")
    (root / "docs/a.md").write_text("[b](../README.md#x), [c](../LICENSE)\n```\n[no](link)\n```\n")
    assert "docs/a.md" in site.prepare(root)
    assert "[b](../index.md#x)" in (source / "docs/a.md").read_text()
    (root / "docs/a.md").write_text("[gone](gone.md)\n")
    with pytest.raises(site.SiteError, match=r"docs/a.md: dead link gone.md"):
        site.prepare(root)


def test_first_uses_are_linked() -> None:
    """In prose alone, the longest word first, once each; the rest of the page stays."""
    text = "# Rings\nA `ring` of PE rows:\n```\nring\n```\n* a ring, [ring](x.md), PE\nrows\n"
    done = first_uses.with_links(text, "g.md")
    assert re.sub(r' "[^"]*"', "", done) == (
        "# Rings\nA `ring` of [PE rows](g.md#pe-row):\n```\nring\n```\n"
        "* a [ring](g.md#ring), [ring](x.md), PE\nrows\n"
    )
    assert first_uses.unlinked(text) == ["PE row", "ring"]
    assert first_uses.unlinked(done.replace("g.md", "../glossary.md")) == []
    assert first_uses.unlinked("It runs. Two units wait for a run.\n") == ["unit", "run"]
    assert first_uses.with_links("no such thing\n", "g.md") == "no such thing\n"


def test_a_page_with_an_undefined_word_is_no_site(source: Path, monkeypatch) -> None:
    monkeypatch.setattr(site, "with_links", lambda text, page: text)
    found = site.undefined(site.prepare())
    assert any(
        line.startswith("docs/use/traces.md: used before they are linked:") for line in found
    )


@pytest.mark.nightly
def test_site_is_built_and_shown(tmp_path: Path) -> None:
    """No warning, no dead anchor, a search that finds the API, five pages at two widths."""
    if find_spec("mkdocs") is None or screenshots.browser() is None:
        pytest.skip("needs scripts/bootstrap.sh site and Chromium")
    assert site.build() > 40
    index = json.loads((site.SITE / "search/search_index.json").read_text())
    assert any("explore" in page["title"] for page in index["docs"])
    files = screenshots.take(site.SITE, tmp_path)
    assert len(files) == 10
    for file in files:
        width = int(file.stem.rpartition("_")[2])
        assert int.from_bytes(file.read_bytes()[16:20], "big") == width
        assert file.stat().st_size > 20_000, f"{file.name}: an empty page"
