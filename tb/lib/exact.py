# SPDX-License-Identifier: Apache-2.0
"""The comparison under everything: RTL, fixed model and timing model on one network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from csb_rnn import compiler
from csb_rnn.execution import timing
from csb_rnn.machine import config
from csb_rnn.models import directions, fixed_model, quantise
from csb_rnn.network import network, stacking
from csb_rnn.simulation.repeat import repeat_command
from csb_rnn.simulation.run_result import RunResult
from csb_rnn.simulation.simulate import simulate
from csb_rnn.verify import explanation
from csb_rnn.verify.ran import Ran
from csb_rnn.verify.random_layers import LayerCase

SHALLOW = {  # of tiny, for small networks: a load clears every memory, and takes Icarus seconds
    "weight_depth": 1024,
    "neuron_depth": 256,
    "acc_depth": 128,
    "bias_depth": 128,
    "state_depth": 128,
    "drain_depth": 256,
    "elem_depth": 512,
    "out_depth": 64,
}


def tiny(sim: str, **override: int) -> config.Config:
    """``tiny``; shallow on Icarus. On Verilator, where depth costs nothing, all share one build."""
    return config.load("tiny", **(SHALLOW if sim == "icarus" else {}) | override)


def measure(
    case: LayerCase,
    c: config.Config,
    sim: str,
    work: Path,
    frames: int = 5,
    streams: int = 1,
    stall: tuple[int, int] = (0, 0),
    by: str = "default",
    seed: int | None = None,
) -> RunResult:
    """Runs a case, compiled ``by`` one of the compilers; outputs, states and (unless stalled)
    cycles must be exact."""
    qnet = quantise.quantise(case.network(), c)
    program = compiler.compile_network(qnet, c, streams, compiler=by)
    x = qnet.quantise_inputs(case.frames(frames, streams))
    want, state = fixed_model.FixedModel(qnet, c).run(x)
    beats = np.swapaxes(x, 0, 1).reshape(-1, qnet.inputs)
    got = simulate(program, beats, work, sim=sim, stall=stall, seed=seed)
    flat = np.swapaxes(want, 0, 1).reshape(-1, qnet.outputs)
    predicted = timing.predict(program, len(beats)).last_out if stall == (0, 0) else None
    ran = Ran(program, qnet, beats, [len(beats)], flat, state, predicted)
    require_equal(ran, got, work, sim, stall=stall, seed=seed, case=str(case))
    return got


def require_equal(
    ran: Ran,
    got: RunResult,
    work: Path,
    sim: str,
    *,
    stall: tuple[int, int] = (0, 0),
    seed: int | None = None,
    case: str = "",
) -> None:
    """Every output and state bit, every frame's cycle.

    Raises:
        AssertionError: one is another; it says where, see :mod:`csb_rnn.verify.explanation`.
    """
    __tracebackhide__ = True

    def rerun(x: np.ndarray) -> Mapping[str, np.ndarray]:
        start = None if ran.state is None else dict(ran.state)
        folder = work / "again"
        return simulate(ran.program, x, folder, sim=sim, state=start, stall=stall, seed=seed).state

    lines = explanation.complain(ran, got, work, rerun, repeat_command(sim, seed))
    if lines:
        raise AssertionError("\n".join([case, *lines]))


def check(*args, **kwargs) -> np.ndarray:
    """:func:`measure`, but the outputs alone."""
    return measure(*args, **kwargs).outputs


def check_model(
    m: network.Model,
    c: config.Config,
    sim: str,
    work: Path,
    x: np.ndarray,
    state: dict[str, np.ndarray] | None = None,
) -> None:
    """Runs every span of a model in its direction over float frames ``[frames, inputs]``;
    outputs, states and cycles must be exact."""
    q = quantise.quantise_model(m, c, x, state)
    xs, start = q.quantise_inputs(x), q.quantise_state(state or {})
    want, final = directions.run_fixed(q, c, xs, start)

    def on_rtl(n, reverse, network, frames, own):
        p = compiler.compile_network(network, c)
        given = {k: v[None] for k, v in own.items()} if state is not None else None
        folder = work / f"{n}{reverse}"
        got = simulate(p, frames, folder, sim=sim, state=given)
        start = None if given is None else network.zero_state(1) | given
        y, end = fixed_model.FixedModel(network, c).run(frames[None], start)
        predicted = timing.predict(p, len(frames)).last_out
        ran = Ran(p, network, frames, [len(frames)], y[0], end, predicted, given)
        direction = "reverse" if reverse else "forward"
        require_equal(ran, got, folder, sim, case=f"span {n}, {direction}")
        return got.outputs, {k: v[0] for k, v in got.state.items()}

    got, end = directions.run_spans(q, xs, start, on_rtl)
    assert np.array_equal(got, want)
    assert all(np.array_equal(end[k], v) for k, v in final.items())


def random_model(
    seed: int, cell: str, layers: int, both: bool, size: int, inputs: int, density: float
) -> network.Model:
    """A stack of one or both directions."""
    stack: list[network.Directions] = []
    width = inputs
    for n in range(layers):
        case = LayerCase(seed + n, cell, width, size, 1, density=density, pattern="scattered")
        layer = {False: case.network().layers[0]}
        if both:
            layer[True] = dataclasses.replace(case, seed=seed + 50 + n).network().layers[0]
        stack.append(layer)
        width = sum(la.outputs for la in layer.values())
    return stacking.stack(stack)
