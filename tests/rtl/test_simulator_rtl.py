# SPDX-License-Identifier: Apache-2.0
"""A simulation that stays open: frame by frame the same bits as in one run."""

from __future__ import annotations

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.execution import timing
from csb_rnn.models import quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.simulation.simulator import Simulator
from csb_rnn.simulation.toolchain import SimulationError
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import tiny


def test_step_by_step(sim, tmp_path) -> None:
    """Inputs that depend on outputs; two sequences, the second from the state of the first."""
    c = tiny(sim)
    case = LayerCase(seed=21, cell="lstm", inputs=7, hidden=7, layers=2, density=0.5)
    q = quantise.quantise(case.network(), c)
    p = compiler.compile_network(q, c)
    model, x = FixedModel(q, c), q.quantise_inputs(case.frames(1))[0]
    state = q.zero_state()
    latency = timing.predict(p, 1).last_out[0]
    with Simulator(p, tmp_path, sim=sim) as machine:
        kept = None
        for _ in range(2):
            machine.start(kept)
            for _ in range(3):
                want = model.step(x, state)
                got = machine.step(x)
                assert np.array_equal(got, want)
                assert machine.cycles == latency
                x = got
            kept = machine.stop()
            assert all(np.array_equal(kept[k], v) for k, v in state.items())


def test_what_a_simulator_refuses(tmp_path) -> None:
    c = tiny("icarus")
    q = quantise.quantise(LayerCase(seed=1, inputs=3, hidden=4).network(), c)
    with pytest.raises(ValueError, match="2 streams"):
        Simulator(compiler.compile_network(q, c, 2), tmp_path)
    with Simulator(compiler.compile_network(q, c), tmp_path, sim="icarus") as machine:
        with pytest.raises(ValueError, match="3 values"):
            machine.step(np.zeros(4))
        machine._process.terminate()
        machine._process.join()
        with pytest.raises(SimulationError, match="has ended"):
            machine.step(np.zeros(3))
