# SPDX-License-Identifier: Apache-2.0
"""The commands of ``examples/soc/README.md``, from a trained file to the firmware's output.

They are read from the page and run as they stand there, in a shell; what an earlier run built is
removed first. Example: the last of them, ``make soc``, ends with ``all equal``.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from csb_rnn import commands
from csb_rnn.errors import CsbError
from csb_rnn.experiments.reports import measured
from csb_rnn.machine.folders import BUILD, ROOT

RESULT = "soc_steps"
PAGE = ROOT / "examples/soc/README.md"
HEAD = "Each step is a command of its own too:"
MADE = ("image", "kit", "soc")  # folders of build/ that the commands write


class StepError(CsbError, RuntimeError):
    """A command of the page fails."""

    exit_code = 1


def steps(text: str) -> list[str]:
    """The commands of the page, without comments.

    Raises:
        StepError: the page has no such block.
    """
    found = re.search(rf"{HEAD}\n```\n(.*?)\n```", text, re.DOTALL)
    if found is None:
        raise StepError(f"no commands behind '{HEAD}'")
    return [line.split("#")[0].strip() for line in found[1].splitlines()]


def run(command: str, folder: Path = ROOT) -> dict[str, Any]:
    """One command: a row with its seconds, by the clock and of the processors."""
    print(command, flush=True)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command, shell=True, cwd=folder, env=dict(os.environ), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise StepError(f"{command}: exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    return {"command": command, "seconds": round(time.monotonic() - began),
            "processor_seconds": round(used), "said": last}  # fmt: skip


def measure() -> int:
    """All steps, kept in docs/results/data."""
    began = measured.begin(RESULT)
    for name in MADE:
        shutil.rmtree(BUILD / name, ignore_errors=True)
    rows = [run(command) for command in steps(PAGE.read_text())]
    for row in rows:
        print(f"{row['seconds']} s, {row['processor_seconds']} s of processors: {row['said']}")
    measured.write(RESULT, rows, began)
    return commands.OK
