# SPDX-License-Identifier: Apache-2.0
"""Dealing: the data path lane and the unit slot of each hidden unit.

All accumulator rows of a unit live in one ring, and its neuron in one engine column. The lane
decides the ring; the column is the lane's, rotated by as much as the compiler likes in every slot.
So a unit's ring and column are chosen independently of each other, up to one unit a place:

* *rings* (rows): every ring should get as much work as the others, product by product;
* *columns*: every engine column should hold neurons of equal use, and the neurons of one
  CSB block should be close together. A PE row multiplies Q weights of one row at a time, of its own
  column and the next; a row of a kernel whose columns lie there fills its words.

Example: 10 units on the 4 lanes of ``tiny`` are 3 slots.
"""

from __future__ import annotations

import numpy as np

from csb_rnn.machine.config import Config

SWEEPS = 4  # of the improvement by exchanges
WINDOW = 64  # places, in the order of slots, in reach of one exchange


def _scaled(work: np.ndarray, places: int) -> np.ndarray:
    """Work in units of the mean place: [units, products]."""
    return work * places / np.maximum(work.sum(axis=0), 1)


def rotations(slots: int, reach: int, c: Config) -> np.ndarray:
    """Engine column of lane 0 in every slot: in turn, so every ring meets every class."""
    return np.arange(slots) * reach % c.L


def classes(cols: np.ndarray, capacity: np.ndarray, block: int) -> np.ndarray:
    """Assign units to classes of neighbouring engine columns, whole blocks if possible.

    The heaviest block goes to the class with the least, longest-processing-time-first; units
    without room in one class is divided.

    Args:
        cols: [units] non-zeros of each unit's neuron as a column.
        capacity: [classes] places.
        block: consecutive units that belong together.

    Returns:
        class [units].
    """
    of = np.arange(len(cols)) // block
    weight = np.bincount(of, cols)
    room, load = capacity.copy(), np.zeros(len(capacity))
    out = np.empty(len(cols), np.int64)
    for b in np.argsort(-weight, kind="stable"):
        units = np.flatnonzero(of == b)
        while len(units):
            fits = room >= len(units)
            # Load for its share of places: classes need not be of the same size.
            key = np.where(fits if fits.any() else room == room.max(), load / capacity, np.inf)
            k = int(np.argmin(key))
            part, units = units[: room[k]], units[room[k] :]
            out[part] = k
            room[k] -= len(part)
            load[k] += cols[part].sum()
    return out


def deal(
    rows: np.ndarray, cols: np.ndarray, c: Config, block: int, reach: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Assign units to (slot, lane).

    Units go, heaviest first, a slot at a time, to the lanes of their class whose ring and engine
    column have the least load so far: longest-processing-time-first for several
    products at once. Then units of one class are exchanged, within a window of slots, while this
    makes the sum of squared loads smaller. Light slots come first: the drain, which takes
    the same time for each, has no backlog at the end, when the next product waits for it.

    Args:
        rows: [units, products] non-zeros of each unit's rows in every product.
        cols: [units, products] non-zeros of each unit's neuron as a column.
        block: consecutive units that belong together.
        reach: engine columns of a class, a divisor of L; L for no classes.

    Returns:
        slot [units], lane [units], rotation [slots], int64.
    """
    units = len(rows)
    slots = -(-units // c.lanes)
    ring_of = np.arange(c.lanes) // c.drain_banks
    rot = rotations(slots, reach, c)
    column_of = (np.arange(c.lanes) + rot[:, None]) % c.L  # [slots, lanes]
    class_of = column_of // reach
    # The last slots in time are full; only the first slot may lack units.
    capacity = np.bincount(class_of.ravel(), minlength=c.L // reach)
    own = classes(cols.sum(axis=1), capacity, block)

    row = _scaled(rows, c.rings)
    col = _scaled(cols, c.L)
    if len(c.sides) > 1:  # sharing evens out columns
        col = col * 0.5
    ring_load = np.zeros((c.rings, row.shape[1]))
    column_load = np.zeros((c.L, col.shape[1]))
    queue = [
        list(order[own[order] == k])
        for order in [np.argsort(-rows.sum(axis=1), kind="stable")]
        for k in range(len(capacity))
    ]
    place = np.full((slots, c.lanes), -1, np.int64)
    for s in range(slots - 1, -1, -1):
        for k, waiting in enumerate(queue):
            free = np.flatnonzero(class_of[s] == k)
            batch, waiting[: len(free)] = waiting[: len(free)], []
            for u in batch:
                cost = ring_load[ring_of[free]] @ row[u] + column_load[column_of[s, free]] @ col[u]
                i = int(np.argmin(cost))
                place[s, free[i]] = u
                ring_load[ring_of[free[i]]] += row[u]
                column_load[column_of[s, free[i]]] += col[u]
                free = np.delete(free, i)
    # A place without a unit weighs nothing: index -1 is the row of zeros added here.
    row = np.vstack([row, np.zeros((1, row.shape[1]))])
    col = np.vstack([col, np.zeros((1, col.shape[1]))])
    flat = place.ravel()
    ring_at, column_at = np.tile(ring_of, slots), column_of.ravel()
    for _ in range(SWEEPS):
        for k in range(len(capacity)):
            mine = np.flatnonzero(class_of.ravel() == k)
            for window in _windows(mine, WINDOW):
                part = flat[window]
                _exchange(
                    part, row, col, ring_load, column_load, ring_at[window], column_at[window]
                )
                flat[window] = part
    slot = np.empty(units, np.int64)
    lane = np.empty(units, np.int64)
    slots_at, lanes_at = np.nonzero(place >= 0)
    dealt = place[slots_at, lanes_at]
    slot[dealt], lane[dealt] = slots_at, lanes_at
    return slot, lane, rot


def _windows(places: np.ndarray, size: int) -> list[np.ndarray]:
    """Pieces of ``size`` places, overlapping by half."""
    step = max(1, size // 2)
    return [places[i : i + size] for i in range(0, max(1, len(places) - step), step)]


def _exchange(place, row, col, ring_load, column_load, ring_of, column_of) -> None:
    """The best exchange of two places, while there is one; all arrays in place."""
    for _ in range(len(place)):
        r, k = row[place], col[place]  # unit at each lane
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
