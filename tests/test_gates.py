# SPDX-License-Identifier: Apache-2.0
"""The quality gates that are commands of their own: lint and synthesis."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    "command",
    [
        ["lint.py"],
        ["synth.py", "--config", "small", "--target", "ecp5"],
        # The same checks on the other target.
        pytest.param(["synth.py", "--config", "small", "--target", "xcup"], marks=NIGHTLY),
    ],
    ids=lambda c: f"{c[0]}-{c[-1]}",
)
def test_gate(command: list[str]) -> None:
    """Exit code 0: no finding; its log is shown if not."""
    script, *args = command
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'golden'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), *args],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
