# SPDX-License-Identifier: Apache-2.0
"""Records of pruning as a result: how many of each task, and whether they can be made again.

The records themselves are ``docs/results/tries/TASK.jsonl``, a line for each training, made over
days; the result ``pruning`` holds a hash of each file, so a changed line is found, and the sources
of the oldest records. To confirm the same figures by today's code, a few tries are made
again in a folder of their own and compared in every figure but their time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.reports.measured import Found, Row
from csb_rnn.experiments.tasks.plans import PLANS
from csb_rnn.experiments.tasks.records import FOLDER, Records

NAME = "pruning"
KINDS = ("dense", "try", "measure")
KEY = ("kind", "task", "scheme", "rate", "seed")
LOOSE = ("cpu_seconds",)


def rows(folder: Path = FOLDER) -> list[Row]:
    """A row for each task with records: their numbers by kind, a hash of the file."""
    out = []
    for task in PLANS:
        records = Records(task, folder)
        if records.lines:
            digest = hashlib.sha256(records.path.read_bytes()).hexdigest()[:12]
            counts = {kind: len(records.of(kind)) for kind in KINDS}
            out.append({"task": task, **counts, "lines": len(records.lines), "digest": digest})
    return out


def changed(folder: Path = FOLDER, data: Path = measured.FOLDER) -> list[str]:
    """A line for each task with other records than in the result."""
    kept = {row["task"]: row for row in measured.read(NAME, data).rows}
    now = {row["task"]: row for row in rows(folder)}
    return [
        f"docs/results/tries/{task.lower()}.jsonl: not the records of docs/results/data/{NAME}.json"
        for task in {**kept, **now}
        if kept.get(task) != now.get(task)
    ]


def known(folder: Path = FOLDER, data: Path = measured.FOLDER) -> str:
    """The result with new records; commit and sources stay those of the oldest ones."""
    path = measured.path_of(NAME, data)
    began = measured.read(NAME, data) if path.is_file() else measured.begin(NAME)
    return measured.text_of(NAME, rows(folder), began)


def _lines(folder: Path) -> dict[tuple[Any, ...], Row]:
    found = (line for task in PLANS for line in Records(task, folder).lines)
    return {tuple(line.get(k) for k in KEY): line for line in found}


def compare(again: Path, folder: Path = FOLDER) -> Found:
    """Records made again, beside those of the same name."""
    kept, wrong, equal = _lines(folder), [], 0
    for key, line in _lines(again).items():
        if (was := kept.get(key)) is None:
            continue
        other = [k for k in was if k not in LOOSE and measured.differ(was[k], line.get(k))]
        equal += not other
        name = " ".join(str(part) for part in key if part is not None)
        wrong += [f"{name}: {k} {line.get(k)}, the record has {was[k]}" for k in other]
    return Found(equal, wrong)


def confirm(again: Path, folder: Path = FOLDER, data: Path = measured.FOLDER) -> str:
    """Records of another folder: if all equal the kept ones, today's sources are theirs.

    Raises:
        MeasuredError: a record differs, or none of them is kept.
    """
    total = len(_lines(folder))
    return measured.accept(NAME, compare(again, folder), total, data)
