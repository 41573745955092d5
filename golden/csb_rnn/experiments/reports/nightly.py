# SPDX-License-Identifier: Apache-2.0
"""Steps too long for the test suite, and their results, by which they are taken up again.

A result is a small file, docs/results/nightly/STEP.json: passed or not, processor time, seed and
environment of the step, the commit, and a hash of its sources. A step
is skipped if it passed with the sources of today.

Example: after a change in ``hdl/`` every step runs again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation.repeat import DEFAULT_SEED

RESULTS = ROOT / "docs/results/nightly"
SOURCES = (
    *("golden", "hdl", "tb", "tests", "scripts", "checkpoints", "examples"),
    "requirements.txt",
)
TEXT = {".lpf", ".py", ".sv", ".svh", ".vlt", ".f", ".toml", ".txt", ".npz", ".j2"}


class Step(NamedTuple):
    """A command with exit code 0 if all is well.

    Attributes:
        name: of its result file.
        command: arguments of Python, from the folder of the project.
        environment: variables set for it.
    """

    name: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


def pytest(name: str, *arguments: str, **environment: str) -> Step:
    """A step of some tests."""
    command = ("-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", *arguments)
    return Step(name, command, tuple(environment.items()))


def source_hash(root: Path = ROOT) -> str:
    """Hash of all possible sources of a step, with their names."""
    digest = hashlib.sha256()
    for top in SOURCES:
        path = root / top
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and file.suffix in TEXT:
                digest.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def is_current(step: Step, results: Path, sources: str) -> bool:
    """Whether a step passed with these sources and this command."""
    try:
        result = json.loads((results / f"{step.name}.json").read_text())
    except (OSError, ValueError):
        return False
    known = (result.get("passed"), result.get("sources"), result.get("command"))
    return known == (True, sources, list(step.command))


def commit(root: Path = ROOT) -> str:
    """Short hash of the commit, ``-dirty`` behind it if sources differ; empty outside of git."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    name = git("rev-parse", "--short", "HEAD").stdout.strip()
    same = git("diff", "--quiet", "HEAD", "--", *SOURCES).returncode == 0
    return name if same or not name else f"{name}-dirty"


def result_of(step: Step, sources: str, build: str | None = None) -> dict[str, Any]:
    """Runs a step; ``passed``, its seed, its time and what it was run with.

    ``build`` is a folder of builds for it, as on a node of a cluster; else that of the checkout.
    """
    environment = {"CSB_SEED": str(DEFAULT_SEED), **os.environ, **dict(step.environment)}
    if build is not None:
        environment["CSB_BUILD"] = build
    if environment["CSB_SEED"] == "random":  # drawn here, as the result names it
        environment["CSB_SEED"] = str(random.SystemRandom().randrange(2**31))
    measured = commit()  # before the step of some hours
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = subprocess.run(
        [sys.executable, *step.command], cwd=ROOT, env=environment, check=False
    ).returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "passed": code == 0,
        "sources": sources,
        "command": list(step.command),
        "environment": {name: environment[name] for name, _ in step.environment},
        "seed": int(environment["CSB_SEED"]),
        "commit": measured,
        "processor_minutes": round(spent / 60, 1),
    }


def keep(step: Step, result: dict[str, Any], results: Path) -> bool:
    """Writes the result of a step; returns whether it passed."""
    results.mkdir(parents=True, exist_ok=True)
    part = results / f"{step.name}.json.part"
    part.write_text(json.dumps(result, indent=1) + "\n")
    part.replace(results / f"{step.name}.json")
    return bool(result["passed"])


def run_step(step: Step, results: Path, sources: str) -> bool:
    """Runs a step and writes its result; returns whether it passed."""
    return keep(step, result_of(step, sources), results)


def stale_steps(
    steps: Sequence[Step], results: Path, sources: str, again: bool = False
) -> Iterator[Step]:
    """Steps to run; a line for each of the others."""
    for step in steps:
        if is_current(step, results, sources) and not again:
            print(f"{step.name}: passed with these sources", flush=True)
        else:
            yield step


def nightly(steps: Sequence[Step], results: Path = RESULTS, *, again: bool = False) -> list[str]:
    """Runs all stale steps; returns the names of the failed ones."""
    sources, failed = source_hash(), []
    for step in stale_steps(steps, results, sources, again):
        print(f"{step.name}: {' '.join(step.command)}", flush=True)
        if not run_step(step, results, sources):
            failed.append(step.name)
    print(f"failed: {', '.join(failed)}" if failed else "all steps passed")
    return failed
