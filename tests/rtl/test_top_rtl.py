# SPDX-License-Identifier: Apache-2.0
"""csb_top through AXI: see tb/test_top.py."""

from pathlib import Path

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.machine import config, image
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.program import assemble
from csb_rnn.simulation.launcher import run
from csb_rnn.verify.random_layers import LayerCase

CASES = (
    LayerCase(seed=5, cell="gru", inputs=7, hidden=13),
    LayerCase(seed=6, cell="lstm", inputs=12, hidden=9, layers=2, extreme=True),
)
# Icarus is slow: there, X is what we look for, and each kind of test once shows it.
ICARUS = r"bits_under_stalls/stalls=(none|both)|frame_of_a_wrong_length/extra=1|stop_and_reset"


def write_job(folder: Path, c: config.Config, frames: int) -> None:
    """Images, inputs and expected outputs for tb/test_top.py."""
    for n, case in enumerate(CASES):
        qnet, _ = case.make(c)
        program = compiler.compile_network(qnet, c)
        x = qnet.quantise_inputs(case.frames(frames))
        y, state = FixedModel(qnet, c).run(x)
        words = [
            (lane, s.base + slot * s.stride, value)
            for s in program.states
            for lane, slot, value in zip(s.lane, s.slot, state[s.key], strict=True)
        ]
        after = [FixedModel(qnet, c).run(x[:n])[1] for n in range(1, frames + 1)]
        states = [[0] * len(words)]
        states += [[v for s in program.states for v in one[s.key]] for one in after]
        (folder / f"net{n}.bin").write_bytes(assemble.assemble(program))
        arrays = {"x": x, "y": y, "state": np.array(words), "states": np.array(states)}
        np.savez(folder / f"net{n}.npz", **arrays)


# Shallow memories: a load clears them word by word.
SMALL = {"neuron_depth": 128, "acc_depth": 128, "bias_depth": 64, "state_depth": 64}


@pytest.mark.parametrize("name", ["tiny"])
def test_top(sim: str, tmp_path: Path, name: str) -> None:
    c = config.load(name, **SMALL)
    write_job(tmp_path, c, 6)
    run(
        "csb_top",
        "tb.test_top",
        sim=sim,
        parameters=image.all_parameters(c),
        test_filter=ICARUS if sim == "icarus" else None,
        extra_env={"CSB_JOB": str(tmp_path)},
    )


@pytest.mark.parametrize("deep", [0, 1])
def test_recovery(sim: str, tmp_path: Path, deep: int) -> None:
    """Drawn interruptions, without rst_ni: CSB_RECOVERY / 10 of them, or one of each kind.

    On Icarus three of the ten kinds.
    """
    if sim == "icarus" and deep:
        pytest.skip("slow; the other depth shows what is X")
    c = config.load("tiny", **SMALL, deep=deep)
    write_job(tmp_path, c, 6)
    run(
        "csb_top",
        "tb.test_recovery",
        sim=sim,
        parameters=image.all_parameters(c),
        extra_env={"CSB_JOB": str(tmp_path)},
    )
