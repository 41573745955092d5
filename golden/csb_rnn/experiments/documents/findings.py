# SPDX-License-Identifier: Apache-2.0
"""Pages written by hand: links, files, tests and constants in them must exist."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from csb_rnn.execution import units
from csb_rnn.experiments.documents.tables import DOCS, configurations
from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.folders import ROOT


def value_of(expression: str, c: Config) -> int:
    """A sum of numbers, RS, w and D of a configuration, such as ``7 + RS + 2*D``.

    Raises:
        ValueError: it is something else.
    """
    known = {"RS": c.reduce_stages, "w": c.sub_slots, "D": c.deep}
    terms = [term.strip().split("*") for term in expression.split("+")]
    return sum(math.prod(known[f] if f in known else int(f) for f in term) for term in terms)


def wrong_constants(text: str) -> Iterator[str]:
    """Every `NAME = value` in a page is the one of csb_rnn.machine.isa or
    csb_rnn.execution.units."""
    known = r"`([A-Z]+_[A-Z_]+|EVENTS|acc_raw|lat_\w+) = ([^`]+)`"
    for name, expression in re.findall(known, text):
        value = getattr(isa, name, getattr(units, name, None))
        if value is None:
            yield f"no constant {name}"
            continue
        for c in configurations():
            if value_of(expression, c) != (value(c) if callable(value) else value):
                yield f"{name} is not {expression} in {c.name}"
                break


def anchors(text: str) -> set[str]:
    """Places of a page for links: its headings, as GitHub writes them, and its ``id``s.

    Example: the heading ``## 2. A `GRU` (small)`` is ``2-a-gru-small``.
    """
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = set(re.findall(r'<a id="([^"]+)"', text))
    for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"\]\([^)]*\)", "", title).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return found


def missing_files(text: str, where: Path) -> Iterator[str]:
    """Relative links, their places in pages, files and tests of a page exist."""
    for link, place in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?[^)]*\)", text):
        if ":" in link:
            continue
        target = where / link
        if not target.exists():
            yield f"no link target {link}"
        elif place and (not link or target.suffix == ".md"):
            page = text if not link else target.read_text()
            if place not in anchors(page):
                yield f"no place {link}#{place}"
    paths = (
        r"\b((?:tests|tb|golden|hdl|docs|scripts)/[\w/]+\.(?:py|svh?|toml|md|f|vlt|sh))(?!\w|\.\w)"
    )
    for path, test in re.findall(paths + r"(?:::(\w+))?", text):
        file = ROOT / path
        if not file.exists():
            yield f"no file {path}"
        elif test and not re.search(rf"^(async )?def {test}\b", file.read_text(), re.MULTILINE):
            yield f"no test {path}::{test}"


def findings() -> list[str]:
    """Faults of pages, and hardware modules missing in ``docs/develop/blocks``."""
    others = [*ROOT.glob("*.md"), *(ROOT / "checkpoints").glob("*.md")]
    others += [p for top in ("examples", "drivers") for p in (ROOT / top).rglob("*.md")]
    pages = sorted({*DOCS.rglob("*.md"), *others})
    out = []
    for file in pages:
        text = file.read_text()
        wrong = [*wrong_constants(text), *missing_files(text, file.parent)]
        out += [f"{file.relative_to(ROOT)}: {w}" for w in dict.fromkeys(wrong)]
    named = "".join(p.read_text() for p in (DOCS / "develop/blocks").glob("*.md"))
    for source in sorted((ROOT / "hdl").rglob("*.sv")):
        if not re.search(rf"\b{source.stem}\b", named):
            out.append(f"docs/develop/blocks: no page names {source.stem}")
    return out
