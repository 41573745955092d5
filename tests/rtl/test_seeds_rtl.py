# SPDX-License-Identifier: Apache-2.0
"""No seed of random initial values ends a run for no bug of the design.

``CSB_SEEDS=300`` runs so many seeds of the whole machine instead of a few.
"""

from __future__ import annotations

import os
import random

import pytest

from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation.launcher import run
from csb_rnn.simulation.toolchain import SimulationError
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import check, tiny

#: Seeds that once made csb_sim_top's check of bus responses fire before the first reset.
PLANTED = (777018, 13, 17)
COUNT = int(os.environ.get("CSB_SEEDS", "8"))
TOGETHER = 25  # seeds of one test
UNRESET = [ROOT / "tests/data/unreset.sv"]


def seeds(first: int, count: int) -> list[int]:
    """The planted seeds and ``count`` that are drawn from ``first``."""
    return [*PLANTED, *random.Random(first).sample(range(1, 1 << 31), count)]


@pytest.mark.sims("verilator")
@pytest.mark.parametrize("part", range(-(-(COUNT + len(PLANTED)) // TOGETHER)))
def test_any_seed_of_the_whole_machine(sim, tmp_path, seed, part) -> None:
    """Icarus has no random initial values: there everything begins as X."""
    c, bad = tiny(sim), {}
    case = LayerCase(seed=1, inputs=5, hidden=9)
    for s in seeds(seed, COUNT)[part * TOGETHER : (part + 1) * TOGETHER]:
        try:
            check(case, c, sim, tmp_path, frames=2, seed=s)
        except (SimulationError, AssertionError) as error:
            bad[s] = str(error)
    assert not bad, f"{len(bad)} seeds: {bad}"


def test_assertions_wait_for_a_reset(sim, seed) -> None:
    for s in seeds(seed, 5 if sim == "verilator" else 0):
        run(
            "unreset",
            "tb.util.test_csb_assert",
            sim=sim,
            sources=UNRESET,
            seed=s,
            test_filter="random_registers",
        )


def test_assertions_fail_after_a_reset(sim) -> None:
    with pytest.raises(SimulationError, match=r"assertion .*Sta(ble|ysZero)"):
        run(
            "unreset",
            "tb.util.test_csb_assert",
            sim=sim,
            sources=UNRESET,
            test_filter="broken_after",
        )
