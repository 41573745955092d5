# SPDX-License-Identifier: Apache-2.0
"""csb_top through AXI: see tb/test_top.py."""

from pathlib import Path

import pytest

from csb_rnn.machine import config, image
from csb_rnn.machine.config import Config
from csb_rnn.simulation.launcher import run
from tests.jobs import SMALL, write_job

# Icarus is slow: there we look for X, and each kind of test once shows it.
ICARUS = r"bits_under_stalls/stalls=(none|both)|frame_of_a_wrong_length/extra=1|stop_and_reset"


@pytest.mark.parametrize("name", ["tiny"])
def test_top(sim: str, tmp_path: Path, name: str) -> None:
    c = config.load(name, **SMALL, parity=1)  # nothing here may upset it
    write_job(tmp_path, c, 6)
    run(
        "csb_top",
        "tb.test_top",
        sim=sim,
        parameters=image.all_parameters(c),
        test_filter=ICARUS if sim == "icarus" else None,
        extra_env={"CSB_JOB": str(tmp_path)},
    )


def with_parity(sim: str, folder: Path, deep: int) -> Config:
    """A machine with parity bits, whose networks are in the folder."""
    if sim == "icarus" and deep:
        pytest.skip("slow; the other depth shows what is X")
    c = config.load("tiny", **SMALL, deep=deep, parity=1)
    write_job(folder, c, 6)
    return c


@pytest.mark.parametrize("deep", [0, 1])
def test_parity(sim: str, tmp_path: Path, deep: int) -> None:
    """A bit flips in each memory that a load writes; on Icarus in one."""
    c = with_parity(sim, tmp_path, deep)
    run(
        "csb_top",
        "tb.test_parity",
        sim=sim,
        parameters=image.all_parameters(c),
        plus_args=["+any_program"],  # a flip breaks a program's contracts, too
        test_filter="in_use|not_used" if sim == "icarus" else None,
        extra_env={"CSB_JOB": str(tmp_path)},
    )


@pytest.mark.parametrize("deep", [0, 1])
def test_recovery(sim: str, tmp_path: Path, deep: int) -> None:
    """Drawn interruptions, without rst_ni: CSB_RECOVERY / 10 of them, or one of each kind.

    On Icarus three of the ten kinds. With parity bits, which no interruption may upset.
    """
    c = with_parity(sim, tmp_path, deep)
    run(
        "csb_top",
        "tb.test_recovery",
        sim=sim,
        parameters=image.all_parameters(c),
        extra_env={"CSB_JOB": str(tmp_path)},
    )
