# SPDX-License-Identifier: Apache-2.0
"""A few weights, much larger than the others, take several words, and leave them their bits.

The engine adds products, so a weight beyond ``weight_w`` bits may be multiplied in parts. Example:
a matrix of 2,560 weights below 2 and one of 64. Alone, the 64 would leave 9 fraction bits to all;
as 8 products of 8 it leaves 12. Only where the gain is two bits or more, and for about one weight
in 256 at most, so the time of a frame hardly grows.
"""

from __future__ import annotations

import numpy as np

from csb_rnn.machine.numerics import Ints
from csb_rnn.network.network import Floats

MOST_WORDS = 8  # of a weight
SHARE = 256  # kept weights for one more word
WORTH = 4.0  # how much larger than the others outliers are


def _others(size: Floats | Ints) -> float:
    """The largest of the weights without the few of several words; sizes are |w|."""
    kept = int(np.count_nonzero(size))
    few = max(1, kept // SHARE)
    flat = size.ravel()
    return float(np.partition(flat, -1 - few)[-1 - few]) if flat.size > few else 0.0


def limiting(size: Floats) -> float:
    """The |weight| to be held by one word: the largest, or the others' beside outliers."""
    top = float(size.max(initial=0.0))
    others = _others(size)
    return max(others, top / MOST_WORDS) if top > WORTH * others > 0 else top


def fit(w: Ints, top: int, several: bool) -> bool:
    """Whether integer weights fit words up to ``top``, a few of them ``several`` words."""
    size = np.abs(w)
    largest = int(size.max(initial=0))
    if largest <= top:
        return True
    if not several or largest > MOST_WORDS * top or largest <= WORTH * _others(size):
        return False
    over = size[size > top]
    share = int(np.count_nonzero(size)) // SHARE
    return int((-(-over // top) - 1).sum()) <= max(MOST_WORDS - 1, share)
