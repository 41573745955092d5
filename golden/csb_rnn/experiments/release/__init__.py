# SPDX-License-Identifier: Apache-2.0
"""Checks before a release: one version everywhere, a changelog that has it, a wheel and a kit.

Each check gives findings, lines that name the file; an empty list is good. Example: after a change
of ``__version__`` alone, the changelog, the citation and the FuseSoC core are findings.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from csb_rnn.machine.folders import ROOT
from csb_rnn.machine.version import __version__

SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")
RELEASE = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\d{4}-\d\d-\d\d))?$", re.MULTILINE)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def version(root: Path = ROOT, number: str = __version__) -> list[str]:
    """The version is one of semver.org; citation and FuseSoC core have the same."""
    found = [] if SEMVER.fullmatch(number) else [f"version.py: {number} is no semantic version"]
    for name, line in (("CITATION.cff", f"version: {number}"), ("csb_rnn.core", f":{number}")):
        lines = (root / name).read_text().splitlines()
        if not any(text.endswith(line) for text in lines):
            found.append(f"{name}: has no version {number}")
    return found


def changelog(root: Path = ROOT, number: str = __version__) -> list[str]:
    """The newest release in the changelog is this version, with a date, entries and kinds of Keep a
    Changelog; releases are in order."""
    text = (root / "CHANGELOG.md").read_text()
    heads = list(RELEASE.finditer(text))
    releases = [h for h in heads if h["version"] != "Unreleased"]
    found = []
    if not releases or releases[0]["version"] != number:
        newest = releases[0]["version"] if releases else "none"
        found.append(f"CHANGELOG.md: the newest release is {newest}, the version {number}")
    found += [f"CHANGELOG.md: {h['version']} has no date" for h in releases if not h["date"]]
    dates = [h["date"] or "" for h in releases]
    if dates != sorted(dates, reverse=True):
        found.append("CHANGELOG.md: releases are not in order, the newest first")
    wrong = sorted(set(re.findall(r"^### (.*)$", text, re.MULTILINE)) - KINDS)
    found += [f"CHANGELOG.md: unknown kind '{kind}'" for kind in wrong]
    ends = [*(h.start() for h in heads[1:]), len(text)][: len(heads)]
    for head, end in zip(heads, ends, strict=True):
        if head in releases and "\n- " not in text[head.end() : end]:
            found.append(f"CHANGELOG.md: {head['version']} has no entry")
    return found


def citation(root: Path = ROOT) -> list[str]:
    """The day of the citation is that of the newest release."""
    dates = [h["date"] for h in RELEASE.finditer((root / "CHANGELOG.md").read_text()) if h["date"]]
    line = f"date-released: {dates[0] if dates else ''}"
    return [] if line in (root / "CITATION.cff").read_text() else [f"CITATION.cff: no {line}"]


def wheel(root: Path = ROOT) -> list[str]:
    """The wheel is built, without a network, and carries design, drivers, results and version."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"]
        command += ["--no-build-isolation", "-w", folder, str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        files = list(Path(folder).glob("*.whl"))
        if done.returncode or len(files) != 1:
            return [f"wheel: {(done.stderr.strip() or 'not built').splitlines()[-1]}"]
        with zipfile.ZipFile(files[0]) as archive:
            names = set(archive.namelist())
        wanted = ("hdl/csb_top.sv", "drivers/c/csb_rnn.h", "docs/results/data/sim.json")
        found = [f"wheel: no {n}" for n in wanted if f"csb_rnn/_data/{n}" not in names]
        if f"csb_rnn-{__version__}-" not in files[0].name:
            found.append(f"wheel: {files[0].name} is not version {__version__}")
        return found


def site(root: Path = ROOT) -> list[str]:
    """``make site`` has built the site: its first page and its search."""
    wanted = ("index.html", "search/search_index.json")
    return [f"build/site: no {n}" for n in wanted if not (root / "build/site" / n).is_file()]


def kit(root: Path = ROOT) -> list[str]:
    """A kit of ``small`` is written: it has its wrapper, and the version in its core."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "kit"
        program = "from csb_rnn.cli.main import main; main()"
        command = [sys.executable, "-c", program, "rtl", "--config", "small", "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
        if done.returncode:
            return [f"kit: {done.stderr.strip().splitlines()[-1]}"]
        cores = [file.read_text() for file in out.glob("*.core")]
        if not any(f":{__version__}" in text for text in cores):
            return [f"kit: its core has no version {__version__}"]
        return []


CHECKS: Mapping[str, Callable[[], list[str]]] = {
    "version": version,
    "changelog": changelog,
    "citation": citation,
    "wheel": wheel,
    "site": site,
    "kit": kit,
}
