# SPDX-License-Identifier: Apache-2.0
"""A head that the engine cannot hold goes to the host.

Linear layers behind the recurrent ones are the engine's where they fit. If a build of an ONNX file
or a module does not fit, its last Linear layer becomes a node of ``host_after.onnx``, then
the one before. Example: of a text reader with 8,210 classes the engine runs the LSTM.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from csb_rnn.network.read import Source, leave_last
from csb_rnn.program.program import CompileError

Made = TypeVar("Made")


def fitting(
    found: Source, make: Callable[[Source], Made], say: Callable[[str], None] = lambda _: None
) -> Made:
    """A build, with the last Linear layers on the host if it does not fit otherwise.

    Args:
        found: the model and where it is from.
        make: builds a source.
        say: takes a line for each layer that is left to the host.

    Raises:
        CompileError: of the whole model, if no part of it fits.
    """
    try:
        return make(found)
    except CompileError as error:
        first = error
    while (less := leave_last(found)) is not None:
        last = found.model.spans[-1].networks[False].layers[-1]
        say(f"left to the host, as it does not fit: linear {last.inputs['x']} -> {last.outputs}")
        try:
            return make(less)
        except CompileError:
            found = less
    raise first
