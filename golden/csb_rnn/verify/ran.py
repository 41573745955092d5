# SPDX-License-Identifier: Apache-2.0
"""Frames of the RTL beside the models: the place of each, and the wrong states."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from csb_rnn.machine.numerics import Ints
from csb_rnn.models.fixed_model import FixedModel, State
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.program.program import Program


def show(value: int, bits: int, frac: int) -> str:
    """An integer as it stands in a waveform, and as its number.

    Example: ``show(-2, 16, 12)`` is ``0xfffe (-0.000488281)``.
    """
    return f"{int(value) & ((1 << bits) - 1):#0{2 + -(-bits // 4)}x} ({value / 2.0**frac:.6g})"


@dataclasses.dataclass(frozen=True)
class Ran:
    """Frames of the RTL, and the models' results for them.

    Attributes:
        program, network: of the run.
        x: int [frames, inputs], all sequences, streams interleaved.
        lengths: frames of each sequence.
        want: int [frames, outputs], the fixed model's.
        want_state: its state after the last sequence, key -> int [streams, H].
        predicted: [longest sequence] cycle of each frame's last beat, from idle; None: the run was
            stalled, and cycles are not compared.
        state: every sequence starts from it, key -> int [streams, H]; None: zero.
    """

    program: Program
    network: QNetwork
    x: Ints
    lengths: Sequence[int]
    want: Ints
    want_state: Mapping[str, Ints]
    predicted: np.ndarray | None = None
    state: Mapping[str, Ints] | None = None

    def at(self, index: int) -> tuple[int, int, int]:
        """(first frame of its sequence, sequence, frame in the sequence) of a frame."""
        begins = np.cumsum([0, *self.lengths])
        n = int(np.searchsorted(begins, index, side="right")) - 1
        return int(begins[n]), n, index - int(begins[n])

    def name(self, index: int) -> str:
        """A frame for people: its number among all, and its stream or sequence if there are
        several."""
        _, sequence, own = self.at(index)
        text = f"frame {own // self.program.streams}"
        if self.program.streams > 1:
            text += f" of stream {own % self.program.streams}"
        return text + (f" of sequence {sequence}" if len(self.lengths) > 1 else "")

    def prefix(self, index: int) -> Ints:
        """Inputs of the sequence of a frame, up to it and the same frame of all streams."""
        begin, _, own = self.at(index)
        streams = self.program.streams
        return self.x[begin : begin + (own // streams + 1) * streams]

    def model(self, x: Ints, trace: dict[tuple[int, str], Ints] | None = None) -> State:
        """State of the fixed model after frames, [streams, H]; ``trace`` is of the last one."""
        fixed, streams = FixedModel(self.network, self.program.config), self.program.streams
        frames = np.swapaxes(x.reshape(-1, streams, x.shape[-1]), 0, 1)
        _, state = fixed.run(frames[:, :-1], self.state)
        fixed.step(frames[:, -1], state, trace)
        return state


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A wrong state: the first unit, and how many differ."""

    key: str
    stream: int
    unit: int
    got: int
    want: int
    count: int
    size: int


def wrong_states(q: QNetwork, got: Mapping[str, Ints], want: Mapping[str, Ints]) -> list[Wrong]:
    """Different states, first layer first."""
    found = []
    for key in q.state_keys():
        if key not in got:
            continue
        differ = got[key] != want[key]
        if differ.any():
            stream, unit = (int(i) for i in np.argwhere(differ)[0])
            pair = int(got[key][stream, unit]), int(want[key][stream, unit])
            found.append(Wrong(key, stream, unit, *pair, int(differ.sum()), differ.size))
    return found
