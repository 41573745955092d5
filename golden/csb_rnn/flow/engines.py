# SPDX-License-Identifier: Apache-2.0
"""A build's models as engines for the host parts, an evaluation and the API.

An engine (:data:`csb_rnn.network.onnx.hosting.Engine`) takes frames and the initial states that
come with a run, and gives frames and final states. The machine is one too
(:func:`csb_rnn.verify.on_machine`), so all three run under the same host parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.errors import UsageError
from csb_rnn.flow.record import Build
from csb_rnn.machine.numerics import Saturations
from csb_rnn.models import directions
from csb_rnn.network.onnx.hosting import Engine

States = Mapping[str, ArrayLike] | None


def float_engine(build: Build, state: States = None) -> Engine:
    """The network as it was trained.

    Args:
        state: initial states ``[units]`` or ``[sequences, units]``; absent ones are the model's
            own, or zero.

    Raises:
        UsageError: the build was loaded from a folder, which has integers.
    """
    model = build.model
    if model is None:
        raise UsageError("an image folder holds integers: build from the source for floats")

    def engine(x: np.ndarray, given: dict[str, np.ndarray]) -> Any:
        return directions.run(model, x, {**(state or {}), **given})

    return engine


def fixed_engine(
    build: Build, state: States = None, saturations: Saturations | None = None
) -> Engine:
    """Every bit as the machine computes it.

    Args:
        state: initial states in place of the model's own; absent ones are zero.
        saturations: gets the inputs limited by their format.
    """
    q = build.integers()

    def engine(x: np.ndarray, given: dict[str, np.ndarray]) -> Any:
        own = build.initial_states() if state is None else state
        start = q.quantise_state({**own, **given})
        start = {k: np.broadcast_to(v, (len(x), v.shape[-1])).copy() for k, v in start.items()}
        y, final = directions.run_fixed(q, build.config, q.quantise_inputs(x, saturations), start)
        return q.output_float(y), q.state_float(final)

    return engine
