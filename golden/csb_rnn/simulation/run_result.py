# SPDX-License-Identifier: Apache-2.0
"""The results of a run of the RTL, and the function for one; needs no simulator."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from csb_rnn.program.program import Program


@dataclasses.dataclass
class RunResult:
    """The outputs of the RTL.

    Attributes:
        outputs: int [frames, outputs], in the order of the inputs.
        in_cycles: cycle of the first beat of each input frame.
        out_cycles: cycle of the last beat of each output frame.
        state: key -> int [streams, H].
        counters: those of the machine, all sequences together; see ``count_last``.
        busy: cycles of useful work of each PEGroup, likewise.
        running: cycles between start and stop, likewise.
        cycles, seconds: simulated cycles of all sequences and the time they took.
        error: error code of the status register; ``stuck``: no frame came out for long.
    """

    outputs: np.ndarray
    in_cycles: np.ndarray
    out_cycles: np.ndarray
    state: dict[str, np.ndarray]
    counters: dict[str, int]
    busy: np.ndarray
    cycles: int
    seconds: float
    error: int
    stuck: bool
    running: int = 0


class Simulate(Protocol):
    """A function to run frames through the RTL: :func:`csb_rnn.simulation.simulate.simulate`."""

    def __call__(
        self,
        p: Program,
        x: np.ndarray,
        work: Path,
        *,
        sim: str = ...,
        sequences: Sequence[int] | None = ...,
        state: dict[str, np.ndarray] | None = ...,
        waves: bool = ...,
        count_last: bool = ...,
        stall: tuple[int, int] = ...,
    ) -> RunResult: ...
