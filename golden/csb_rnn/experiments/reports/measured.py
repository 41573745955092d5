# SPDX-License-Identifier: Apache-2.0
"""Measured results as files of the repository, each with a hash of the sources it was measured on.

A table in README or docs is generated from such files, so it is never older than they are; the
hashes tell whether a file is older than the sources. Example: ``docs/results/data/sim.json`` holds
the rows of ``make sim``; after a change of code in ``hdl/`` the hash of the folder differs,
``make lint`` warns and the nightly suite fails until the table is measured again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.errors import CsbError
from csb_rnn.experiments.reports import source_text
from csb_rnn.experiments.reports.kinds import ASIDE, COMMANDS, KINDS
from csb_rnn.experiments.reports.sources import SIM_COLUMNS
from csb_rnn.machine.folders import ROOT

__all__ = [
    "COMMANDS", "FOLDER", "KINDS", "SIM_COLUMNS", "Measured", "MeasuredError", "accept", "begin",
    "changed", "commit", "compare", "confirm", "differences", "path_of", "read", "sources",
    "stale", "write",
]  # fmt: skip

FOLDER = ROOT / "docs/results/data"
CONFIGS = "hdl/configs.toml"
REQUIREMENTS = "requirements.in"

Row = dict[str, Any]


class MeasuredError(CsbError, ValueError):
    """A missing or damaged result file; one line for the user."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """A result.

    Attributes:
        commit: of the measurement; ends in ``-dirty`` if sources were changed since it.
        sources: hash of each source as it was then.
        rows: the table, one object a row; a missing figure is None.
        notes: sentences about the run.
        confirmed: how many rows were measured again, and the commit, see :func:`confirm`.
    """

    commit: str
    sources: dict[str, str]
    rows: list[Row]
    notes: tuple[str, ...] = ()
    confirmed: str = ""


class Found(NamedTuple):
    """Rows of a run beside kept ones: how many are equal, a line for each different figure."""

    equal: int
    lines: list[str]


def _hash(parts: Sequence[bytes]) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:12]


def sources(name: str, root: Path = ROOT) -> dict[str, str]:
    """Hash of each source of a result; "-" for a missing one.

    Args:
        name: of the result, a key of :data:`csb_rnn.experiments.reports.kinds.KINDS`.
        root: folder of the project.
    """
    kind = KINDS[name]
    out: dict[str, str] = {}
    for top in dict.fromkeys(kind.sources):
        parts = []
        aside = [root / path for path in ASIDE if path != top]
        for file in source_text.files_of(root / top, aside):
            parts += [str(file.relative_to(root)).encode(), source_text.file_digest(file)]
        out[top] = _hash(parts) if parts else "-"
    if kind.configs:
        text = _text(root / CONFIGS)
        out[CONFIGS] = _hash([source_text.sections(text, kind.configs).encode()]) if text else "-"
    if kind.tools:
        lines = [s.encode() for s in _text(root / REQUIREMENTS).split() if s.startswith(kind.tools)]
        out[REQUIREMENTS] = _hash(lines) if lines else "-"
    return out


def _text(file: Path) -> str:
    """The text of a file; none if it is not there."""
    return file.read_text() if file.is_file() else ""


def commit(paths: Sequence[str], root: Path = ROOT) -> str:
    """Short hash of the commit, ``-dirty`` behind it if paths differ; "-" outside of git."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    name = git("rev-parse", "--short", "HEAD").stdout.strip()
    same = git("diff", "--quiet", "HEAD", "--", *paths).returncode == 0
    return (name if same else f"{name}-dirty") if name else "-"


def begin(name: str) -> Measured:
    """A result without rows, of the sources as they are: before a long run."""
    found = sources(name)
    return Measured(commit(tuple(found)), found, [])


def path_of(name: str, folder: Path = FOLDER) -> Path:
    """The file of a result."""
    return folder / f"{name}.json"


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def read(name: str, folder: Path = FOLDER) -> Measured:
    """The result of a name.

    Raises:
        MeasuredError: no such file, or it is damaged.
    """
    path = path_of(name, folder)
    try:
        value = json.loads(path.read_text())
        columns = value["columns"]
        rows = [dict(zip(columns, row, strict=True)) for row in value["rows"]]
        found = {str(top): str(code) for top, code in value["sources"].items()}
        notes, again = tuple(value.get("notes", ())), str(value.get("confirmed", ""))
        return Measured(str(value["commit"]), found, rows, notes, again)
    except FileNotFoundError:
        raise MeasuredError(
            f"{_short(path)}: no such result; {KINDS[name].command} makes it"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MeasuredError(f"{_short(path)}: damaged: {error!r}") from None


def write(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    began: Measured | None = None,
    notes: Sequence[str] = (),
    folder: Path = FOLDER,
) -> None:
    """Keep a result.

    Args:
        name: of the result.
        rows: the table.
        began: by :func:`begin`, from before the run; the sources are those of now if None.
        notes: sentences about the run, for its page.
        folder: of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(name, folder)
    new = path.with_suffix(".json.new")
    new.write_text(text_of(name, rows, began or begin(name), notes))
    new.replace(path)


def text_of(
    name: str, rows: Sequence[Mapping[str, Any]], began: Measured, notes: Sequence[str] = ()
) -> str:
    """The file of a result, a row a line; arguments as of :func:`write`."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = {
        "command": KINDS[name].command,
        "commit": began.commit,
        **({"confirmed": began.confirmed} if began.confirmed else {}),
        "sources": began.sources,
        **({"notes": list(notes)} if notes else {}),
        "columns": columns,
    }
    lines = [json.dumps([row.get(key) for key in columns]) for row in rows]
    text = json.dumps(head, indent=1).removesuffix("\n}")
    return text + ',\n "rows": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"


