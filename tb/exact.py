# SPDX-License-Identifier: Apache-2.0
"""The comparison that everything rests on: RTL, fixed model and timing model on one network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from golden import compiler, config, fixed, quantise, timing
from golden.cases import LayerCase
from tb.simulate import RunResult, simulate

SHALLOW = {  # of tiny, for small networks: a load clears every memory, which takes Icarus seconds
    "weight_depth": 1024,
    "neuron_depth": 256,
    "acc_depth": 128,
    "bias_depth": 128,
    "state_depth": 128,
    "drain_depth": 256,
    "elem_depth": 512,
    "out_depth": 64,
}


def measure(
    case: LayerCase,
    c: config.Config,
    sim: str,
    work: Path,
    frames: int = 5,
    streams: int = 1,
    stall: tuple[int, int] = (0, 0),
) -> RunResult:
    """Runs a case; outputs, states and (unless stalled) cycles must be exact."""
    qnet = quantise.quantise(case.network(), c)
    program = compiler.compile_network(qnet, c, streams)
    x = qnet.quantise_inputs(case.frames(frames, streams))
    want, state = fixed.FixedModel(qnet, c).run(x)
    beats = np.swapaxes(x, 0, 1).reshape(-1, qnet.inputs)
    got = simulate(program, beats, work, sim=sim, stall=stall)
    assert (got.error, got.stuck) == (0, False), case
    flat = np.swapaxes(want, 0, 1).reshape(-1, qnet.outputs)
    assert np.array_equal(got.outputs, flat), f"{case}: {(got.outputs != flat).sum()} outputs"
    for key, value in state.items():
        assert np.array_equal(got.state[key], value), f"{case}: state {key} differs"
    if stall == (0, 0):
        predicted = timing.predict(program, len(beats)).last_out
        measured = got.out_cycles - got.in_cycles[0]
        assert np.array_equal(measured, predicted), f"{case}: cycles {measured} not {predicted}"
    return got


def check(*args, **kwargs) -> np.ndarray:
    """:func:`measure`, but the outputs alone."""
    return measure(*args, **kwargs).outputs
