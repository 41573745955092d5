# SPDX-License-Identifier: Apache-2.0
"""A whole ONNX file: host parts around the machine, so that the outputs of the file come out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.errors import UsageError
from csb_rnn.flow.files import npz, staged
from csb_rnn.flow.record import Build
from csb_rnn.verify.image_run import Run
from csb_rnn.verify.model_run import run

OUTPUTS = "graph_outputs.npz"


def run_whole(
    build: Build,
    inputs: ArrayLike | Mapping[str, np.ndarray],
    state: Mapping[str, ArrayLike] | None = None,
    out: str | Path | None = None,
    **settings: Any,
) -> Run:
    """Run a build on the RTL, between its host parts if it has any.

    Args:
        build: from :func:`csb_rnn.flow.build` or :func:`csb_rnn.flow.load`.
        inputs: frames of the engine; with host parts the inputs of the ONNX file by name, or one
            array if it has one input.
        state: initial states that the file does not give.
        out: folder of the results, as of :func:`csb_rnn.verify.run`; with host parts also
            ``graph_outputs.npz``, the outputs of the ONNX file by name.
        settings: fields of :class:`~csb_rnn.verify.image_run.Settings`.

    Returns:
        The engine's run.

    Raises:
        UsageError, OnnxError, and those of :func:`csb_rnn.verify.run`.
    """
    parts = build.host
    if parts is None:
        if isinstance(inputs, Mapping):
            raise UsageError("inputs by name are for an ONNX file with host parts")
        return run(build, inputs, state, out, **settings)
    if not isinstance(inputs, Mapping):
        if len(parts.inputs) != 1:
            raise UsageError(f"the file has inputs {', '.join(parts.inputs)}: give an .npz of them")
        inputs = {parts.inputs[0]: np.asarray(inputs)}
    streams = build.options.streams
    runs: list[Run] = []

    def engine(x: np.ndarray, given: dict[str, np.ndarray]) -> Any:
        if len(x) != streams:
            raise UsageError(
                f"the inputs hold {len(x)} sequences, the image has {streams} streams: build with "
                f"--streams {len(x)}, or run sequences one by one"
            )
        start: dict[str, ArrayLike] | None = {**(state or {}), **given} or None
        if start is not None and streams == 1:
            start = {k: np.reshape(v, np.shape(v)[-1:]) for k, v in start.items()}
        runs.append(run(build, x[0] if streams == 1 else x, start, out, **settings))
        y, final = runs[0].outputs, runs[0].state
        if streams == 1:
            y, final = y[None], {k: v[None] for k, v in final.items()}
        return y, final

    outputs = parts.run(inputs, engine)
    if out is not None:
        with staged(Path(out), OUTPUTS) as made:
            (made / OUTPUTS).write_bytes(npz(outputs))
    return runs[0]
