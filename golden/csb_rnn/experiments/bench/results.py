# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark: three results, each measured and kept by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

from csb_rnn.experiments.bench.models import MODELS
from csb_rnn.experiments.bench.tables import Row
from csb_rnn.experiments.reports import measured

#: Parts of the benchmark, and the figures of each; the result of a part is ``engine_PART``.
PARTS = {
    "layers": "programs of single layers, counted",
    "trained": "those of the layers of shipped checkpoints",
    "paper": "the published machine and its compiler, solved by Z3",
    "frames": "whole models, on the RTL where its simulation is built",
}

ORDER = {name: i for i, name in enumerate(MODELS)}


def place(row: Row) -> tuple[int, str]:
    """Where a row stands: the published models in order, others behind the one of their shape."""
    return ORDER.get(row["model"].split(" (")[0], -1), row["model"]


def result_of(part: str) -> str:
    """Name of a part's kept result."""
    return f"engine_{part}"


@dataclasses.dataclass
class Results:
    """Rows as measured, by part.

    Attributes:
        notes: sentences about the frames' run.
    """

    layers: list[Row] = dataclasses.field(default_factory=list)
    trained: list[Row] = dataclasses.field(default_factory=list)
    paper: list[Row] = dataclasses.field(default_factory=list)
    frames: list[Row] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def efficiency(self) -> list[Row]:
        """Rows of single layers, whoever compiled them, in the order of the published models."""
        rows = [*self.layers, *self.trained, *self.paper]
        return sorted(rows, key=lambda r: (place(r), r["layer"], r["block"]))

    @property
    def latency(self) -> list[Row]:
        """Rows of whole models."""
        return self.frames

    def note(self, text: str) -> None:
        """Keep a sentence, once."""
        if text not in self.notes:
            self.notes.append(text)

    def keep(self, part: str, began: measured.Measured, folder: Path = measured.FOLDER) -> None:
        """Write the result of a part."""
        notes = self.notes if part == "frames" else ()
        measured.write(result_of(part), getattr(self, part), began, notes, folder)


def read(folder: Path = measured.FOLDER, parts: Collection[str] = tuple(PARTS)) -> Results:
    """The kept results of parts; the others have no rows.

    Raises:
        MeasuredError: one is missing or damaged.
    """
    found = {part: measured.read(result_of(part), folder) for part in parts}
    notes = list(found["frames"].notes) if "frames" in found else []
    return Results(**{part: one.rows for part, one in found.items()}, notes=notes)


def kept_parts(folder: Path = measured.FOLDER) -> list[str]:
    """Kept parts in a folder."""
    return [part for part in PARTS if measured.path_of(result_of(part), folder).is_file()]
