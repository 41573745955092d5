# SPDX-License-Identifier: Apache-2.0
"""Rows of the engine's page beside those before PE rows shared columns.

``docs/results/data/engine_before.json`` holds them as the page had them. A row that is more than
1 % worse today needs a reason in :data:`REASONS`. Example: 192 cycles a frame then and 194 today
are 1.04 % more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from csb_rnn.experiments.bench.results import Results
from csb_rnn.experiments.bench.tables import Table
from csb_rnn.experiments.reports import measured
from csb_rnn.machine.sharing_modes import PAPER_MODES

RECORD = measured.FOLDER / "engine_before.json"
WORSE = 1.01
ROUNDING = 0.0005  # of the efficiencies on the page
FORMATS = (
    "number formats: they decide the small weights that become zero, and other inputs to "
    "calibrate them with move the row by as many cycles"
)
CHECKPOINT = (
    "another checkpoint: the shipped one has been pruned again; inputs of the task: {task:.0f} "
    "cycles"
)
#: Model, configuration and streams of a row that is worse, and why.
REASONS = {
    ("SC2", "paper256", 1): FORMATS,
    ("SC2 (z6_lstm)", "paper256", 1): CHECKPOINT,
    ("SC2 (z6_lstm)", "paper512", 1): CHECKPOINT,
    ("SPP (z5_lstm)", "paper512", 1): FORMATS,
}


class Pair(NamedTuple):
    """A figure of a row, before and today.

    Attributes:
        row: model, configuration and streams, or the identity of a layer with its sharing.
        cycles: a frame's, both times; of a layer, per useful cycle of a PE.
    """

    row: tuple[Any, ...]
    before: float
    today: float

    @property
    def worse(self) -> bool:
        return self.today > WORSE * self.before


def _layers(old: dict[str, Any], results: Results) -> Iterator[Pair]:
    heads = ("model", "layer", "block", "rate", "pattern", "compiler", "sharing")
    today = {
        tuple(r[k] for k in heads): r["mac_efficiency"] for r in (*results.layers, *results.trained)
    }
    for name, block, rate, pattern, compiler, *values in old["layers"]:
        model, layer = name.split(" layer ")
        for sharing, value in zip(PAPER_MODES, values, strict=True):
            key = (model, int(layer), block, rate, pattern, compiler, sharing)
            if value is not None and key in today:
                yield Pair(key, 1 / value, 1 / (today[key] + ROUNDING))


def pairs(results: Results) -> list[Pair]:
    """Every figure that the page had before and has today."""
    old = json.loads(RECORD.read_text())
    today = {
        (r["model"], r["config"], r["streams"]): r["cycles_per_frame"]
        for r in results.frames
        if r["calibrated"] == "normal inputs"
    }
    frames = [
        Pair((model, config, streams), cycles, today[model, config, streams])
        for model, config, streams, _, cycles in old["frames"]
        if (model, config, streams) in today
    ]
    return [*frames, *_layers(old, results)]


def table(results: Results) -> Table:
    """The rows that are worse by more than 1 %, each with its reason."""
    found = pairs(results)
    task = {
        (r["model"], r["config"], r["streams"]): r["cycles_per_frame"]
        for r in results.frames
        if r["calibrated"] != "normal inputs"
    }
    lines = [
        (
            *(str(part) for part in p.row),
            f"{p.before:.1f}",
            f"{p.today:.1f}",
            REASONS[p.row].format(task=task.get(p.row, 0.0)) if p.row in REASONS else "unknown",
        )
        for p in found
        if p.worse
    ]
    commit = json.loads(RECORD.read_text())["commit"]
    note = (
        f"{len(found)} figures of this page are compared with those of commit `{commit}`, before "
        f"PE rows shared columns: {len(found) - len(lines)} are no more than 1 % worse."
    )
    heads = ("model", "configuration", "streams", "cycles before", "cycles today", "reason")
    return Table("rows worse by more than 1 % since shared columns", heads, lines, 2, note)
