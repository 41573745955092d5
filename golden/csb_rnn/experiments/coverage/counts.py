# SPDX-License-Identifier: Apache-2.0
"""Counts of Verilator's coverage points: read, merged over runs, added up by module.

A point is a line, a branch, a bit that toggles or a term of an expression, at a place of a source.
It is hit if any instance of its module, in any build and run, hit it. Points of assertions count
nowhere; :data:`EXCLUDED` names others, each with its reason.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from csb_rnn.experiments.mutants.source import BANNER
from csb_rnn.machine.design import HDL

KINDS = ("line", "branch", "toggle", "expr")
#: Points that no run can hit: file, a text of the line, the reason.
EXCLUDED: tuple[tuple[str, str, str], ...] = (
    ("", "default:  state_d = StIdle;", "a state that does not exist"),
    ("", "unused", "a net that keeps linters silent"),
)


class Point(NamedTuple):
    """A place of a source that a run hits or does not.

    Attributes:
        kind: of :data:`KINDS`.
        what: the bit or term, as Verilator writes it.
    """

    file: str
    line: int
    column: int
    kind: str
    what: str


def read(text: str) -> Iterable[tuple[Point, int]]:
    """The points of a file of counts, each as often as there are instances."""
    for line in text.splitlines():
        found = re.fullmatch(r"C '(.*)' (\d+)", line)
        if found is None:
            continue
        fields = dict(f.split("\x02", 1) for f in found[1].split("\x01") if "\x02" in f)
        kind = fields.get("page", "").split("/")[0].removeprefix("v_")
        kind = fields.get("t", kind) if kind not in KINDS else kind
        if kind in KINDS:
            place = int(fields.get("l", 0)), int(fields.get("n", 0))
            yield Point(Path(fields["f"]).name, *place, kind, fields.get("o", "")), int(found[2])


def merged(files: Iterable[Path]) -> Counter[Point]:
    """Hits of every point over all files; points without a hit are there with zero."""
    total: Counter[Point] = Counter()
    for file in files:
        for point, hits in read(file.read_text(errors="replace")):
            total[point] += hits
    return total


def counted(points: Mapping[Point, int]) -> dict[Point, int]:
    """Points of the design without assertions, packages, and what is excluded."""
    texts = {file.name: file.read_text() for file in HDL.rglob("*.sv")}
    lines = {name: text.splitlines() for name, text in texts.items()}
    last = {}
    for name, text in texts.items():
        banner = BANNER.search(text)
        last[name] = text.count("\n", 0, banner.start()) if banner else 10**9
    out = {}
    for point, hits in points.items():
        if point.file not in lines or point.file.endswith("_pkg.sv"):
            continue
        code = lines[point.file][point.line - 1]
        excluded = any(file in ("", point.file) and part in f"{code} {point.what}"
                       for file, part, _ in EXCLUDED)  # fmt: skip
        if point.line <= last[point.file] and "`CSB_" not in code and not excluded:
            out[point] = hits
    return out


def by_module(points: Mapping[Point, int]) -> list[dict[str, str | int]]:
    """A row for each module: points and hits of each kind."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for point, hits in points.items():
        module = point.file.removesuffix(".sv")
        table[module][point.kind] += 1
        table[module][f"{point.kind}_hit"] += hits > 0
    columns = [name for kind in KINDS for name in (kind, f"{kind}_hit")]
    return [{"module": m, **{c: table[m][c] for c in columns}} for m in sorted(table)]


def holes(points: Mapping[Point, int]) -> list[str]:
    """A line for each point without a hit."""
    some = sorted(point for point, hits in points.items() if not hits)
    return [f"{p.file}:{p.line}:{p.column}: {p.kind} {p.what}" for p in some]


def lcov(points: Mapping[Point, int]) -> str:
    """Hits of lines in lcov's format, from which ``genhtml`` makes pages."""
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for point, hits in points.items():
        if point.kind in ("line", "branch"):
            found[point.file][point.line] += hits
    out = []
    for file in HDL.rglob("*.sv"):
        if file.name in found:
            lines = sorted(found[file.name].items())
            out += [f"SF:{file}", *(f"DA:{line},{hits}" for line, hits in lines), "end_of_record"]
    return "\n".join(out) + "\n"
