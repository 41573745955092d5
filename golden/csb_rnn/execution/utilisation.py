# SPDX-License-Identifier: Apache-2.0
"""How busy a program keeps each unit, and the bound of its frames: from the program alone.

Example: 89 engine words in a frame of 162 cycles take the engine for 0.55 of the frame.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from csb_rnn.execution import timing
from csb_rnn.program.program import Program

DEPENDENCES = "dependences"
SLACK = 1.02  # a frame this much longer than its busiest unit is bound by dependences


@dataclasses.dataclass(frozen=True)
class Utilisation:
    """Cycles of a frame in steady state.

    Attributes:
        interval: cycles a frame.
        latency: critical path of a frame in an idle machine, first input beat to last output beat.
        cycles: cycles of a frame in use by each unit: ``engine`` (words of the longest
            PEGroup program), ``drain`` and ``element`` (words and the gaps between them),
            ``neuron bus``, ``input`` and ``output`` (beats).
        multipliers: kept weights / (PEs x interval).
    """

    interval: float
    latency: int
    cycles: dict[str, int]
    multipliers: float

    @property
    def busy(self) -> dict[str, float]:
        """Share of the frame in use by each unit."""
        return {unit: n / self.interval for unit, n in self.cycles.items()}

    @property
    def bound(self) -> str:
        """The bound of the frame, or ``dependences``: no unit does."""
        unit = max(self.cycles, key=self.cycles.__getitem__)
        return unit if self.interval <= SLACK * self.cycles[unit] else DEPENDENCES

    def lines(self) -> list[str]:
        """The report as text."""
        shares = ", ".join(f"{unit} {share:.1%}" for unit, share in self.busy.items())
        return [
            f"{self.interval:.2f} cycles a frame, bound by {self.bound}; critical path "
            f"{self.latency} cycles",
            f"busy: {shares}; multipliers {self.multipliers:.1%}",
        ]


def analyse(p: Program, frames: int = 60) -> Utilisation:
    """Predict ``frames`` frames of a program and account for their cycles."""
    c = p.config
    last = timing.predict(p, frames).last_out
    interval = timing.interval(last)
    loop = p.elem[p.elem_loop :]
    writes = sum(bool(w.get("neu_we")) for w in loop)
    cycles = {
        "engine": max(len(g) for g in p.groups),
        "drain": sum(1 + w.get("gap", 0) for w in p.drain),
        "element": sum(1 + w.get("gap", 0) for w in loop),
        "neuron bus": writes * c.sub_slots + -(-p.inputs // c.x_per_cycle),
        "input": p.in_beats,
        "output": p.out_beats,
    }
    kept = sum(int(np.count_nonzero(g.pe["w"])) for g in p.groups)
    return Utilisation(interval, int(last[0]), cycles, kept / (c.pes * interval))
