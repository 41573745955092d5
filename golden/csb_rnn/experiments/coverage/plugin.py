# SPDX-License-Identifier: Apache-2.0
"""A plugin of pytest (``-p csb_rnn.experiments.coverage.plugin``): Verilator counts coverage.

Every simulation writes a file of counts of its own into the folder ``CSB_COVERAGE``.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from csb_rnn.simulation import builds, launcher
from csb_rnn.simulation.simulate import BENCH

FOLDER = "CSB_COVERAGE"
#: What is counted. ``--coverage`` counts state machines too, and in doing so ends with an internal
#: error of Verilator 5.49 where a reset branch is empty.
FLAGS = [f"--coverage-{kind}" for kind in ("line", "toggle", "expr")]
_simulate = launcher.simulate


def _counting(
    classes: Mapping[str, type], sim: str, log: Path, env: Mapping[str, str], **kwargs: Any
) -> None:
    file = Path(os.environ[FOLDER]) / f"{uuid.uuid4().hex}.dat"
    arguments = [*kwargs.pop("plus_args", ()), f"+verilator+coverage+file+{file}"]
    _simulate(classes, sim, log, env, plus_args=arguments, **kwargs)


def pytest_configure() -> None:
    """Builds count; a folder of builds of their own keeps them apart (``CSB_BUILD``)."""
    Path(os.environ[FOLDER]).mkdir(parents=True, exist_ok=True)
    builds._COMPILE_ARGS["verilator"] += FLAGS
    os.environ[BENCH] = "1"  # cocotb's program writes the counts
    launcher.simulate = _counting
