# SPDX-License-Identifier: Apache-2.0
"""A file's outputs from its inputs: the host's part before, the engine, the host's part after.

The engine is handed in as a function, so the float model, the fixed model and the RTL run under
the same host parts. ONNX Runtime runs those in the child process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from csb_rnn.network.onnx import worker
from csb_rnn.network.onnx.errors import OnnxError

if TYPE_CHECKING:
    import onnx

    from csb_rnn.network.onnx.layout import Layout
    from csb_rnn.network.onnx.plan import HostState, Tap

Arrays = Mapping[str, np.ndarray]
Engine = Callable[[np.ndarray, dict[str, np.ndarray]], tuple[np.ndarray, Mapping[str, np.ndarray]]]
"""``[streams, frames, inputs]`` and initial states ``[streams, units]`` (those that come in every
run) -> ``[streams, frames, outputs]`` and final states ``[streams, units]``."""


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
    """What the engine reads: frames, and the initial states that come in every run.

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
    """Tensors of the file that are made of the engine's results."""
    out = {}
    for t in taps:
        made = y if not t.states else np.concatenate(
            [np.atleast_2d(final[k])[:, None] for k in t.states], axis=-1
        )  # fmt: skip
        out[t.tensor] = t.layout.tensor(made).astype(np.float32)
    return out


def run(
    feeds: Arrays,
    outputs: list[str],
    source: tuple[str, Layout],
    states: list[HostState],
    taps: list[Tap],
    before: bytes | None,
    after: bytes | None,
    engine: Engine,
) -> dict[str, np.ndarray]:
    """The outputs of the file for these inputs, by their names.

    Raises:
        OnnxError: inputs that do not fit, or a host part that cannot run.
    """
    tensors = dict(feeds)
    if before is not None:
        tensors |= run_part(before, tensors)
    x, start = engine_inputs(source, states, tensors)
    y, final = engine(x, start)
    tensors |= tapped(taps, y, final)
    if after is not None:
        tensors |= run_part(after, tensors)
    return {n: tensors[n] for n in outputs}
