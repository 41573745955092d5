# SPDX-License-Identifier: Apache-2.0
"""Values returned by the API."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Memory:
    """Use of one kind of memory, in the fullest of its copies.

    Attributes:
        used: words of the program.
        depth: words of the configuration. Example: 89 of 512.
    """

    used: int
    depth: int


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Cycles of a build before anything runs; the RTL takes exactly as many.

    Attributes:
        cycles: cycles a frame in steady state, all streams counted together; of a model of several
            parts their sum, as they run one after the other.
        latency: cycles from the first input beat to the last output beat of a frame in an idle
            machine.
        mac_efficiency: kept weights / (PEs x issue cycles).
        frame_efficiency: kept weights / (PEs x cycles).
        memory: use by kind of memory (``pegroup``, ``drain``, ``elem``, ``bias``, ``state``,
            ``out``); of a model of several parts the one of its fullest part.
        bound: unit that bounds a frame (``engine``, ``drain``, ``element``, ``neuron bus``,
            ``input``, ``output``), or ``dependences`` if no unit does.
    """

    cycles: float
    latency: int
    mac_efficiency: float
    frame_efficiency: float
    memory: dict[str, Memory]
    bound: str


@dataclasses.dataclass(frozen=True)
class Result:
    """Outputs of a model.

    Attributes:
        outputs: float32, leading axes as those of the inputs; of a source that needs the host, the
            first output of its graph, as the graph shapes it.
        state: final states by torch's names (``h_l0``, ``c_l1_reverse``), float32 ``[H]`` or
            ``[batch, H]``.
        named: all outputs of the graph by name; none of a source for the engine alone.
    """

    outputs: Any
    state: dict[str, Float32]
    named: dict[str, Any] = dataclasses.field(default_factory=dict, kw_only=True)


@dataclasses.dataclass(frozen=True)
class Run(Result):
    """A run on the RTL.

    Attributes:
        cycles: cycles a frame, measured; None if frames never came.
        saturations: values limited by the machine, those of the inputs included.
        mismatches: outputs, states and frame cycles that differ from the models; 0 is right.
        reports: the report of each simulation (:data:`csb_rnn.flow.schema.REPORT`): one for each
            ``streams`` sequences of the batch.
    """

    cycles: float | None
    saturations: int
    mismatches: int
    reports: tuple[dict[str, Any], ...]

    @property
    def difference(self) -> float | None:
        """Largest difference of the outputs from the source in float; None if it is not known."""
        return self._worst("largest")

    @property
    def percentile(self) -> float | None:
        """The 99.9th percentile of the difference, in the worst of the simulations."""
        return self._worst("percentile")

    def _worst(self, key: str) -> float | None:
        found = [r["accuracy"][key] for r in self.reports if r["accuracy"] is not None]
        return max(found) if len(found) == len(self.reports) else None
