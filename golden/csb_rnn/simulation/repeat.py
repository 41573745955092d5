# SPDX-License-Identifier: Apache-2.0
"""The seed of a run, and the command line to repeat it.

Example: ``CSB_SEED=7 SIM=icarus .venv/bin/python -m pytest tests/rtl/test_util_rtl.py::test_skid``.

Example: ``CSB_SEED=7 .venv/bin/python -m pytest tests/rtl/test_top_rtl.py``.
"""

from __future__ import annotations

import os
import random
import shlex
import sys

DEFAULT_SEED = 1


def seed_from_env() -> int:
    """The seed of this process: ``CSB_SEED``, a number or ``random``; 1 if it is not set.

    Fixed by default, so a red pipeline means a changed design; ``random`` explores.
    """
    value = os.environ.setdefault("CSB_SEED", str(DEFAULT_SEED))
    if value == "random":
        os.environ["CSB_SEED"] = value = str(random.SystemRandom().randrange(2**31))
    return int(value)


def pytest_test() -> str:
    """The running pytest test, as its command line names it; empty outside of pytest."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0]


def repeat_command(sim: str, seed: int | None = None) -> str:
    """The command line to repeat this test, or this script, with its seed."""
    seed = seed_from_env() if seed is None else seed
    test = pytest_test()
    command = ["-m", "pytest", test] if test else sys.argv
    return f"CSB_SEED={seed} SIM={sim} .venv/bin/python {shlex.join(command)}"
