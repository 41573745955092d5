# SPDX-License-Identifier: Apache-2.0
"""Tables of the proofs, of ``docs/results/data/formal.json``."""

from __future__ import annotations

from typing import Any

from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.reports import measured


def _when(cycle: int) -> str:
    return f"cycle {cycle}" if cycle >= 0 else "the step"


def _code(text: str) -> str:
    return f"`` {text.replace('|', chr(92) + '|')} ``" if text else "(left out)"


def _names(row: dict[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in row["modules"])


def proofs_table() -> str:
    """A row for each proof: property, modules, assertions, covers, bugs."""
    body = [
        (
            row["proof"],
            row["says"],
            _names(row),
            str(row["assertions"]),
            f"{row['covers']} in {row['deepest']}",
            f"{len(row['bugs'])} of {row['planted']}",
        )
        for row in measured.read("formal").rows
    ]
    heads = ("proof", "property", "modules", "assertions", "covers, cycles", "bugs found")
    return table(heads, body)


def bugs_table() -> str:
    """A row for each planted bug: the text, the assertion that breaks, and where."""
    body = [
        (row["proof"], f"`{bug['file']}`", _code(bug["new"]), f"`{bug['by']}`", _when(bug["cycle"]))
        for row in measured.read("formal").rows
        for bug in row["bugs"]
    ]
    return table(("proof", "file", "wrong text", "breaks", "in"), body)
