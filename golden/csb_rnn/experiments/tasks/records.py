# SPDX-License-Identifier: Apache-2.0
"""Records of finished tries: one JSON object a line, a file a task, in ``docs/results/tries``.

A line is never changed. Its ``kind`` is ``dense`` (one for each seed), ``dense_long`` (for a
variant with longer training), ``try`` (a scheme at a rate with a seed) or ``measure`` (fixed-point
result and engine cycles of a try). The report and the choice of the next try read nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from csb_rnn.experiments.tasks.base import TaskError
from csb_rnn.machine.folders import ROOT

__all__ = ["FOLDER", "Records"]

FOLDER = ROOT / "docs" / "results" / "tries"


class Records:
    """All lines of one task."""

    def __init__(self, task: str, folder: Path = FOLDER) -> None:
        self.task = task
        self.path = folder / f"{task.lower()}.jsonl"
        self.lines: list[dict[str, Any]] = []
        if self.path.is_file():
            for number, line in enumerate(self.path.read_text().splitlines(), 1):
                try:
                    self.lines.append(json.loads(line))
                except json.JSONDecodeError:
                    raise TaskError(
                        f"{self.path}: line {number} is damaged; delete it to repeat that try"
                    ) from None

    def add(self, line: dict[str, Any]) -> None:
        """Append a line, in memory and on disk."""
        self.lines.append(line)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def of(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Lines of a kind whose fields have these values."""
        return [
            line
            for line in self.lines
            if line["kind"] == kind and all(line.get(k) == v for k, v in fields.items())
        ]

    def results(self, scheme: str) -> dict[tuple[float, int], dict[str, Any]]:
        """``(rate, seed)`` -> the try."""
        return {(line["rate"], line["seed"]): line for line in self.of("try", scheme=scheme)}

    def dense(self, seeds: Iterable[int]) -> list[dict[str, Any]] | None:
        """The dense results of some seeds, None if one is missing."""
        by_seed = {line["seed"]: line for line in self.of("dense")}
        wanted = list(seeds)
        return [by_seed[s] for s in wanted] if all(s in by_seed for s in wanted) else None
