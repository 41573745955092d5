# SPDX-License-Identifier: Apache-2.0
"""A compiled program: the content of the machine's memories, still as named fields.

:mod:`csb_rnn.compiler` makes it, :mod:`csb_rnn.machine.image` writes it as words,
:mod:`csb_rnn.execution.timing` predicts its cycles and :mod:`csb_rnn.execution.listing` prints it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from csb_rnn.errors import CsbError
from csb_rnn.machine.config import Config


class CompileError(CsbError, ValueError):
    """The network cannot be placed on the configuration; the message names the memory and by
    how much."""


@dataclasses.dataclass
class GroupProgram:
    """Words of one PEGroup, as arrays: ``ctl[name]`` is [words]; of each PE row ``rows[name]`` is
    [words, P] and ``pe["w"]`` is [words, P, Q]; of each share group ``rows["pp"]`` is [words, P/C]
    and ``pe["c"]``, ``pe["s"]`` are [words, P/C, Q], with C ``shared_cols``."""

    ctl: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    pe: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ctl["last"])


@dataclasses.dataclass(frozen=True)
class StateSlot:
    """Where a state lives: unit u is at ``base + slot[u]*stride`` in the state memory of
    ``lane[u]``; stream s adds ``s * Program.state_stride``."""

    key: str  # h_l0, c_l0, ...
    base: int
    stride: int
    slot: np.ndarray
    lane: np.ndarray
    frac: int  # fraction bits


@dataclasses.dataclass
class Program:
    """A network compiled for one configuration."""

    config: Config
    streams: int
    groups: list[GroupProgram]
    drain: list[dict[str, int]]
    elem: list[dict[str, int]]
    elem_loop: int  # first word of the loop; before it: the prologue, once for each stream
    reg_credits: int  # register sets filled ahead by the drain unit
    bias: np.ndarray  # int64 [addresses, lanes], accumulator units
    inputs: int
    x_base: int
    out_word: np.ndarray  # [outputs] output buffer word of each value of a frame
    out_column: np.ndarray  # [outputs] engine column in that word
    states: list[StateSlot]
    state_stride: int
    constants: np.ndarray  # int64 [addresses, lanes]: state memory after loading
    kept_weights: int
    x_frac: int
    out_frac: int
    bound_words: int  # no PEGroup schedule of this network can be shorter than this
    x_gain: tuple[float, ...] | None = None  # of each input, before it is rounded
    events: dict[int, str] = dataclasses.field(default_factory=dict)  # meaning of each count

    @property
    def outputs(self) -> int:
        return len(self.out_word)

    @property
    def out_beats(self) -> int:
        """Beats of one output frame."""
        return -(-self.outputs // self.config.values_per_beat)

    @property
    def in_beats(self) -> int:
        """Beats of one input frame."""
        return -(-self.inputs // self.config.values_per_beat)
