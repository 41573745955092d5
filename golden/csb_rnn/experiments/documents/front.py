# SPDX-License-Identifier: Apache-2.0
"""Figures and outputs in README.md and the guide: all from kept results or a run.

Example: the cycles in README's first paragraph are those of ``docs/results/data/sim.json``, which
``scripts/sim.py --results`` measures on the RTL.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config
from csb_rnn.machine.folders import ROOT

ESTIMATE = ("estimate", "checkpoints/z2_gru.npz", "--config", "small", "--clock", "100e6")
#: Of each task: its name for outsiders, and the network.
TASKS = {
    "z2_gru": ("spoken digits", "GRU 39 -> 256, 1 of 40 weights"),
    "z6_lstm": ("sentiment of sentences", "LSTM 50 -> 256, 1 of 32 weights"),
}


def rows_of(name: str, **wanted: Any) -> list[dict[str, Any]]:
    """Rows of a kept result with these values."""
    rows = measured.read(name).rows
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def brings_text() -> str:
    """Two sentences of figures on the project."""
    (digits,) = rows_of("sim", model="z2_gru", config="paper256")
    (small,) = rows_of("sim", model="z2_gru", config="small")
    frames = rows_of("engine_frames", config="paper512", streams=1, bound_by_recurrence=False)
    busy = [row["frame_efficiency"] for row in frames if "(" not in row["model"]]
    total = measured.read("sim").rows
    differ = sum(
        r[key]
        for r in total
        for key in ("mismatches", "state_mismatches", "cycle_mismatches")
    )  # fmt: skip
    return "\n".join(
        (
            "A GRU for spoken digits keeps 1 of 40 weights and gets "
            f"{digits['task_value']:.1f} % of {digits['task_items']} test recordings right,",
            "as many as in float; 64 multipliers take "
            f"{small['cycles_per_frame']:.0f} cycles for a frame of it. On the large networks of "
            "the publication",
            f"512 multipliers spend {100 * min(busy):.0f} to {100 * max(busy):.0f} % of their time "
            f"on kept weights, and in {sum(row['frames'] for row in total):,} frames of trained "
            "networks",
            f"on the RTL {differ} outputs, states or cycles differ from the prediction.",
        )
    )


def outsiders_table() -> str:
    """The kept rows of ``make sim`` for readers who do not know the project."""
    body = []
    for row in measured.read("sim").rows:
        c = config.load(row["config"])
        task, network = TASKS[row["model"]]
        cycles = row["cycles_per_frame"]
        body.append(
            (
                task,
                network,
                f"`{row['config']}`, {c.pes}",
                f"{cycles:.0f}",
                f"{cycles / 100:.2f}",
                f"{row['task_value']:.1f} % of {row['task_items']}",
                f"{row['task_value_float']:.1f} %",
                f"{row['mismatches'] + row['state_mismatches'] + row['cycle_mismatches']} of "
                f"{row['frames']:,} frames",
            )
        )
    heads = ("task", "network", "machine, multipliers", "cycles a frame", "us at 100 MHz",
             "correct on the RTL", "in float", "differ from the model")  # fmt: skip
    return table(heads, body)


@functools.cache
def estimate_text() -> str:
    """A command and its output, as a terminal shows them."""
    command = [sys.executable, "-m", "csb_rnn.cli.main", *ESTIMATE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return f"```\n$ csb-rnn {' '.join(ESTIMATE)}\n{done.stdout}```"
