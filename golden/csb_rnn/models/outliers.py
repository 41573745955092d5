# SPDX-License-Identifier: Apache-2.0
"""A few weights, much larger than the others, take several words, and leave them their bits.

The engine adds products, so a weight beyond ``weight_w`` bits may be multiplied in parts. Example:
a matrix of 2,560 weights below 2 and one of 64. Alone, the 64 would leave 9 fraction bits to all;
as 8 products of 8 it leaves 12. For about one weight in 256 at most, so the time of a frame hardly
grows; a small matrix may have one such weight if the gain is two bits or more. A layer whose
estimated error is below 2^-16 without has none: ``z6_lstm``, of 0.60 units of 2^-16, would take 167
cycles on ``small`` instead of 163.
"""

from __future__ import annotations

import numpy as np

from csb_rnn.machine.numerics import Ints
from csb_rnn.network.network import Floats

MOST_WORDS = 8  # of a weight
SHARE = 256  # kept weights for one more word
ENOUGH = 2.0**-16  # estimated error of a layer that needs no several words
WORTH = 4.0  # how much larger than the others the outlier of a small matrix is


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
    if top > WORTH * others > 0:
        return max(others, top / MOST_WORDS)
    several = int(np.count_nonzero(size)) >= SHARE
    return max(others, top / 2) if several else top


def fit(w: Ints, top: int, several: bool) -> bool:
    """Whether integer weights fit words up to ``top``, a few of them ``several`` words."""
    size = np.abs(w)
    largest = int(size.max(initial=0))
    if largest <= top:
        return True
    if not several or largest > MOST_WORDS * top:
        return False
    over = size[size > top]
    more = int((-(-over // top) - 1).sum())
    share = int(np.count_nonzero(size)) // SHARE
    return more <= (max(MOST_WORDS - 1, share) if largest > WORTH * _others(size) else share)
