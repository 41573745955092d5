# SPDX-License-Identifier: Apache-2.0
"""Measured results as files of the repository, each with a hash of the sources it was measured on.

A table in README or docs is generated from such a file, so it is never older than its file; the
hash tells whether the file is older than the sources. Example: ``docs/results/data/sim.json`` holds
the rows of ``make sim``; after a change of ``hdl/`` its hash differs, ``make lint`` warns and the
nightly run fails until the table is measured again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from csb_rnn.errors import CsbError
from csb_rnn.machine.folders import ROOT

FOLDER = ROOT / "docs/results/data"
SUFFIXES = {".py", ".sv", ".svh", ".toml", ".npz"}

_MACHINE = ("hdl", *(f"golden/csb_rnn/{room}" for room in (
    "machine", "cells", "network", "models", "program", "execution", "compiler", "flow",
    "simulation", "verify")))  # fmt: skip

#: Files that decide a result, by its name; folders count with all that is in them.
SOURCES: dict[str, tuple[str, ...]] = {
    "sim": (*_MACHINE, "checkpoints", "scripts/sim.py"),
}

#: Command that measures a result and writes its file.
COMMANDS = {"sim": "scripts/sim.py --results"}


#: Columns of the table of ``make sim``: head, key of a row. Speeds of a machine are not kept.
SIM_COLUMNS = (
    ("model", "model"),
    ("configuration", "config"),
    ("frames", "frames"),
    ("outputs that differ", "mismatches"),
    ("states", "state_mismatches"),
    ("cycles", "cycle_mismatches"),
    ("cycles/frame", "cycles_per_frame"),
    ("predicted", "cycles_per_frame_predicted"),
    ("kept weights", "kept_weights"),
    ("MAC efficiency", "mac_efficiency"),
    ("frame efficiency", "frame_efficiency"),
    ("task result", "task_metric"),
    ("RTL", "task_value"),
    ("float", "task_value_float"),
    ("of", "task_items"),
    ("simulator", "sim"),
)


class MeasuredError(CsbError, ValueError):
    """A result file that is missing or damaged; one line for the user."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """A result.

    Attributes:
        sources: hash of the sources that it was measured on.
        rows: the table, one object a row.
    """

    sources: str
    rows: list[dict[str, Any]]


def source_hash(name: str, root: Path = ROOT) -> str:
    """Hash of the sources of a result, with the names of their files."""
    digest = hashlib.sha256()
    for top in SOURCES[name]:
        path = root / top
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and file.suffix in SUFFIXES:
                digest.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def read(name: str, folder: Path = FOLDER) -> Measured:
    """The result of a name.

    Raises:
        MeasuredError: no such file, or it is damaged.
    """
    path = folder / f"{name}.json"
    try:
        value = json.loads(path.read_text())
        return Measured(str(value["sources"]), [dict(row) for row in value["rows"]])
    except FileNotFoundError:
        raise MeasuredError(f"{path}: no such result; {COMMANDS[name]} makes it") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MeasuredError(f"{path}: damaged: {error!r}") from None


def write(name: str, rows: list[dict[str, Any]], folder: Path = FOLDER) -> None:
    """Keep a result that was measured on the sources as they are now."""
    folder.mkdir(parents=True, exist_ok=True)
    value = {"sources": source_hash(name), "command": COMMANDS[name], "rows": rows}
    new = folder / f"{name}.json.new"
    new.write_text(json.dumps(value, indent=1) + "\n")
    new.replace(folder / f"{name}.json")


def stale(folder: Path = FOLDER, root: Path = ROOT) -> list[str]:
    """A line for each result whose sources have changed since, or that is not there."""
    found = []
    for name in SOURCES:
        try:
            old = read(name, folder).sources != source_hash(name, root)
        except MeasuredError as error:
            found.append(str(error))
            continue
        if old:
            found.append(
                f"docs/results/data/{name}.json: its sources have changed since it was measured; "
                f"{COMMANDS[name]} measures again"
            )
    return found


def differences(name: str, rows: list[dict[str, Any]], keys: tuple[str, ...]) -> list[str]:
    """A line for each figure of a run that is not that of the kept result.

    Args:
        rows: of the run; rows are told apart by ``model``, ``config`` and ``sim``.
        keys: figures that are compared; a float may differ in its sixth digit.
    """
    kept = {(r["model"], r["config"], r["sim"]): r for r in read(name).rows}
    found = []
    for row in rows:
        old = kept.get((row["model"], row["config"], row["sim"]))
        if old is None:
            continue
        for key in keys:
            was, now = old[key], row[key]
            close = isinstance(was, float) and abs(was - now) <= 1e-6 * max(abs(was), abs(now))
            if was != now and not close:
                place = f"{row['model']} on {row['config']}"
                found.append(f"{place}: {key} {now:g}, docs/results/data/{name}.json has {was:g}")
    return found
