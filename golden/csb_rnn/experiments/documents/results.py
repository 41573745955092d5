# SPDX-License-Identifier: Apache-2.0
"""Tables and pages of measured results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from csb_rnn.experiments.bench import page
from csb_rnn.experiments.documents.tables import DOCS, table
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


def result_pages() -> dict[Path, str]:
    """The pages of ``docs/results`` whose results are all there, and what each has to hold."""
    makers = {"engine": page.engine, "shared_columns": page.shared_columns}
    there = {
        name: all(measured.path_of(result).is_file() for result in page.PAGES[name])
        for name in makers
    }
    return {DOCS / f"results/{name}.md": make() for name, make in makers.items() if there[name]}
