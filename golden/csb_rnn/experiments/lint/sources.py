# SPDX-License-Identifier: Apache-2.0
"""Rules of ``make lint`` for texts: a licence line in files with comments, lines of 100 columns.

ruff holds the length of Python's lines; this module holds SystemVerilog's, generated files
included.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

LICENCE = "SPDX-License-Identifier: Apache-2.0"
HEAD = 3  # the licence stands within these first lines: behind #! at most
COLUMNS = 100
UNLICENSED = {".md", ".json", ".jsonl", ".npz", ".png", ".svg", ".ipynb", ".typed", ".txt"}
"""Ends of files without comments, or for readers: REUSE.toml names their licence."""
HARDWARE = {".sv", ".svh"}


def tracked(root: Path) -> list[Path]:
    """Files known to git, relative to ``root``; also new ones unless git ignores them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in sorted(set(names.split("\0"))) if name]


def _is_read(file: Path) -> bool:
    return file.suffix not in UNLICENSED and file.name != "LICENSE"


def findings(file: Path, text: str) -> list[str]:
    """One line for each broken rule of a file, and for each of its long lines.

    Args:
        file: its name, for the choice of rules.
        text: its contents.

    Example:
        ``findings(Path("hdl/a.sv"), "module a;\\n")`` is
        ``["hdl/a.sv:1: no line 'SPDX-License-Identifier: Apache-2.0'"]``.
    """
    lines = text.splitlines()
    found = []
    if _is_read(file) and not any(LICENCE in line for line in lines[:HEAD]):
        found.append(f"{file}:1: no line '{LICENCE}'")
    if file.suffix in HARDWARE:
        found += [
            f"{file}:{number}: {len(line)} columns, at most {COLUMNS}"
            for number, line in enumerate(lines, 1)
            if len(line) > COLUMNS
        ]
    return found


def source_findings(root: Path, files: Iterable[Path] | None = None) -> list[str]:
    """The rules on a checkout, or on some files of it."""
    some = tracked(root) if files is None else files
    there = [file for file in some if (root / file).is_file() and _is_read(file)]
    return [line for file in there for line in findings(file, (root / file).read_text())]
