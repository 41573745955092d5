# SPDX-License-Identifier: Apache-2.0
"""A file's outputs from its inputs: the host's part before, the engine, the host's part after.

The engine is handed in as a function, so the float model, the fixed model and the RTL run under
the same host parts. ONNX Runtime runs those in the child process.

Example: a file with ``sequence_lens`` = 5, 3, 5 for a batch of three. The engine runs sequences 0
and 2 over five frames and sequence 1 over three; frames 3 and 4 of its output are zero, as ONNX
says, and its final states are those after frame 2.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from csb_rnn.network.onnx import worker
from csb_rnn.network.onnx.errors import OnnxError
from csb_rnn.network.onnx.parts import HostState, Plan, Tap

if TYPE_CHECKING:
    import onnx

    from csb_rnn.network.onnx.layout import Layout

Arrays = Mapping[str, np.ndarray]
Engine = Callable[[np.ndarray, dict[str, np.ndarray]], tuple[np.ndarray, Mapping[str, np.ndarray]]]
"""``[streams, frames, inputs]`` and initial states ``[streams, units]`` (those that come in every
run) -> ``[streams, frames, outputs]`` and final states ``[streams, units]``."""


@dataclasses.dataclass(frozen=True)
class HostParts:
    """The host's needs to run a file around the engine.

    Attributes:
        inputs, outputs, source, states, lengths, taps: as of
            :class:`csb_rnn.network.onnx.parts.Plan`.
        before, after: ONNX models; None if there is nothing to do.
    """

    inputs: list[str]
    outputs: list[str]
    source: tuple[str, Layout]
    states: list[HostState]
    lengths: str
    taps: list[Tap]
    before: bytes | None
    after: bytes | None

    def named(self, inputs: object) -> dict[str, np.ndarray]:
        """Inputs by name: as they are, one array for a file of one input, or a tuple in order.

        Raises:
            OnnxError: another number of inputs, or names unknown to the file.
        """
        if isinstance(inputs, Mapping):
            found = {str(k): np.asarray(v) for k, v in inputs.items()}
        else:
            several = inputs if isinstance(inputs, (tuple, list)) and len(self.inputs) > 1 else None
            values: Sequence[object] = [inputs] if several is None else several
            if len(values) != len(self.inputs):
                raise OnnxError(f"the file has inputs {', '.join(self.inputs)}: give them by name")
            found = {n: np.asarray(v) for n, v in zip(self.inputs, values, strict=True)}
        if found.keys() != set(self.inputs):
            raise OnnxError(
                f"inputs are {', '.join(sorted(found))}; the file takes {', '.join(self.inputs)}"
            )
        return found

    def extents(self, name: str) -> list[int | None] | None:
        """Extents of an input, None where they are open; None if the file is not asked for it."""
        import onnx

        if self.before is not None:
            for i in onnx.load_from_string(self.before).graph.input:
                if i.name == name:
                    return [d.dim_value or None for d in i.type.tensor_type.shape.dim]
        if name != self.source[0]:
            return None
        e = self.source[1].extents
        axes = [[e[f.split(".")[0]][int(f.split(".")[1])] for f in ax]
                for ax in self.source[1].axes]  # fmt: skip
        known = [[n for n in ax if n is not None] for ax in axes]
        return [None if len(k) < len(a) else math.prod(k) for k, a in zip(known, axes, strict=True)]

    def run(
        self, inputs: object, engine: Engine, streams: int = 1
    ) -> tuple[dict[str, np.ndarray], Arrays]:
        """The file's outputs by name, and the engine's final states.

        Args:
            inputs: see :meth:`named`.
            engine: runs the layers.
            streams: sequences are given to the engine in multiples of so many.

        Raises:
            OnnxError: inputs of a wrong shape, or a failing host part.
        """
        tensors = self.named(inputs)
        if self.before is not None:
            tensors |= run_part(self.before, tensors)
        x, start = engine_inputs(self.source, self.states, tensors)
        final: Arrays
        if self.lengths:
            y, final = by_length(engine, x, start, tensors[self.lengths], streams)
        else:
            y, final = engine(x, start)
        tensors |= tapped(self.taps, y, final)
        if self.after is not None:
            tensors |= run_part(self.after, tensors)
        return {n: tensors[n] for n in self.outputs}, final


def of_plan(plan: Plan) -> HostParts:
    """The parts of a file just read."""
    before, after = (
        None if p is None else p.SerializeToString() for p in (plan.before, plan.after)
    )
    return HostParts(plan.inputs, plan.outputs, plan.source, plan.states, plan.lengths, plan.taps,
                     before, after)  # fmt: skip


def by_length(
    engine: Engine, x: np.ndarray, start: Arrays, lengths: np.ndarray, streams: int = 1
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Sequences with a number of frames each, those of one length together.

    Args:
        engine, x, start: as of :data:`Engine`.
        lengths: ``[sequences]`` frames of each.
        streams: the engine gets a multiple of so many sequences; the last one is repeated.

    Returns:
        Outputs, zero behind the last frame of a sequence, and each sequence's final states.

    Raises:
        OnnxError: not one length for each sequence, or one out of 1 to the frames of ``x``.
    """
    lengths = np.asarray(lengths).reshape(-1)
    if len(lengths) != len(x) or lengths.dtype.kind not in "iu":
        raise OnnxError(f"{len(x)} sequences have {len(lengths)} lengths, of {lengths.dtype}")
    wrong = np.flatnonzero((lengths < 1) | (lengths > x.shape[1]))
    if wrong.size:
        raise OnnxError(
            f"sequence {wrong[0]} has {lengths[wrong[0]]} frames; expected 1 to {x.shape[1]}"
        )
    y: np.ndarray | None = None
    final: dict[str, np.ndarray] = {}
    for n in np.unique(lengths):
        own = np.flatnonzero(lengths == n)
        rows = np.concatenate([own, np.repeat(own[:1], -len(own) % streams)])
        some = {k: np.asarray(v)[rows] if np.ndim(v) == 2 else v for k, v in start.items()}
        got, end = engine(x[rows, :n], some)
        if y is None:
            y = np.zeros((*x.shape[:2], got.shape[-1]), got.dtype)
        y[own, :n] = got[: len(own)]
        for key, value in end.items():
            final.setdefault(key, np.zeros((len(x), np.shape(value)[-1]), np.asarray(value).dtype))
            final[key][own] = np.asarray(value)[: len(own)]
    assert y is not None, "x holds no sequence"
    return y, final


