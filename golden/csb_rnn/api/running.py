# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of a build's runs: with or without an axis of sequences, through the host."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn import flow
from csb_rnn.api import arguments
from csb_rnn.api.results import Result
from csb_rnn.errors import UsageError
from csb_rnn.network.onnx.hosting import Engine
from csb_rnn.system import extras

#: Programs of the system that a simulator needs.
PROGRAMS = {"verilator": ("g++", "make", "perl"), "icarus": ("iverilog",)}


def sequences(x: Any, inputs: int) -> tuple[np.ndarray, bool]:
    """Inputs as ``[batch, frames, n]``, and whether they had a batch axis.

    Raises:
        UsageError: another shape.
    """
    if isinstance(x, Mapping):
        raise UsageError("inputs by name are for a source with host parts")
    array = arguments.numbers("x", x)
    if array.ndim not in (2, 3) or array.shape[-1] != inputs or 0 in array.shape:
        raise UsageError(
            f"inputs have shape {list(array.shape)}, expected [frames, {inputs}] or "
            f"[batch, frames, {inputs}]"
        )
    return (array, True) if array.ndim == 3 else (array[None], False)


def batched(
    state: Mapping[str, ArrayLike] | None, batch: int, record: flow.Build
) -> dict[str, np.ndarray] | None:
    """States ``[H]`` or ``[batch, H]`` as ``[batch, H]``.

    Args:
        state: by name.
        batch: sequences of the inputs.
        record: whose model knows the length of each state.

    Raises:
        UsageError: another number of sequences than the inputs, or another length.
    """
    if state is None:
        return None
    found, lengths = {}, {} if record.model is None else record.model.state_shapes()
    for key, v in arguments.by_name("state", state).items():
        if v.ndim not in (1, 2) or (v.ndim == 2 and len(v) != batch):
            raise UsageError(
                f"state '{key}' has shape {list(v.shape)}, the inputs have {batch} sequences"
            )
        if v.shape[-1] != lengths.get(key, v.shape[-1]):
            shape = list(v.shape)
            raise UsageError(f"state '{key}' has shape {shape}: its length is {lengths[key]}")
        found[key] = np.broadcast_to(v, (batch, v.shape[-1]))
    return found


def need_simulator(sim: str) -> None:
    """
    Raises:
        UsageError: no such simulator, or a package or a program is missing; the message names the
            package to install.
    """
    arguments.one_of("sim", sim, PROGRAMS)
    extras.need("cocotb", "cocotb_test", "verilator")
    for name in PROGRAMS[sim]:
        if shutil.which(name) is None:
            raise UsageError(f"{name}: not installed; on Debian: apt-get install {name}")


def result(record: flow.Build, engine: Engine, x: Any) -> Result:
    """Outputs of an engine, between the host parts if the build has any.

    Args:
        x: ``[frames, inputs]`` or ``[batch, frames, inputs]``; with host parts the inputs of the
            source's graph: one array, a tuple of them, or arrays by name.

    Raises:
        UsageError, OnnxError: inputs of a wrong shape.
    """
    if record.host is None:
        frames, batch = sequences(x, record.inputs)
        y, final = engine(frames, {})
        pick: Any = slice(None) if batch else 0
        return Result(_float(y[pick]), {k: _float(v[pick]) for k, v in final.items()})
    named, final = record.host.run(arguments.each_plain(x), engine, record.options.streams)
    first = named[record.host.outputs[0]]
    return Result(first, {k: _float(v) for k, v in final.items()}, named=named)


def _float(value: np.ndarray) -> np.ndarray:
    return np.asarray(value, np.float32)
