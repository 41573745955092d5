# SPDX-License-Identifier: Apache-2.0
"""A model on the RTL with Verilator: its build, and a run equal to the models, or a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import verify
from csb_rnn.machine.folders import ROOT
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.program.program import Program


def rtl_build(name: str, limit: float) -> bool:
    """Compile the simulation of a configuration, if it is not there.

    Args:
        name: of the configuration.
        limit: seconds it may take.

    Returns:
        Whether it is built; False if the seconds were over.

    Raises:
        RuntimeError: it does not compile.
    """
    code = "from csb_rnn.machine import config; from csb_rnn.simulation import simulate; "
    code += f"simulate.build(config.load({name!r}), 'verilator')"
    # A process group of its own: make and the compilers end with it.
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as build:
        try:
            _, said = build.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(build.pid, signal.SIGKILL)
            return False
    if build.returncode:
        raise RuntimeError(f"{name}: {said[-2000:]}")
    return True


def on_rtl(
    p: Program, q: QNetwork, x: np.ndarray, predicted: np.ndarray, work: Path | None
) -> dict[str, Any]:
    """Run on the RTL with Verilator; every bit and every cycle must equal the models'.

    Returns:
        The report of :mod:`csb_rnn.flow`.
    """
    want, state = FixedModel(q, p.config).run(x)
    with tempfile.TemporaryDirectory() as scratch:
        frames = verify.interleave(x)
        ran = verify.Ran(p, q, frames, [len(frames)], verify.interleave(want), state, predicted)
        found = verify.compare(ran, work or Path(scratch))
    report = verify.report(found, p, sim="verilator")
    if not verify.is_equal(report):
        wrong = ("mismatches", "state_mismatches", "cycle_mismatches", "stuck", "error")
        counts = ", ".join(f"{k} {report[k]}" for k in wrong)
        kept = [s for s in found.explanation if work or not s.startswith("files:")]
        raise AssertionError("\n".join([counts, *kept]))
    return report
