# SPDX-License-Identifier: Apache-2.0
"""The table of the importer's operators."""

from __future__ import annotations

import re

from csb_rnn.experiments.documents.tables import table
from csb_rnn.network.onnx.rules import RULES


def operator_table() -> str:
    """Operators of ONNX with rules, from the importer's own table."""
    sections = {"recurrent": "a layer", "engine": "values of the engine",
                "repeated": "an initial state", "sizes": "a shape"}  # fmt: skip
    found: dict[tuple[str, str, str], list[str]] = {}
    for (domain, kind, on), rule in RULES.items():
        text = re.sub(r"``", "`", " ".join((rule.__doc__ or "").split())).rstrip(".")
        name = f"{domain}.{kind}" if domain else kind
        found.setdefault((on, text, rule.__name__), []).append(f"`{name}`")
    order = list(sections)
    rows = [
        (", ".join(names), sections[on], text)
        for (on, text, _), names in sorted(found.items(), key=lambda r: order.index(r[0][0]))
    ]
    return table(("operator", "on", "meaning"), rows)