def run_part(part: bytes, feeds: Arrays) -> dict[str, np.ndarray]:
    """A part of the host, by ONNX Runtime.

    Raises:
        OnnxError: it cannot run on these inputs.
    """
    import onnx

    names, outputs = names_of(onnx.load_from_string(part))
    try:
        got = worker.ask("run", part, {n: feeds[n] for n in names}, outputs)
    except worker.WorkerError as error:
        raise OnnxError(f"the host's part of the file cannot run: {error}") from None
    return dict(zip(outputs, got, strict=True))


def names_of(model: onnx.ModelProto) -> tuple[list[str], list[str]]:
    """Names of the inputs and outputs."""
    return [i.name for i in model.graph.input], [o.name for o in model.graph.output]


def engine_inputs(
    source: tuple[str, Layout], states: list[HostState], tensors: Arrays
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The engine's inputs: frames, and the initial states of every run.

    Raises:
        OnnxError: tensors of another shape.
    """
    name, layout = source
    try:
        x = layout.frames(tensors[name])
    except ValueError as error:
        raise OnnxError(f"'{name}' has shape {list(tensors[name].shape)}: {error}") from None
    return x, {s.key: np.asarray(s.rows(tensors[s.tensor])) for s in states}


def tapped(taps: list[Tap], y: np.ndarray, final: Arrays) -> dict[str, np.ndarray]:
    """Tensors of the file made of the engine's results."""
    out = {}
    for t in taps:
        made = y if not t.states else np.concatenate(
            [np.atleast_2d(final[k])[:, None] for k in t.states], axis=-1
        )  # fmt: skip
        out[t.tensor] = t.layout.tensor(made).astype(np.float32)
    return out
