# SPDX-License-Identifier: Apache-2.0
"""Drawn networks with images, frames and expected beats, for csb_top as a library."""

from __future__ import annotations

import dataclasses

import numpy as np

from csb_rnn.cells import CELLS
from csb_rnn.compiler import compile_network
from csb_rnn.errors import CsbError
from csb_rnn.machine.config import Config
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.program import assemble
from csb_rnn.program.program import Program
from csb_rnn.verify.random_layers import LayerCase

#: Shallow memories: a load clears them word by word.
SHALLOW = {"neuron_depth": 128, "acc_depth": 128, "bias_depth": 64, "state_depth": 64}
LARGEST = 20  # units and inputs


@dataclasses.dataclass(frozen=True)
class Job:
    """A network, and sequences of frames from a zero state.

    Attributes:
        image: words of the image.
        x: input beats ``[sequences, frames * in_beats]``; streams of a run take turns.
        y: expected output beats ``[sequences, frames, out_beats]``.
    """

    case: LayerCase
    streams: int
    program: Program
    image: np.ndarray
    x: np.ndarray
    y: np.ndarray
    saturated: frozenset[str]  # named points that saturate (csb_rnn.machine.numerics)

    @property
    def frames(self) -> int:
        """Frames of a sequence."""
        return int(self.y.shape[1])


def beats(values: np.ndarray, per_beat: int) -> np.ndarray:
    """Values ``[..., n]`` of 16 bits as beats ``[..., beats]``, the last one filled with zeros."""
    pad = [(0, 0)] * (values.ndim - 1) + [(0, -values.shape[-1] % per_beat)]
    parts = np.pad(values & 0xFFFF, pad).astype(np.uint64)
    parts = parts.reshape(*values.shape[:-1], -1, per_beat)
    return np.bitwise_or.reduce(parts << (16 * np.arange(per_beat, dtype=np.uint64)), axis=-1)


def draw(rng: np.random.Generator, c: Config, sequences: int, frames: int) -> Job:
    """A drawn network that fits, and its sequences; frames is that of a stream."""
    while True:
        layers = int(rng.choice((1, 1, 2, 3)))
        cells = [name for name in CELLS if not name.startswith("linear")]
        case = LayerCase.draw(rng, c, LARGEST, layers, cells)
        streams = int(rng.choice((1, 1, 1, 2, 3, 8)))
        try:
            q, _ = case.make(c)
            sharing = None if rng.random() < 0.7 else "none"
            program = compile_network(q, c, streams=streams, sharing=sharing)
            return job(case, streams, program, q, c, sequences, frames, rng)
        except CsbError:
            continue  # it does not fit


def job(
    case: LayerCase,
    streams: int,
    program: Program,
    q: QNetwork,
    c: Config,
    sequences: int,
    frames: int,
    rng: np.random.Generator,
    *,
    ends: bool = False,
) -> Job:
    """The job of a compiled network: arguments as of :func:`draw` and :class:`Job`.

    With ``ends`` every input is one of the ends of its range.
    """
    top = 1 << (c.data_w - 1)
    shape = (sequences * streams, frames, program.inputs)
    x = rng.integers(-top, top, shape)
    if ends:
        x = np.where(x < 0, -top, top - 1)
    elif not case.extreme:
        x //= 1 << int(rng.integers(0, 5))
    model = FixedModel(q, c)
    y, _ = model.run(x)

    def in_turn(values: np.ndarray) -> np.ndarray:
        parts = values.reshape(sequences, streams, frames, -1).swapaxes(1, 2)
        return beats(parts.reshape(sequences, frames * streams, -1), c.values_per_beat)

    data = np.frombuffer(assemble.assemble(program), "<u4")
    flat = in_turn(x).reshape(sequences, -1)
    saturated = frozenset(name for name, count in model.saturations.items() if count)
    return Job(case, streams, program, data, flat, in_turn(y), saturated)
