# SPDX-License-Identifier: Apache-2.0
"""The largest layer that a configuration holds, found by compiling layers.

Example: on ``tiny`` a dense LSTM of 128 inputs and 128 units fits; one of 132 needs more words of
the weight buffer than there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from csb_rnn.compiler import compile_network
from csb_rnn.errors import CsbError
from csb_rnn.machine.config import Config
from csb_rnn.models.quantise import quantise_model
from csb_rnn.network import stacking
from csb_rnn.network.state_dict import from_state_dict

GATES = {"lstm": 4, "gru": 3}
MOST_UNITS = 4096  # larger layers are not tried


class Largest(NamedTuple):
    """A dense layer with as many inputs as units.

    Attributes:
        cell: ``lstm`` or ``gru``.
        units: 0 if not even a layer of one slot fits.
        weights: of it.
        limit: the line that refuses a layer of one slot of units more; empty if none was tried.
    """

    cell: str
    units: int
    weights: int
    limit: str


def _compile(cell: str, units: int, c: Config) -> str:
    """Empty if a dense layer fits, else the line that says why not."""
    rng, state = np.random.default_rng(units), {}
    for name in ("ih", "hh"):
        weights = rng.uniform(0.25, 0.5, (GATES[cell] * units, units)) / units
        state[f"weight_{name}_l0"] = weights
        state[f"bias_{name}_l0"] = np.zeros(GATES[cell] * units)
    model = stacking.from_checkpoint(from_state_dict(state))
    try:
        q = quantise_model(model, c, None).spans[0].networks[False]
        compile_network(q, c, block=min(32, c.max_block))
    except CsbError as error:
        return str(error)
    return ""


def largest(cell: str, c: Config) -> Largest:
    """The largest dense layer of a cell, in steps of one unit for each lane of the data path.

    Args:
        cell: a key of :data:`GATES`.
        c: the configuration.
    """
    slots, limits = MOST_UNITS // c.lanes, {}

    def fits(n: int) -> bool:
        limits[n] = _compile(cell, n * c.lanes, c)
        return not limits[n]

    low, high = 0, 1  # low fits; high does not, once it is found
    while high <= slots and fits(high):
        low, high = high, 2 * high
    high = min(high, slots + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    units = low * c.lanes
    return Largest(cell, units, 2 * GATES[cell] * units**2, limits.get(high, ""))
