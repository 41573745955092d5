# SPDX-License-Identifier: Apache-2.0
"""Counters of the hardware: one list, from which registers, RTL and documents follow."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Counter:
    """A counter of csb_counters, which csb_top adds to: a read-only register of the same name."""

    name: str
    doc: str


# In the order of their registers; the first is at COUNTER_BASE. csb_top assigns
# ``inc[Cnt<Name>*CounterIncW+:CounterIncW]`` for each, by name. All are cleared by a start.
COUNTERS = (
    Counter("ITERATIONS", "iterations (frames of all streams) that were issued"),
    Counter("FRAMES_IN", "input frames taken whole"),
    Counter("FRAMES_OUT", "output frames sent whole"),
    Counter("SATURATIONS", "data path values that saturated"),
    Counter("STALL_ENGINE", "cycles in which a PEGroup waited, all of them added"),
    Counter("STALL_MARK", "cycles: drain unit waits for PEGroups"),
    Counter("STALL_REG", "cycles: drain unit waits for a free register set"),
    Counter("STALL_POST", "cycles: element unit waits for the drain unit"),
    Counter("STALL_OUT", "cycles: element unit waits for a free output buffer"),
    Counter("STALL_X", "cycles: an input beat is offered and not taken"),
    Counter("WAIT_X", "cycles: an input beat could be taken and none is offered"),
    Counter("STALL_SINK", "cycles: an output beat is offered and not taken"),
)


COUNTER_BASE = 0x48


COUNTER_INC_W = 8  # bits of a counter's step in a cycle
