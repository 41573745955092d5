# SPDX-License-Identifier: Apache-2.0
"""The table that ``make sim`` prints, a row for each model and configuration."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The one table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="trained models on the RTL")
    heads = ("model", "configuration", "frames", "mismatching\noutputs", "cycles/frame\nmeasured",
             "cycles/frame\npredicted", "frames not in\ntheir cycle", "kept\nweights",
             "MAC\nefficiency", "frame\nefficiency", "simulated\ncycles/s", "task result",
             "RTL", "float")  # fmt: skip
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i < 2 or i == 11 else "right", no_wrap=True)
    for r in rows:
        table.add_row(
            r["model"],
            r["config"],
            str(r["frames"]),
            str(r["mismatches"] + r["state_mismatches"]),
            f"{r['cycles_per_frame']:.2f}",
            f"{r['cycles_per_frame_predicted']:.2f}",
            str(r["cycle_mismatches"]),
            str(r["kept_weights"]),
            f"{r['mac_efficiency']:.3f}",
            f"{r['frame_efficiency']:.3f}",
            f"{r['cycles_per_second']:,.0f}",
            f"{r['task_metric']} of {r['task_items']}",
            f"{r['task_value']:.2f}",
            f"{r['task_value_float']:.2f}",
        )
    # A log has no width of its own: nothing is cut there.
    Console(width=None if sys.stdout.isatty() else 190).print(table)
