# SPDX-License-Identifier: Apache-2.0
"""Tables of the mutants, of ``docs/results/data/mutants.json`` and ``python_mutants.json``."""

from __future__ import annotations

from typing import Any

from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.reports import measured


def _code(text: str) -> str:
    return f"`` {text.replace('|', chr(92) + '|')} ``"


def _rate(killed: int, survive: int) -> str:
    counted = killed + survive
    return f"{100 * killed / counted:.0f} %" if counted else "-"


def _rows(result: str, name: str) -> list[dict[str, Any]]:
    if not measured.path_of(result).is_file():
        return []
    return [row for row in measured.read(result).rows if row["table"] == name]


def modules_table(result: str = "mutants") -> str:
    """A row for each module: mutants there are, run, killed, equal, surviving; then their sum."""
    keys = ("mutants", "run", "killed", "equal", "survive")
    rows = _rows(result, "modules")
    rows.append({"module": "", **{key: sum(row[key] for row in rows) for key in keys}})
    body = [
        (
            f"`{row['module']}`" if row["module"] else "all",
            *(str(row[key]) for key in keys),
            _rate(row["killed"], row["survive"]),
        )
        for row in rows
    ]
    return table(("module", "mutants", "run", "killed", "equal", "survive", "rate"), body)


def survivors_table(result: str = "mutants") -> str:
    """A row for each mutant that no test finds: its verdict and why."""
    body = [
        (f"`{row['module']}`", _code(row["code"]), _code(row["change"]),
         "equivalent: " + row["by"] if row["end"] == "argued" else "hole")
        for row in (*_rows(result, "argued"), *_rows(result, "survives"))
    ]  # fmt: skip
    return table(("module", "line", "change", "verdict"), body or [("-", "-", "-", "-")])
