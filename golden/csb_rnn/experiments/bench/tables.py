# SPDX-License-Identifier: Apache-2.0
"""A table of text, and the common choice of rows of all tables of the benchmark."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

Row = dict[str, Any]
Some = TypeVar("Some", bound=Mapping[str, Any])  # rows of any kind
LEAST_IDEAL = 100  # least ideal cycles of a layer-block pair in the mean


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text under heads; all columns but the first ``left`` are numbers."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    left: int = 1
    note: str = ""

    def markdown(self) -> str:
        rule = ["---" if i < self.left else "--:" for i in range(len(self.heads))]
        return "\n".join("| " + " | ".join(r) + " |" for r in (self.heads, rule, *self.rows))


def three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return statistics.fmean(values) if values else None


def pick(rows: Iterable[Some], **want: Any) -> list[Some]:
    """Rows with these values."""
    return [r for r in rows if all(r[k] == v for k, v in want.items())]


def long_enough(row: Row) -> bool:
    return row["kept_weights"] / row["pes"] >= LEAST_IDEAL
