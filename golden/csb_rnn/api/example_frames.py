# SPDX-License-Identifier: Apache-2.0
"""Frames of a small drawn network for the test bench of a kit, with the fixed model's outputs."""

from __future__ import annotations

from csb_rnn.compiler import compile_network
from csb_rnn.kit.smoke import Example
from csb_rnn.machine import image
from csb_rnn.machine.config import Config
from csb_rnn.machine.numerics import Ints
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.program import assemble
from csb_rnn.verify.random_layers import LayerCase

FRAMES = 3
CASE = LayerCase(seed=11, cell="gru", inputs=7, hidden=13, pattern="scattered", density=0.5)


def beats(frames: Ints, c: Config) -> str:
    """Frames ``[frames, values]`` as beats in hexadecimal, one a line, padded with zeros."""
    lines, per_beat = [], c.values_per_beat
    for frame in frames.tolist():
        words = [v & 0xFFFF for v in frame] + [0] * (-len(frame) % per_beat)
        for at in range(0, len(words), per_beat):
            lines.append("".join(f"{v:04x}" for v in reversed(words[at : at + per_beat])))
    return "\n".join([*lines, ""])


def example_frames(c: Config) -> Example:
    """An image of a GRU of 7 inputs and 13 units, three frames and their outputs.

    Raises:
        CompileError: not even that fits the configuration.
    """
    q, _ = CASE.make(c)
    data = assemble.assemble(compile_network(q, c, block=min(8, c.max_block)))
    x = q.quantise_inputs(CASE.frames(FRAMES))
    y, _ = FixedModel(q, c).run(x)
    return Example(image.memh(data), beats(x, c), beats(y, c), FRAMES)
