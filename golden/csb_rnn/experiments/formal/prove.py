# SPDX-License-Identifier: Apache-2.0
"""Runs a proof: by induction from reset, its covers, then each of its planted bugs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.experiments.formal.proofs import Bug, Proof, ProofError, place
from csb_rnn.experiments.formal.solve import Failed, System
from csb_rnn.experiments.silicon.synthesis import run_yosys


class Verdict(NamedTuple):
    """A proof that was run.

    Attributes:
        row: for the table of results.
        wrong: a line for each thing that is not as it should be.
    """

    row: dict[str, Any]
    wrong: list[str]


def script(proof: Proof, sources: list[Path], folder: Path, *, near: bool) -> str:
    """The Yosys script from sources to ``FOLDER/NAME.smt2``; with ``reach`` if ``near``."""
    values = proof.reach if near and proof.reach else proof.parameters
    generics = " ".join(f"-G {name}={value}" for name, value in values.items())
    assumed = "\n".join(f"chformal -assert2assume c:*{name}" for name in proof.assume)
    shown = "\n".join(f"chformal -assume2assert c:*{name}" for name in proof.prove)
    files = " ".join(map(str, sources))
    return f"""
        read_slang --threads 1 --no-synthesis-define --top {proof.top} {generics} {files}
        prep -nordff -top {proof.top}
        async2sync
        chformal -lower
        {assumed}
        {shown}
        opt -full
        memory_collect
        dffunmap
        write_smt2 {folder / proof.name}.smt2
    """


def system(proof: Proof, folder: Path, bug: Bug | None = None, *, near: bool = False) -> System:
    """The transition system of a proof.

    Raises:
        ProofError: Yosys fails, or no assertion is left.
    """
    sources = place(proof, folder, bug)
    prefix = folder / proof.name
    Path(f"{prefix}.ys").write_text(script(proof, sources, folder, near=near))
    try:
        run_yosys(prefix)
    except RuntimeError as error:
        raise ProofError(str(error)) from None
    found = System(Path(f"{prefix}.smt2"))
    if not found.asserts:
        raise ProofError(f"{proof.name}: no assertion is left")
    return found


def holds(proof: Proof, folder: Path) -> Verdict:
    """The proof and its covers; ``row`` is without bugs."""
    here = system(proof, folder)
    wrong = []
    for how, failed in (
        ("from reset", here.from_reset(proof.induction)),
        ("by induction", here.induction(proof.induction)),
    ):
        if failed is not None:
            wrong.append(f"{proof.name}: {how}: {told(failed)}")
    reached = system(proof, folder / "near", near=True).cover(proof.bound)
    if not reached:
        wrong.append(f"{proof.name}: no cover")
    wrong += [f"{proof.name}: not reached: {name}" for name, at in reached.items() if at is None]
    row = {
        "proof": proof.name,
        "says": proof.says,
        "modules": proof.modules(),
        "parameters": proof.parameters,
        "assertions": len(here.asserts),
        "induction": proof.induction,
        "proved": not wrong,
        "covers": len(reached),
        "deepest": max((at for at in reached.values() if at is not None), default=None),
    }
    return Verdict(row, wrong)


def caught(proof: Proof, bug: Bug, folder: Path) -> Failed | None:
    """What breaks with a planted bug: soon after reset, else in the step; None if nothing does."""
    here = system(proof, folder, bug, near=True)
    step = here.induction(proof.induction)
    return None if step is None else here.from_reset(proof.bound) or step


def told(failed: Failed) -> str:
    """Example: ``ContentIsRight breaks in cycle 3``."""
    where = f" in cycle {failed.cycle}" if failed.cycle >= 0 else ""
    return f"{', '.join(failed.names)} breaks{where}"


def run(proof: Proof, folder: Path) -> Verdict:
    """The proof, its covers and every planted bug."""
    row, wrong = holds(proof, folder / "proof")
    bugs = []
    for i, bug in enumerate(proof.bugs):
        failed = caught(proof, bug, folder / f"bug{i}")
        if failed is None:
            wrong.append(f"{proof.name}: lives with '{bug.new}' in {bug.file}")
        else:
            bugs.append({**bug._asdict(), "by": failed.names[0], "cycle": failed.cycle})
    return Verdict({**row, "bugs": bugs, "planted": len(proof.bugs)}, wrong)
