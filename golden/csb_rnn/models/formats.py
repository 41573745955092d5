# SPDX-License-Identifier: Apache-2.0
"""Fixed-point formats: how many fraction bits a value may have, and conversions, saturation aside.

A value of ``frac`` fraction bits is a multiple of ``2^-frac``. Example: ``to_float(3072, 12)``
is 0.75, and ``frac_for(3.0, NEURON_FRACS)`` is 13, as a 16-bit value
of 13 fraction bits reaches 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.machine.config import LANE_FRAC
from csb_rnn.machine.isa import MOST_SHIFT, SHIFT_BASE
from csb_rnn.machine.numerics import GRID_W
from csb_rnn.network.network import Floats

NEURON_FRACS = range(LANE_FRAC - 7, LANE_FRAC + 1)  # neu_shift has 3 bits

INPUT_FRACS = range(25)

SUM_FRACS = range(LANE_FRAC + SHIFT_BASE, LANE_FRAC + SHIFT_BASE + MOST_SHIFT + 1)


def to_float(x: ArrayLike, frac: int) -> Floats:
    """``x / 2^frac``, exact."""
    return np.ldexp(np.asarray(x, np.int64).astype(np.float64), -frac)


def frac_for(bound: float, fracs: range) -> int:
    """Most fraction bits for which a 16-bit value reaches ``bound``; of the range's, the least
    if none does (the value then saturates). A bound of exactly 2^n may lose its last unit."""
    for f in reversed(fracs):
        if bound <= 2.0 ** (GRID_W - 1 - f):
            return f
    return fracs[0]
