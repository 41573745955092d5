# SPDX-License-Identifier: Apache-2.0
"""Files that outsiders look for: one version, a changelog that has it, workflows that cover."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from csb_rnn.experiments import release
from csb_rnn.machine.folders import ROOT
from csb_rnn.machine.version import __version__
from tests.helpers import command

FILES = ("CHANGELOG.md", "CITATION.cff", "csb_rnn.core")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_text((ROOT / name).read_text())
    return tmp_path


def test_one_version_everywhere(copy: Path) -> None:
    assert release.version() == release.changelog() == release.citation() == []
    assert len(release.version(copy, "9.0.0")) == 2
    assert len(release.version(copy, "9.0")) == 3
    assert "the newest release is" in release.changelog(copy, "9.0.0")[0]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (f"[{__version__}] - ", f"[{__version__}] ", "the newest release is none"),
        ("### Added", "### News", "unknown kind 'News'"),
        ("\n- ", "\n* ", "has no entry"),
        ("## [", "## [Unreleased]\n\n## [9.9.9] - 1999-01-01\n- x\n\n## [", "not in order"),
    ],
)
def test_a_wrong_changelog_is_found(copy: Path, old: str, new: str, finding: str) -> None:
    text = (copy / "CHANGELOG.md").read_text()
    changed = text.replace(old, new) if old == "\n- " else text.replace(old, new, 1)
    (copy / "CHANGELOG.md").write_text(changed)
    assert any(finding in line for line in release.changelog(copy)), release.changelog(copy)


def test_a_citation_of_another_day_is_found(copy: Path) -> None:
    file = copy / "CITATION.cff"
    file.write_text(file.read_text().replace("date-released: 2", "date-released: 1"))
    assert release.citation(copy)


def test_workflow_runs_the_whole_suite() -> None:
    """Its parts are the folder ``tests`` without ``tests/rtl``, and that on each simulator."""
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    parts = set(re.findall(r"sim: (\w+), tests: ([^}]*)}", text))
    assert parts == {
        ("both", "tests --ignore=tests/rtl"), ("verilator", "tests/rtl"), ("icarus", "tests/rtl"),
    }  # fmt: skip
    assert "make test" in (ROOT / ".ci/run").read_text()
    options = re.search(
        r"^test:.*\n\t\$\(PYTHON\) (.*) tests$", (ROOT / "Makefile").read_text(), re.M
    )
    assert f"{options[1]} ${{{{ matrix.tests }}}}" in text
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    used = set()
    for file in (ROOT / ".github/workflows").glob("*.yml"):
        used |= set(re.findall(r"make ([a-z-]+)", file.read_text()))
    assert used <= targets


def test_nightly_lists_its_steps(capsys) -> None:
    assert command("nightly", "--list") == 0
    assert "nightly_tests" in json.loads(capsys.readouterr().out)


def test_hooks_are_gates_that_exist() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    entries = re.findall(r"entry: (.*)", text)
    assert [e.split()[0] for e in entries] == [".venv/bin/ruff"] * 2 + [".venv/bin/python", "make"]
    for entry in entries[:3]:  # the options are those of make lint
        assert all(word in entry for word in (("mypy",) if "mypy" in entry else ("ruff",)))


def test_links_of_these_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md")]
    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert dead == []
