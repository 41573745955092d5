# SPDX-License-Identifier: Apache-2.0
"""Figures counted in cycles, and their definitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from csb_rnn.machine.config import Config
from csb_rnn.network.network import Layer, Network
from csb_rnn.program.program import Program

LOOP_CYCLES = 24  # of each dependent product, in the definition of a recurrence bound


def issue_cycles(p: Program) -> int:
    """Issue cycles of an iteration: from the first to the last useful word of the slowest
    PEGroup, bubbles between them included."""
    spans = [np.flatnonzero(g.ctl["work"]) for g in p.groups]
    return max((int(at[-1] - at[0]) + 1 for at in spans if len(at)), default=0)


def slot_cycles(layer: Layer, c: Config) -> int:
    """Cycles of all slots of a frame of a layer, on the slowest of the units that each passes:
    drain unit, element unit, neuron bus. No frame takes less, whatever the number of streams.

    Example: an LSTM of 256 units has 16 slots on 16 lanes. On ``paper256`` a slot takes 4 cycles,
    so the frame 64 at least; on ``fast256``, with two drains and two neurons a cycle, 32.
    """
    total = 0
    for stage in layer.cell.stages:
        slots = -(-layer.size(stage.space) // c.lanes)
        bus = c.sub_slots if any(e.vector is not None for e in stage.elems) else 1
        total += slots * max(-(-len(stage.drains) // c.drain_rows), len(stage.elems), bus)
    return total


def recurrence_cycles(network: Network, c: Config) -> float:
    """Cycles of the longest loop: kept weights of its products / PEs, or the layer's slots if they
    take longer, and LOOP_CYCLES for each of them that depends on the one before."""
    longest = 0.0
    for la in network.layers:
        inner = {v for d in la.cell.drains for v in d.inputs if v in la.cell.vectors}
        kept = sum(int(np.count_nonzero(w)) for (_, v), w in la.weights.items() if v in inner)
        if inner:
            work = max(kept / c.pes, slot_cycles(la, c))
            longest = max(longest, work + LOOP_CYCLES * len(inner))
    return longest


def bound_cycles(network: Network, c: Config, streams: int = 1) -> float:
    """Cycles a frame that no program is below: kept weights / PEs, the slots of all layers, or the
    longest loop, which streams share."""
    slots = sum(slot_cycles(la, c) for la in network.layers)
    loop = recurrence_cycles(network, c) / streams
    return max(network.kept_weights / c.pes, float(slots), loop)


def frame_cycles(last_out: np.ndarray, first_in: int) -> np.ndarray:
    """Distances between the last output beats of consecutive frames; entry 0 is from the first
    input beat taken.

    Args:
        last_out: [frames] cycle of the last output beat of each frame.
        first_in: cycle of the first beat of frame 0.
    """
    return np.diff(last_out, prepend=first_in)


def steady_frames(lengths: Sequence[int]) -> np.ndarray:
    """The frames of the interval: those from 20 on of a sequence of at least 220, else
    the second half (the first frame of a sequence never); their mean distance is the interval,
    for one sequence as :func:`csb_rnn.execution.timing.interval`.

    Args:
        lengths: frames of each sequence.

    Returns:
        bool [all frames].
    """
    starts = [20 if n >= 220 else max(1, n // 2) for n in lengths]
    return np.concatenate([np.arange(n) >= s for n, s in zip(lengths, starts, strict=True)])


def ratio(a: float, b: float) -> float:
    return float(a / b) if b else 0.0
