# SPDX-License-Identifier: Apache-2.0
"""The table of ``make sim``, a row for each model and configuration."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from csb_rnn.experiments.reports import measured
from csb_rnn.verify import loss

WIDTH = 100  # columns


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The one table, at most 100 columns wide; ``summary.json`` has more figures.

    "cycles differ" counts frames with another cycle than predicted: if it is 0, the predicted
    cycles per frame are the measured ones.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title="trained models on the RTL", box=None, padding=(0, 1, 0, 0))
    heads = ("model", "configuration", "frames", "outputs\ndiffer", "cycles\ndiffer",
             "cycles/\nframe", "kept\nweights", "MAC\neff.", "frame\neff.",
             "result", "\nRTL", "\nfloat")  # fmt: skip
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i < 2 or i == 9 else "right", no_wrap=True)
    for r in rows:
        table.add_row(
            r["model"],
            r["config"],
            str(r["frames"]),
            str(r["mismatches"] + r["state_mismatches"]),
            str(r["cycle_mismatches"]),
            f"{r['cycles_per_frame']:.2f}",
            str(r["kept_weights"]),
            f"{r['mac_efficiency']:.3f}",
            f"{r['frame_efficiency']:.3f}",
            r["task_metric"],
            f"{r['task_value']:.2f}",
            f"{r['task_value_float']:.2f}",
        )
    # A log has no width of its own: nothing is cut there.
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)
    for r in rows:
        text = f"{r['model']} on {r['config']} {'; '.join(loss.describe(r))}"
        print(textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False))
        if r["warning"]:
            print(f"{r['model']} on {r['config']}: {r['warning']}", file=sys.stderr)


def kept(r: dict[str, Any]) -> dict[str, Any]:
    """The row as it is kept for README: figures that do not depend on the speed of a machine."""
    flat = {
        **r,
        "difference": r["accuracy"]["largest"],
        "difference_999": r["accuracy"]["percentile"],
        "saturated": sum(n for place, n in r["saturated"].items() if place not in loss.HARMLESS),
    }
    return {key: flat[key] for _, key in measured.SIM_COLUMNS}
