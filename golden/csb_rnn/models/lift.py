# SPDX-License-Identifier: Apache-2.0
"""Values that a layer may keep times a power of two, its *lift*: exact, and free in the hardware.

``h = z*h + (1 - z)*relu(W x + U h)`` holds for ``2^k h`` as well if the sum of the relu is drained
``2^k`` as large. Drain shift and neuron shift take k, no word is added. Two uses. An h that reaches
1,000 is kept as 62 with a lift of -4, where lanes, states and neurons would saturate. An h below
16 that a slow gate adds up is kept as 128 with a lift of 3, so that a frame is rounded to 2^-18.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from csb_rnn.cells.graph import Cell
from csb_rnn.machine.config import LANE_FRAC, Config
from csb_rnn.machine.isa import MOST_SHIFT, SHIFT_BASE
from csb_rnn.machine.numerics import GRID_W
from csb_rnn.models.formats import NEURON_FRACS

LIFTS = range(NEURON_FRACS[0] - 2 * LANE_FRAC, NEURON_FRACS[-1] - NEURON_FRACS[0] + 1)
FREE_FRACS = range(LANE_FRAC + 1)  # of a lifted vector: it reaches up to 2^15
LINEAR = ("identity", "relu")


def lifted(cell: Cell) -> frozenset[str]:
    """Nodes and states (``state:h``) that are a power of two larger if the layer has a lift.

    Found by taking all for such, and striking out whatever contradicts: sums of one kind with the
    other, products of two, operands that other nodes share, other activations than relu. Example:
    LiGRU's ``a``, ``h`` and ``state:h``; nothing of a GRU, whose h is a sum with a tanh.
    """
    found = {n.name for n in cell.nodes if n.act in LINEAR} | {f"state:{s}" for s in cell.states}
    while True:
        out: set[str] = set()
        for n in cell.elems:
            terms = [(n.m0, n.x0)] + ([(n.m1, n.x1)] if n.m1 != "zero" else [])
            out |= {m for m, _ in terms}
            kinds = [x in found for _, x in terms]
            parts = {n.name} | ({f"state:{n.state}"} if n.state else set())
            if all(kinds) and all(p in found for p in parts):
                continue
            out |= parts | {x for _, x in terms}
        if not out & found:
            break
        found -= out
    return frozenset(found) if cell.output.name in found else frozenset()


def sum_fracs(lift: int) -> range:
    """Fraction bits that a drain's sum may have, so that its shift has a field."""
    first = LANE_FRAC + SHIFT_BASE + lift
    return range(first, first + MOST_SHIFT + 1)


def largest_lifted(cell: Cell, peaks: Mapping[str, float], margin: float) -> float:
    """Largest lifted sum or state that neurons do not limit.

    Args:
        peaks: largest |value| of each node in calibration.
        margin: of states; the data path holds four times as much as they.
    """
    names = lifted(cell)
    of_states = [margin * peaks[n.name] for n in cell.elems if n.state and not n.vector
                 and n.name in names]  # fmt: skip
    return max([peaks[d.name] for d in cell.drains if d.name in names] + of_states, default=0.0)


def best_lift(frac: int, largest: float, cfg: Config) -> int:
    """The lift of a layer whose lifted output has ``frac`` fraction bits.

    Args:
        frac: of neurons, on the 16-bit grid.
        largest: see :func:`largest_lifted`.
        cfg: widths.

    Returns:
        The most with which all is held: neurons below 128, ``largest`` below 256. Example: 3 for
        11 fraction bits, neurons to 16, and sums to 30.
    """
    most = min(frac - NEURON_FRACS[0], cfg.state_w - GRID_W - LANE_FRAC + frac)
    if largest > 0:
        room = 2.0 ** (cfg.state_w - 1 - LANE_FRAC)
        most = min(most, math.floor(math.log2(room / largest)))
    return max(most, frac - NEURON_FRACS[-1])
