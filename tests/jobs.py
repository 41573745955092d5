# SPDX-License-Identifier: Apache-2.0
"""Jobs for the benches of csb_top: files that say what to load, to send and to expect."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from csb_rnn import compiler
from csb_rnn.driver import Network, recovery
from csb_rnn.flow.network_header import network_header
from csb_rnn.machine import config
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.program import assemble
from csb_rnn.verify.random_layers import LayerCase

CASES = (
    LayerCase(seed=5, cell="gru", inputs=7, hidden=13),
    LayerCase(seed=6, cell="lstm", inputs=12, hidden=9, layers=2, extreme=True),
)


def write_job(
    folder: Path,
    c: config.Config,
    frames: int,
    *,
    drivers: bool = False,
    cases: Sequence[LayerCase] = CASES,
) -> None:
    """Images, inputs and expected outputs of networks; for the drivers what they load, too."""
    for n, case in enumerate(cases):
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
        if drivers:
            data = assemble.assemble(program)
            early = dataclasses.replace(program, elem=recovery.eager(program.elem))
            (folder / f"program_{n}.bin").write_bytes(assemble.assemble(early))
            text = network_header(program, data, f"net{n}")
            (folder / f"network_{n}.h").write_text(text)
            network = pickle.dumps(Network.of(program, data))
            (folder / f"driver_{n}.pickle").write_bytes(network)
        np.savez(folder / f"net{n}.npz", **arrays)


# Shallow memories: a load clears them word by word.
SMALL = {"neuron_depth": 128, "acc_depth": 128, "bias_depth": 64, "state_depth": 64}
