# SPDX-License-Identifier: Apache-2.0
"""A whole file on the machine: its sequences in turn, its host parts around the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.errors import UsageError
from csb_rnn.flow.files import npz
from csb_rnn.flow.record import Build
from csb_rnn.network.onnx import hosting
from csb_rnn.system.staging import staged
from csb_rnn.verify.image_run import Run
from csb_rnn.verify.model_run import run

OUTPUTS = "graph_outputs.npz"


@dataclasses.dataclass(frozen=True)
class Whole:
    """Outputs of a file.

    Attributes:
        runs: of the engine, one for each ``streams`` sequences.
        outputs: of the file by name; none if it has no host parts.
    """

    runs: list[Run]
    outputs: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


def on_machine(
    build: Build,
    state: Mapping[str, ArrayLike] | None,
    out: str | Path | None,
    runs: list[Run],
    several: bool = False,
    **settings: Any,
) -> hosting.Engine:
    """The machine as an engine for :mod:`csb_rnn.network.onnx.hosting`: sequences in turn.

    Args:
        state: initial states ``[units]`` or ``[sequences, units]``, in place of the model's
            own; states given with a run are laid over them.
        out: folder of the results; of several runs ``run0``, ``run1``, ... in it.
        runs: gets every run.
        several: the engine is called more than once.

    Raises (the engine):
        UsageError: no multiple of the build's streams; and those of :func:`csb_rnn.verify.run`.
    """
    streams = build.options.streams

    def engine(x: np.ndarray, given: dict[str, np.ndarray]) -> Any:
        if len(x) % streams:
            raise UsageError(
                f"{len(x)} sequences: the build takes {streams} at a time; give a multiple, or "
                f"build for {len(x)} streams"
            )
        # A given state replaces the model's own, as in csb_rnn.verify.run.
        own = build.initial_states() if state is None else state
        start = {k: np.broadcast_to(v, (len(x), np.shape(v)[-1])) for k, v in own.items()}
        start |= given
        done = []
        for n in range(0, len(x), streams):
            mine = {k: v[n : n + streams] for k, v in start.items()}
            part = x[n : n + streams]
            if streams == 1:
                part, mine = part[0], {k: v[0] for k, v in mine.items()}
            folder = out
            if out is not None and (several or len(x) > streams):
                folder = Path(out) / f"run{len(runs)}"
            done.append(run(build, part, mine or None, folder, **settings))
            runs.append(done[-1])
        joined = np.stack if streams == 1 else np.concatenate
        final = {k: joined([r.state[k] for r in done]) for k in done[0].state}
        return joined([r.outputs for r in done]), final

    return engine


def run_whole(
    build: Build,
    inputs: object,
    state: Mapping[str, ArrayLike] | None = None,
    out: str | Path | None = None,
    **settings: Any,
) -> Whole:
    """Run a build on the RTL, between its host parts if it has any.

    Args:
        build: from :func:`csb_rnn.flow.build` or :func:`csb_rnn.flow.load`.
        inputs: frames of the engine; with host parts the inputs of the ONNX file by name, or one
            array if it has one input.
        state: initial states missing in the file.
        out: folder of the results, as of :func:`csb_rnn.verify.run`; with host parts also
            ``graph_outputs.npz``, the outputs of the ONNX file by name. If the sequences are more
            than the build's streams, each run has a folder of its own in it.
        settings: fields of :class:`~csb_rnn.verify.image_run.Settings`.

    Raises:
        UsageError, OnnxError, and those of :func:`csb_rnn.verify.run`.
    """
    parts = build.host
    if parts is None:
        if isinstance(inputs, Mapping):
            raise UsageError("inputs by name are for an ONNX file with host parts")
        return Whole([run(build, np.asarray(inputs), state, out, **settings)])
    runs: list[Run] = []
    engine = on_machine(build, state, out, runs, bool(parts.lengths), **settings)
    outputs, _ = parts.run(inputs, engine, build.options.streams)
    if out is not None:
        with staged(Path(out), OUTPUTS) as made:
            (made / OUTPUTS).write_bytes(npz(outputs))
    return Whole(runs, outputs)
