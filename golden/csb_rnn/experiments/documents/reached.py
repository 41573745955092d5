# SPDX-License-Identifier: Apache-2.0
"""How far a result is from its goal: an empty text if it is reached, else a figure and the goal.

Example: a soak of 400,000 frames without a mismatch is ``400,000 of 1,000,000 frames``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from csb_rnn.experiments.faults.places import APART, PROTECTED
from csb_rnn.experiments.reports import measured

Rows = Sequence[dict[str, Any]]
FRAMES = 1_000_000
FLIPS = 2_000
LINES, TOGGLES = 99.0, 95.0  # percent of lines and branches, of toggles and expressions


def _part(rows: Rows, table: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["table"] == table]


def soak(rows: Rows) -> str:
    """A million frames without a mismatch."""
    sums = _part(rows, "soak")
    frames, wrong = (sum(row[key] for row in sums) for key in ("frames", "mismatches"))
    if wrong:
        return f"{wrong} mismatches"
    return "" if frames >= FRAMES else f"{frames:,} of {FRAMES:,} frames"


def functional(rows: Rows) -> str:
    """Every bin is hit."""
    bins, hit = (sum(row[key] for row in rows) for key in ("bins", "hit"))
    return "" if bins == hit else f"{hit} of {bins} bins"


def faults(rows: Rows) -> str:
    """Enough flips, none that hangs but in the parts that judge, with parity bits none silent in
    the memories that have them."""
    some = _part(rows, "places")
    flips = sum(row["flips"] for row in some)
    hung = sum(row["hung"] for row in some if row["place"] not in APART)
    protected = [r for r in some if r["place"] in PROTECTED and r.get("parity", 0)]
    silent = sum(row["silent"] for row in protected)
    found = [f"{flips:,} of {FLIPS:,} flips"] if flips < FLIPS else []
    found += [f"{hung} of {flips:,} flips hang without a code"] if hung else []
    found += [f"{silent} silent flips in memories with parity bits"] if silent else []
    found += [] if protected else ["no flips with parity bits"]
    return "; ".join(found)


def netlist(rows: Rows) -> str:
    """Both configurations ran: a row is of equal bits."""
    missing = {"tiny", "small"} - {row["config"] for row in rows}
    return f"not run: {', '.join(sorted(missing))}" if missing else ""


def coverage(rows: Rows) -> str:
    """Lines and branches, toggles and expressions of all modules."""
    found = []
    for kinds, goal in ((("line", "branch"), LINES), (("toggle", "expr"), TOGGLES)):
        for kind in kinds:
            points, hit = (sum(row[key] for row in rows) for key in (kind, f"{kind}_hit"))
            percent = 100 * hit / points if points else 0.0
            if percent < goal:
                found.append(f"{kind} {percent:.1f} of {goal:g} %")
    return "; ".join(found)


JUDGES: dict[str, Callable[[Rows], str]] = {
    "soak": soak,
    "functional": functional,
    "faults": faults,
    "netlist": netlist,
    "coverage": coverage,
}


def missing(name: str, folder: Path = measured.FOLDER) -> str:
    """What a result lacks; ``no result NAME`` if there is none."""
    if not measured.path_of(name, folder).is_file():
        return f"no result {name}"
    return JUDGES[name](measured.read(name, folder).rows)
