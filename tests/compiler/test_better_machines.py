# SPDX-License-Identifier: Apache-2.0
"""A better machine is not slower: more lanes, a wider neuron bus, more drains, shorter latencies.

Random layers of every cell are compiled for ``tiny``, then for a machine that is better in one
respect. The interval may grow by a cycle, as words fall on other cycles, and by the cycles that the
neuron bus takes longer: a slot of more lanes has more places that no unit fills. Example: 26 units
are 7 slots of one bus cycle on 4 lanes, and 4 slots of two, so 8 cycles, on 8 lanes.
"""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest

from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing
from csb_rnn.machine import config, isa
from csb_rnn.machine.config import Config
from csb_rnn.models import quantise
from csb_rnn.verify.random_layers import LayerCase

BASE = {"L": 4, "Q": 2, "x_per_cycle": 2, "stream_w": 64}
BETTER = {
    "lanes": {"drain_banks": 2},
    "bus": {"bus_neurons": 2},
    "drains": {"drain_rows": 2},
    "bus and drains": {"bus_neurons": 2, "drain_rows": 2},
}
LATENCIES = {"lat_post": -2, "lat_elem_reg": -2, "lat_elem_state": -1, "lat_mark": -1}
FRAMES = 48
CASES = 6
SLOTS = 3  # at least, on the machine with 8 lanes
SLACK = 1.0  # cycles
SEED = int(os.environ.get("CSB_SEED", "21"))


def measured(case: LayerCase, c: Config, streams: int) -> tuple[float, int]:
    """Cycles of a frame, and those of them in which the neuron bus is busy with h."""
    qnet = quantise.quantise(case.network(), c)
    program = compile_network(qnet, c, streams)
    written = sum(bool(w.get("neu_we")) for w in program.elem[program.elem_loop :])
    cycles = timing.interval(timing.predict(program, FRAMES).last_out)
    return cycles, written * c.sub_slots


def drawn(seed: int) -> list[LayerCase]:
    """Small layers, whose frames are bound by slots rather than products, on several slots: the
    single slot of a few units is on the bus for longer if there are more lanes."""
    rng = np.random.default_rng(seed)
    c = config.load("tiny", **BASE)
    cases = [LayerCase.draw(rng, c, 70) for _ in range(CASES)]
    return [
        dataclasses.replace(n, density=0.08, pattern="scattered", hidden=max(SLOTS * 8, n.hidden))
        for n in cases
    ]


@pytest.mark.parametrize("streams", [1, 4])
@pytest.mark.parametrize("better", BETTER)
def test_more_is_not_slower(better, streams) -> None:
    for case in drawn(SEED):
        before, bus = measured(case, config.load("tiny", **BASE), streams)
        after, its_bus = measured(case, config.load("tiny", **BASE | BETTER[better]), streams)
        room = SLACK + max(0, its_bus - bus)
        assert after <= before + room, f"{case}: {after} cycles, {before} without more {better}"


@pytest.mark.parametrize("streams", [1, 4])
def test_shorter_latencies_are_not_slower(streams, monkeypatch) -> None:
    cases, c = drawn(SEED), config.load("tiny", **BASE)
    before = [measured(case, c, streams)[0] for case in cases]
    for name, change in LATENCIES.items():
        of = getattr(isa, name)
        monkeypatch.setattr(isa, name, lambda c, of=of, change=change: of(c) + change)
    for case, old in zip(cases, before, strict=True):
        new, _ = measured(case, c, streams)
        assert new <= old + SLACK, f"{case}: {new} cycles, {old} with longer latencies"
