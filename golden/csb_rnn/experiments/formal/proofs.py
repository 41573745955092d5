# SPDX-License-Identifier: Apache-2.0
"""The proofs of ``formal/proofs.toml``: their modules, parameters and planted bugs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

from csb_rnn.errors import CsbError
from csb_rnn.machine import design
from csb_rnn.machine.folders import ROOT

FOLDER = ROOT / "formal"
TABLE = FOLDER / "proofs.toml"
ASSERTIONS = "csb_assert.svh"


class ProofError(CsbError, ValueError):
    """An entry of the table is wrong, or a proof could not be run; one line for the user."""


class Bug(NamedTuple):
    """A text of a source file and the wrong one that takes its place."""

    file: str
    old: str
    new: str


class Proof(NamedTuple):
    """An entry of the table.

    Attributes:
        name: of ``formal/NAME_proof.sv``, its only module.
        says: the property, one sentence.
        parameters: of the module.
        reach: others of them, of runs from reset; ``parameters`` if there are none.
        induction: steps that the assertions are assumed in before they are shown in the next one.
        bound: cycles from reset in which covers are reached and planted bugs show.
        assume: assertions of the design that are of inputs of the proof.
        prove: promises of programs (``CSB_PROGRAM_*``, else assumed) that it shows.
        bugs: planted one at a time; each ends in a counterexample.
    """

    name: str
    says: str
    parameters: dict[str, int]
    reach: dict[str, int]
    induction: int
    bound: int
    assume: tuple[str, ...]
    prove: tuple[str, ...]
    bugs: tuple[Bug, ...]

    @property
    def top(self) -> str:
        return f"{self.name}_proof"

    @property
    def source(self) -> Path:
        return FOLDER / f"{self.top}.sv"

    def modules(self) -> list[str]:
        """Modules of the design in it, packages left out."""
        files = design.needed_sources(self.top, [self.source])
        names = [f.stem for f in files if f != self.source]
        return [name for name in names if not name.endswith("_pkg")]


def load(table: Path = TABLE) -> dict[str, Proof]:
    """All proofs by name.

    Raises:
        ProofError: an entry lacks a key, or has no bug.
    """
    out = {}
    for name, entry in tomllib.loads(table.read_text()).items():
        try:
            bugs = tuple(Bug(**bug) for bug in entry["bugs"])
            out[name] = Proof(
                name,
                entry["says"],
                entry.get("parameters", {}),
                entry.get("reach", {}),
                entry["induction"],
                entry["bound"],
                tuple(entry.get("assume", ())),
                tuple(entry.get("prove", ())),
                bugs,
            )
        except (KeyError, TypeError) as error:
            raise ProofError(f"{table.name}: {name}: {error}") from None
        if not bugs:
            raise ProofError(f"{table.name}: {name}: no planted bug")
    return out


def place(proof: Proof, folder: Path, bug: Bug | None = None) -> list[Path]:
    """Copies what a proof needs into a folder, a bug planted.

    Returns:
        The sources in compile order.

    Raises:
        ProofError: the text of the bug is not there exactly once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f.name: f.read_text() for f in design.needed_files(proof.top, [proof.source])}
    texts[ASSERTIONS] = (FOLDER / ASSERTIONS).read_text()
    if bug is not None:
        found = texts.get(bug.file, "").count(bug.old)
        if found != 1:
            raise ProofError(f"{proof.name}: '{bug.old}' occurs {found} times in {bug.file}")
        texts[bug.file] = texts[bug.file].replace(bug.old, bug.new)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts if name.endswith(".sv")]
