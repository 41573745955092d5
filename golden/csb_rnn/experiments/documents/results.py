# SPDX-License-Identifier: Apache-2.0
"""The table of measured runs."""

from __future__ import annotations

from typing import Any

from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.reports import measured

FORMATS = {"cycles_per_frame": ".2f", "cycles_per_frame_predicted": ".2f",
           "mac_efficiency": ".3f", "frame_efficiency": ".3f",
           "task_value": ".2f", "task_value_float": ".2f"}  # fmt: skip


def results_table() -> str:
    """The kept rows of ``make sim``; a figure that a row does not have is shown as ``-``."""

    def cell(row: dict[str, Any], key: str) -> str:
        value = row.get(key)
        return "-" if value is None else format(value, FORMATS.get(key, ""))

    rows = measured.read("sim").rows
    body = [[cell(row, key) for _, key in measured.SIM_COLUMNS] for row in rows]
    return table([title for title, _ in measured.SIM_COLUMNS], body)
