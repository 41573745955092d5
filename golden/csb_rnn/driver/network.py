# SPDX-License-Identifier: Apache-2.0
"""A driver's view of an image: its words, sizes, number formats and the places of states."""

from __future__ import annotations

import dataclasses
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from csb_rnn import flow
from csb_rnn.errors import UsageError
from csb_rnn.machine import image, registers
from csb_rnn.machine.numerics import saturate
from csb_rnn.models.formats import to_float
from csb_rnn.models.integers import to_int
from csb_rnn.program.program import Program


@dataclasses.dataclass(frozen=True)
class State:
    """A state such as ``h_l0``: STATE_ADDR of every unit for stream 0, and its fraction bits."""

    key: str
    frac: int
    place: NDArray[np.uint32]


@dataclasses.dataclass(frozen=True)
class Network:
    """An image for one configuration, for a host.

    Frames are int16 arrays of whole beats: ``in_values`` and ``out_values`` long.
    """

    data: bytes
    config_hash: int
    inputs: int
    outputs: int
    streams: int
    beat_values: int
    data_w: int
    x_frac: int
    out_frac: int
    state_stride: int
    states: tuple[State, ...]
    x_gain: NDArray[np.float32] | None = None  # factor of each input before it is rounded

    @classmethod
    def of(cls, p: Program, data: bytes) -> Network:
        """From a program and its image."""
        states = tuple(
            State(
                s.key,
                s.frac,
                np.array(
                    [
                        registers.value("STATE_ADDR", lane=int(n), addr=s.base + int(i) * s.stride)
                        for n, i in zip(s.lane, s.slot, strict=True)
                    ],
                    np.uint32,
                ),
            )
            for s in p.states
        )
        return cls(
            data=data,
            config_hash=image.config_hash(p.config),
            inputs=p.inputs,
            outputs=p.outputs,
            streams=p.streams,
            beat_values=p.config.stream_w // 16,
            data_w=p.config.data_w,
            x_frac=p.x_frac,
            out_frac=p.out_frac,
            state_stride=p.state_stride,
            states=states,
            x_gain=None if p.x_gain is None else np.array(p.x_gain, np.float32),
        )

    @classmethod
    def load(cls, folder: str | PathLike) -> Network:
        """From a folder of ``csb-rnn build``.

        Raises:
            UsageError: no such folder, or its model has several images.
        """
        build = flow.load(Path(folder))
        if not build.single:
            raise UsageError(f"{folder}: holds several images; load the folder of one part")
        return cls.of(build.part.compiled(), build.part.data)

    def _padded(self, values: int) -> int:
        return -(-values // self.beat_values) * self.beat_values

    @property
    def in_values(self) -> int:
        """Values of an input frame, padding to whole beats included."""
        return self._padded(self.inputs)

    @property
    def out_values(self) -> int:
        """Values of an output frame, padding to whole beats included."""
        return self._padded(self.outputs)

    def encode(self, x: ArrayLike) -> NDArray[np.int16]:
        """Float inputs ``[..., inputs]`` as frames ``[..., in_values]``; saturates.

        Raises:
            UsageError: another width, NaN or infinity.
        """
        x = np.asarray(x)
        if not x.ndim or x.shape[-1] != self.inputs:
            raise UsageError(f"inputs have shape {x.shape}: the network takes {self.inputs} wide")
        if not np.isfinite(x).all():
            raise UsageError("inputs hold NaN or infinity")
        if self.x_gain is not None:  # in single precision, as the C driver and the fixed model
            x = np.float32(x) * self.x_gain
        values = saturate(to_int(x, self.x_frac), self.data_w)
        pad = [(0, 0)] * (x.ndim - 1) + [(0, self.in_values - self.inputs)]
        return np.pad(values, pad).astype(np.int16)

    def decode(self, frames: ArrayLike) -> NDArray[np.float32]:
        """Frames ``[..., out_values]`` as float32 ``[..., outputs]``, exact."""
        return to_float(np.asarray(frames)[..., : self.outputs], self.out_frac).astype(np.float32)

    def state(self, key: str) -> State:
        """The state of a name.

        Raises:
            UsageError: there is none such.
        """
        for s in self.states:
            if s.key == key:
                return s
        known = ", ".join(s.key for s in self.states) or "none"
        raise UsageError(f"no state '{key}': the network has {known}")
