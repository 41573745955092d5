"""Dealing: which data path lane and which unit slot each hidden unit gets.

All accumulator rows of a unit live in one ring, and its neuron in the engine column that goes with
its lane; both follow from the lane. So dealing decides how even the work of the rings is (rows) and
how even the work of the lanes of a ring is before sharing (columns), and the order of the slots
decides how steadily units complete.
"""

from __future__ import annotations

import numpy as np

from golden.config import Config


def deal(rows: np.ndarray, cols: np.ndarray, c: Config) -> tuple[np.ndarray, np.ndarray]:
    """Assign units to (slot, lane).

    Units go, heaviest first, a slot at a time, to the lanes whose ring and engine column have
    got least so far: longest-processing-time-first with as many units for every lane. Slots are
    then reversed: light units first, so that the drain, which takes the same time for each, has
    no backlog at the end, when the next product waits for it.

    Args:
        rows: [units] work of each unit's rows.
        cols: [units] work that each unit's neuron causes as a column.

    Returns:
        slot [units], lane [units], int64.
    """
    units = len(rows)
    slots = -(-units // c.lanes)
    order = np.argsort(-rows, kind="stable")
    ring_of = np.arange(c.lanes) // c.drain_banks
    column_of = np.arange(c.lanes) % c.L
    ring_load = np.zeros(c.rings)
    column_load = np.zeros(c.L)
    # The same scale for both loads; rows matter more, sharing mends columns.
    row_unit = 1.0 / max(rows.sum() / c.rings, 1.0)
    col_unit = (0.5 if c.share_h else 1.0) / max(cols.sum() / c.L, 1.0)
    slot = np.empty(units, np.int64)
    lane = np.empty(units, np.int64)
    for s in range(slots):
        free = list(range(c.lanes))
        batch = order[s * c.lanes : (s + 1) * c.lanes]
        for u in batch:
            cost = ring_load[ring_of[free]] * row_unit + column_load[column_of[free]] * col_unit
            pick = free.pop(int(np.argmin(cost)))
            slot[u], lane[u] = s, pick
            ring_load[ring_of[pick]] += rows[u]
            column_load[column_of[pick]] += cols[u]
    return slots - 1 - slot, lane
