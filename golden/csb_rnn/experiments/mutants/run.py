# SPDX-License-Identifier: Apache-2.0
"""Runs mutants: module by module, the module's fast tests first, wider ones for survivors.

Each verdict is a line of a file, so a run goes on where it was stopped. A verdict holds for the
text of its module: survivors are judged again, and so is a mutant whose test has left the module's
list.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.experiments.mutants import python, source
from csb_rnn.experiments.mutants.equal import equal
from csb_rnn.experiments.mutants.source import Mutant
from csb_rnn.experiments.mutants.tree import Tree, TreeError
from csb_rnn.machine.design import HDL
from csb_rnn.machine.folders import PACKAGE, ROOT

OPEN = ("survives", "")  # judged again in each run: a test may be new
TABLE = ROOT / "tests/data/mutants.toml"
PYTHON_TABLE = ROOT / "tests/data/mutants_python.toml"


class Target(NamedTuple):
    """A module of the table.

    Attributes:
        module: of the design, or a file of the package: ``models/fixed_model.py``.
        tests: ids of pytest, the fast ones first; each is a run of its own.
        parameters: sets with which survivors are compared by Yosys; none: too large to compare.
        equivalent: (line of code, change, reason) of mutants that are no fault.
        top: module that is compiled; of a package, one that uses it.
    """

    module: str
    tests: tuple[str, ...]
    parameters: tuple[dict[str, int], ...]
    equivalent: tuple[tuple[str, str, str], ...]
    top: str = ""

    @property
    def file(self) -> Path:
        if self.module.endswith(".py"):
            return PACKAGE / self.module
        (file,) = HDL.rglob(f"{self.module}.sv")
        return file


def mutants(file: Path) -> list[Mutant]:
    """All mutants of a file of the design, or of the package."""
    return python.mutants(file) if file.suffix == ".py" else source.mutants(file)


class Verdict(NamedTuple):
    """A mutant and its end.

    Attributes:
        end: ``killed``, ``survives``, ``equal`` (proved), ``argued``, ``stillborn`` (no
            simulator takes it).
        by: the test, or the reason.
    """

    module: str
    line: int
    code: str
    change: str
    end: str
    by: str


def targets(table: Path = TABLE) -> dict[str, Target]:
    """All modules of the table."""
    out = {}
    for name, entry in tomllib.loads(table.read_text()).items():
        argued = tuple((e["code"], e["change"], e["why"]) for e in entry.get("equivalent", ()))
        out[name] = Target(
            name,
            tuple(entry["tests"]),
            tuple(entry.get("parameters", ({},))),
            argued,
            entry.get("top", name),
        )
    return out


def chosen(target: Target, most: int) -> list[Mutant]:
    """At most so many mutants of a module, drawn by their text: always the same ones."""
    every = mutants(target.file)

    def order(mutant: Mutant) -> str:
        key = f"{target.module} {mutant.code} {mutant.change} {mutant.start}"
        return hashlib.sha256(key.encode()).hexdigest()

    return sorted(every, key=order)[:most]


def judge(target: Target, mutant: Mutant, tree: Tree) -> tuple[str, str]:
    """End of a mutant, and by what."""
    text = mutant.apply(target.file.read_text())
    with tree.changed(target.file, text):
        if target.file.suffix == ".sv" and not tree.compiles(target.top):
            return "stillborn", ""
        for test in target.tests:
            if failed := tree.fails([test]):
                return "killed", failed
    if target.file.suffix == ".py" or not target.parameters:
        return OPEN
    same = [
        equal(target.top, target.file, text, values, tree.folder / "equal")
        for values in target.parameters
    ]
    return ("equal", "Yosys") if all(same) else OPEN


def _key(target: Target, mutant: Mutant) -> str:
    parts = (target.file.read_text(), repr(mutant))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _holds(verdict: Sequence[str], target: Target) -> bool:
    """Whether a verdict need not be judged again: the file of the test that killed is still one of
    the module's."""
    end, by = verdict
    files = {test.split("::")[0].split(" ")[0] for test in target.tests}
    return end != OPEN[0] and (end != "killed" or by.split("::")[0].split(" ")[0] in files)


def run(
    some: Sequence[Target], most: int, tree: Tree, known: Path, say: Callable[[str], None]
) -> Iterator[Verdict]:
    """Verdicts of a sample of each module.

    Args:
        some: modules.
        most: mutants of each.
        tree: where they live.
        known: file of verdicts, read first and written on.
        say: told about each survivor.

    Raises:
        TreeError: tests of a module fail without a mutant.
    """
    before: dict[str, Any] = {}
    if known.exists():
        before = dict(json.loads(line) for line in known.read_text().splitlines())
    known.parent.mkdir(parents=True, exist_ok=True)
    with known.open("a") as file:
        for target in some:
            argued = {(code, change): why for code, change, why in target.equivalent}
            sound = False  # the tests pass with the original
            for mutant in chosen(target, most):
                key = _key(target, mutant)
                why = argued.get((mutant.code, mutant.change))
                if why is None and not _holds(before.get(key, OPEN), target):
                    if not sound and (failed := tree.fails(target.tests)):
                        raise TreeError(f"{failed} fails without a mutant")
                    sound = True
                    before[key] = judge(target, mutant, tree)
                    file.write(json.dumps([key, before[key]]) + "\n")
                    file.flush()
                end, by = before[key] if why is None else ("argued", why)
                found = Verdict(target.module, mutant.line, mutant.code, mutant.change, end, by)
                if end == "survives":
                    say(f"{target.module}:{mutant.line}: {mutant.code}: {mutant.change}")
                yield found


def summary(verdicts: Sequence[Verdict], known: Mapping[str, Target]) -> list[dict[str, Any]]:
    """A row for each module: how many, killed, equal, surviving; then the survivors."""
    rows: list[dict[str, Any]] = []
    for module in dict.fromkeys(v.module for v in verdicts):
        ends = Counter(v.end for v in verdicts if v.module == module)
        total = len(mutants(known[module].file))
        rows.append({"table": "modules", "module": module, "mutants": total,
                     "run": ends.total() - ends["stillborn"], "killed": ends["killed"],
                     "equal": ends["equal"] + ends["argued"],
                     "survive": ends["survives"]})  # fmt: skip
    for v in verdicts:
        if v.end in ("survives", "argued"):
            rows.append({"table": v.end, **v._asdict()})
    return rows