def changed(name: str, folder: Path = FOLDER, root: Path = ROOT) -> list[str]:
    """Sources of a result, changed since its measurement.

    Raises:
        MeasuredError: there is no such result.
    """
    was, now = read(name, folder).sources, sources(name, root)
    return [top for top in {**was, **now} if was.get(top) != now.get(top)]


def stale(folder: Path = FOLDER, root: Path = ROOT) -> list[str]:
    """A line for each result whose sources have changed since, or whose file is missing."""
    found = []
    for name, kind in KINDS.items():
        try:
            tops = changed(name, folder, root)
            was = read(name, folder).commit
        except MeasuredError as error:
            found.append(str(error))
            continue
        if tops:
            found.append(
                f"docs/results/data/{name}.json: measured on {was}, since when "
                f"{', '.join(tops)} changed; {kind.command} measures again"
            )
    return found


def differ(was: Any, now: Any) -> bool:
    """Whether figures differ; a float may in its sixth digit."""
    close = isinstance(was, float) and isinstance(now, float | int)
    return was != now and not (close and abs(was - now) <= 1e-6 * max(abs(was), abs(now)))


def compare(
    name: str, rows: Sequence[Row], keys: Sequence[str] = (), folder: Path = FOLDER
) -> Found:
    """Rows of a run beside the kept ones.

    Args:
        name: of the result.
        rows: of the measurement; those without a kept row are left out.
        keys: compared columns; all but ``loose`` ones if there are none.
        folder: of the file.
    """
    kind, kept = KINDS[name], read(name, folder).rows
    old = {tuple(row.get(k) for k in kind.key): row for row in kept}
    lines, equal = [], 0
    for row in rows:
        was = old.get(tuple(row.get(k) for k in kind.key))
        if was is None:
            continue
        columns = keys or [k for k in row if k not in kind.loose and k in was]
        wrong = [k for k in columns if differ(was.get(k), row[k])]
        equal += not wrong
        place = " on ".join(str(row[k]) for k in kind.key[:2])
        lines += [
            f"{place}: {k} {row[k]}, docs/results/data/{name}.json has {was.get(k)}" for k in wrong
        ]
    return Found(equal, lines)


def differences(
    name: str, rows: Sequence[Row], keys: Sequence[str], folder: Path = FOLDER
) -> list[str]:
    """A line for each figure of a measurement other than the kept one."""
    return compare(name, rows, keys, folder).lines


def confirm(name: str, rows: Sequence[Row], folder: Path = FOLDER) -> str:
    """Some rows again: if all equal the kept ones, today's sources are those of the result.

    A refactoring changes hashes and no figure; a sample of the rows shows it, in minutes. The
    file keeps the commit of its measurement, and the number of confirmed rows with their commit.

    Returns:
        A line about it.

    Raises:
        MeasuredError: a row differs, or none of the rows is kept.
    """
    total = len(read(name, folder).rows)
    return accept(name, compare(name, rows, folder=folder), total, folder)


def accept(name: str, found: Found, total: int, folder: Path = FOLDER) -> str:
    """Give a result today's sources if rows of a run equal the kept ones; see :func:`confirm`.

    Args:
        name: of the result.
        found: rows of the run beside the kept ones.
        total: number of kept rows.
        folder: of the file.
    """
    if found.lines:
        raise MeasuredError(f"{found.lines[0]} ({len(found.lines)} differ): measure again")
    if not found.equal:
        raise MeasuredError(f"docs/results/data/{name}.json: no row of it was measured again")
    kept, now = read(name, folder), begin(name)
    line = f"{found.equal} of {total} rows measured again on {now.commit}, all equal"
    value = dataclasses.replace(kept, sources=now.sources, confirmed=line)
    write(name, kept.rows, value, kept.notes, folder)
    return line
