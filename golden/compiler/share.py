"""Workload sharing: which lane of a ring multiplies which non-zero.

A row's non-zeros are spread over the engine columns. Lane l may take some of those of column
l + 1 (horizontal sharing). Two things are wanted at once: few lane words (a word holds Q
non-zeros of one row, so counts should be multiples of Q) and even lanes. For each row the cheapest
choice is found exactly (over a set of candidate counts) by dynamic programming around the ring,
with a price for each lane that grows with what the lane has been given so far.
"""

from __future__ import annotations

import numpy as np

STEER = 0.12  # price of a word per word that the lane is ahead of the mean of its ring


def _candidates(right: np.ndarray, q: int) -> np.ndarray:
    """Counts that may move from the right neighbour: [..., 3q], around none, half and all."""
    step = np.arange(q)
    n = right[..., None]
    return np.clip(np.concatenate([0 * n + step, n // 2 + step, n - step], axis=-1), 0, n)


def share_row(counts: np.ndarray, load: np.ndarray, q: int) -> np.ndarray:
    """How many non-zeros each lane takes from its right neighbour, for one row of every ring.

    Args:
        counts: int [rings, L] non-zeros of the row in each engine column.
        load: [rings, L] words given to each lane so far.
        q: multipliers of a lane.

    Returns:
        int [rings, L]: non-zeros that lane l takes of column l + 1.
    """
    rings, lanes = counts.shape
    price = np.clip(1 + STEER * (load - load.mean(axis=1, keepdims=True)), 0.05, 8.0)
    cand = _candidates(np.roll(counts, -1, axis=1), q)  # [rings, L, J]
    wrap = cand[:, -1]  # what the last lane takes of the first column

    def words(lane: int, given: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Cost of a lane, [rings, given, taken]."""
        m = counts[:, lane, None, None] - given[:, :, None] + taken[:, None, :]
        return price[:, lane, None, None] * -(-m // q)

    best = words(0, wrap, cand[:, 0])  # [rings, wrap, taken by lane 0]
    choice = []
    for lane in range(1, lanes):
        total = best[..., None] + words(lane, cand[:, lane - 1], cand[:, lane])[:, None]
        choice.append(total.argmin(axis=2))  # [rings, wrap, taken by lane] -> of lane - 1
        best = np.take_along_axis(total, choice[-1][:, :, None], axis=2)[:, :, 0]
    # The last lane must take what was assumed at the first.
    pick = np.diagonal(best, axis1=1, axis2=2).argmin(axis=1)
    taken = np.empty_like(counts)
    ring = np.arange(rings)
    j = pick
    taken[:, -1] = cand[ring, -1, j]
    for lane in range(lanes - 1, 0, -1):
        j = choice[lane - 1][ring, pick, j]
        taken[:, lane - 1] = cand[ring, lane - 1, j]
    return taken


def share_rows(counts: np.ndarray, load: np.ndarray, q: int, horizontal: bool) -> np.ndarray:
    """:func:`share_row` for rows in program order.

    Args:
        counts: int [rows, rings, L].
        load: [rings, L] words given to each lane so far; grows by what these rows add.

    Returns:
        int [rows, rings, L], zeros without sharing.
    """
    taken = np.zeros_like(counts)
    if not horizontal or counts.shape[2] == 1:
        load += (-(-counts // q)).sum(axis=0)
        return taken
    for i, row in enumerate(counts):
        if row.any():
            taken[i] = share_row(row, load, q)
            load += -(-(row - np.roll(taken[i], 1, axis=1) + taken[i]) // q)
    return taken
