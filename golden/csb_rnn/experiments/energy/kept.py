# SPDX-License-Identifier: Apache-2.0
"""``docs/results/data/energy.json``: measured rows, with a hash of the code that decides them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from csb_rnn.machine.folders import ROOT

FILE = ROOT / "docs/results/data/energy.json"
COMMAND = "scripts/energy.py"
SOURCES = ("hdl", *(f"golden/csb_rnn/{room}" for room in (
    "machine", "cells", "network", "models", "program", "execution", "compiler", "simulation",
    "pruning", "experiments/energy")), "checkpoints")  # fmt: skip
SUFFIXES = {".py", ".sv", ".svh", ".toml", ".npz"}


def source_hash() -> str:
    """Hash of the sources, with the names of their files."""
    digest = hashlib.sha256()
    for top in SOURCES:
        for file in sorted((ROOT / top).rglob("*")):
            if file.suffix in SUFFIXES:
                digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def read() -> list[dict[str, Any]]:
    """The kept rows."""
    return [dict(row) for row in json.loads(FILE.read_text())["rows"]]


def write(rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep rows that were measured on the sources as they are."""
    value = {"sources": source_hash(), "command": COMMAND, "rows": list(rows)}
    new = FILE.with_suffix(".new")
    new.write_text(json.dumps(value, indent=1) + "\n")
    new.replace(FILE)
