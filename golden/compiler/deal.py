"""Dealing: which data path lane and which unit slot each hidden unit gets.

All accumulator rows of a unit live in one ring, and its neuron in the engine column that goes with
its lane; both follow from the lane. So dealing decides how even the work of the rings is (rows) and
how even the work of the lanes of a ring is before sharing (columns), product by product, and the
order of the slots decides how steadily units complete.
"""

from __future__ import annotations

import numpy as np

from golden.config import Config

SWEEPS = 4  # of the improvement by exchanges


def _scaled(work: np.ndarray, places: int) -> np.ndarray:
    """Work in units of the mean place: [units, products]."""
    return work * places / np.maximum(work.sum(axis=0), 1)


def deal(rows: np.ndarray, cols: np.ndarray, c: Config) -> tuple[np.ndarray, np.ndarray]:
    """Assign units to (slot, lane).

    Units go, heaviest first, a slot at a time, to the lanes whose ring and engine column have
    got least of what the unit brings: longest-processing-time-first for several products at once,
    with as many units for every lane. Then units of one slot are exchanged while that makes the
    sum of squared loads smaller. Light slots come first, so that the drain, which takes the
    same time for each, has no backlog at the end, when the next product waits for it.

    Args:
        rows: [units, products] non-zeros of each unit's rows in every product.
        cols: [units, products] non-zeros of each unit's neuron as a column.

    Returns:
        slot [units], lane [units], int64.
    """
    units = len(rows)
    slots = -(-units // c.lanes)
    ring_of = np.arange(c.lanes) // c.drain_banks
    column_of = np.arange(c.lanes) % c.L
    row = _scaled(rows, c.rings)
    col = _scaled(cols, c.L)
    if c.share_h:  # sharing evens out columns
        col = col * 0.5
    ring_load = np.zeros((c.rings, row.shape[1]))
    column_load = np.zeros((c.L, col.shape[1]))
    order = np.argsort(-rows.sum(axis=1), kind="stable")
    place = np.full((slots, c.lanes), -1, np.int64)
    for s in range(slots):
        free = np.arange(c.lanes)
        for u in order[s * c.lanes : (s + 1) * c.lanes]:
            cost = ring_load[ring_of[free]] @ row[u] + column_load[column_of[free]] @ col[u]
            i = int(np.argmin(cost))
            place[s, free[i]] = u
            ring_load[ring_of[free[i]]] += row[u]
            column_load[column_of[free[i]]] += col[u]
            free = np.delete(free, i)
    # A place without a unit weighs nothing: index -1 is the row of zeros added here.
    row = np.vstack([row, np.zeros((1, row.shape[1]))])
    col = np.vstack([col, np.zeros((1, col.shape[1]))])
    for _ in range(SWEEPS):
        for s in range(slots):
            _exchange(place[s], row, col, ring_load, column_load, ring_of, column_of)
    slot = np.empty(units, np.int64)
    lane = np.empty(units, np.int64)
    s, at = np.nonzero(place >= 0)
    slot[place[s, at]], lane[place[s, at]] = slots - 1 - s, at
    return slot, lane


def _exchange(place, row, col, ring_load, column_load, ring_of, column_of) -> None:
    """The best exchange of two places of one slot, while there is one; all arrays in place."""
    for _ in range(len(place)):
        r, k = row[place], col[place]  # what stands at each lane
        gain = np.zeros((len(place), len(place)))
        for load, work, of in ((ring_load, r, ring_of), (column_load, k, column_of)):
            # d = work_j - work_i moves to place i: change of the squares of both loads.
            d = work[None, :, :] - work[:, None, :]
            at = load[of]
            same = of[:, None] == of[None, :]
            change = 2 * ((d * (at[:, None, :] - at[None, :, :])).sum(-1) + (d * d).sum(-1))
            gain += np.where(same, 0.0, change)
        i, j = np.unravel_index(np.argmin(gain), gain.shape)
        if gain[i, j] > -1e-9:
            return
        for load, work, of in ((ring_load, r, ring_of), (column_load, k, column_of)):
            load[of[i]] += work[j] - work[i]
            load[of[j]] += work[i] - work[j]
        place[i], place[j] = place[j], place[i]
