# SPDX-License-Identifier: Apache-2.0
"""Workload sharing: the PE row of a ring for each non-zero.

A row's non-zeros are spread over the engine columns. PE row l may take some of those of column
l + 1 (horizontal sharing). Two things are wanted at once: few words (a word holds Q non-zeros of
one row, so counts should be multiples of Q) and even PE rows. For each row the cheapest
choice is found exactly (over a set of candidate counts) by dynamic programming around the ring,
with a price for each PE row, growing with its load so far. The imbalance
at the end changes the prices from the start in another round; the last words are handed on
one by one, from PE row to PE row, until no PE row of a ring has more than the mean, rounded up.
"""

from __future__ import annotations

import itertools

import numpy as np

STEER = 0.09  # price of a word for each word of the PE row beyond its ring's mean
ROUNDS = 2  # over all products
GAIN = 0.5  # share of a round's imbalance at the start of the next one


def _candidates(right: np.ndarray, q: int) -> np.ndarray:
    """Counts of words movable from the right neighbour: [..., 2q], around none and all."""
    step = np.arange(q)
    n = right[..., None]
    return np.clip(np.concatenate([0 * n + step, n - step], axis=-1), 0, n)


def share_row(counts: np.ndarray, ahead: np.ndarray, q: int) -> np.ndarray:
    """How many non-zeros each PE row takes from its right neighbour, for one row of every ring.

    Args:
        counts: int [rings, L] non-zeros of the row in each engine column.
        ahead: [rings, L] lead of each PE row over the others, in words.
        q: multipliers of a PE row.

    Returns:
        int [rings, L]: non-zeros of column l + 1 for PE row l.
    """
    rings, pe_rows = counts.shape
    price = np.clip(1 + STEER * ahead, 0.05, 8.0)
    cand = _candidates(np.roll(counts, -1, axis=1), q)  # [rings, L, J]
    wrap = cand[:, -1]  # words taken by the last PE row of the first column

    def words(pe_row: int, given: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Cost of a PE row, [rings, given, taken]."""
        m = counts[:, pe_row, None, None] - given[:, :, None] + taken[:, None, :]
        return price[:, pe_row, None, None] * -(-m // q)

    best = words(0, wrap, cand[:, 0])  # [rings, wrap, taken by PE row 0]
    choice = []
    for pe_row in range(1, pe_rows):
        total = best[..., None] + words(pe_row, cand[:, pe_row - 1], cand[:, pe_row])[:, None]
        choice.append(total.argmin(axis=2))  # [rings, wrap, taken by PE row] -> of PE row - 1
        best = np.take_along_axis(total, choice[-1][:, :, None], axis=2)[:, :, 0]
    # The last PE row must take the words assumed at the first.
    pick = np.diagonal(best, axis1=1, axis2=2).argmin(axis=1)
    taken = np.empty_like(counts)
    ring = np.arange(rings)
    j = pick
    taken[:, -1] = cand[ring, -1, j]
    for pe_row in range(pe_rows - 1, 0, -1):
        j = choice[pe_row - 1][ring, pick, j]
        taken[:, pe_row - 1] = cand[ring, pe_row - 1, j]
    return taken


def words_of(items: np.ndarray, q: int) -> np.ndarray:
    """Words of so many non-zeros of one row."""
    return -(-items // q)


def hand_on(n: np.ndarray, t: np.ndarray, giver: int, step: int, q: int, turn: int) -> int | None:
    """Let a PE row give one word of some row to its neighbour, if a row allows it.

    Args:
        n: int [rows, L] non-zeros of one ring.
        t: int [rows, L] non-zeros of the next column for each PE row; changed in place.
        giver: the PE row to be left with a word less.
        step: -1 to the left neighbour, which takes more; 1 to the right one, which takes back.
        q: multipliers of a PE row.
        turn: any number; different ones choose different rows.

    Returns:
        additional words of the neighbour, 0 or 1; None if no row allows it.
    """
    pe_rows = n.shape[1]
    taker = (giver + step) % pe_rows
    edge = taker if step < 0 else giver  # the PE row whose t changes
    own = n[:, giver] - t[:, giver - 1] + t[:, giver]
    other = n[:, taker] - t[:, taker - 1] + t[:, taker]
    room = n[:, giver] - t[:, edge] if step < 0 else t[:, edge]
    # Just enough to empty the giver's last word; more would only burden the taker.
    moved = own - q * (words_of(own, q) - 1)
    more = words_of(other + moved, q) - words_of(other, q)
    able = (own > 0) & (moved <= room)
    for gain in (0, 1):
        rows = np.flatnonzero(able & (more == gain))
        if len(rows):
            row = rows[turn * 7 % len(rows)]
            t[row, edge] += moved[row] if step < 0 else -moved[row]
            return gain
    return None


def _level(n: np.ndarray, t: np.ndarray, load: np.ndarray, q: int) -> np.ndarray:
    """Hand words on around a ring until no PE row has more than the mean, rounded up.

    Args:
        n, t: int [rows, L] of one ring, as in :func:`hand_on`; t is changed in place.
        load: words of each PE row before these rows.

    Returns:
        words of each PE row, these rows included.
    """
    pe_rows = n.shape[1]
    load = load + words_of(n - np.roll(t, 1, axis=1) + t, q).sum(axis=0)
    for turn in range(pe_rows * int(load.max() - load.min() + 1)):
        limit = -(-int(load.sum()) // pe_rows)
        most = int(load.argmax())
        if load[most] <= limit:
            break
        for step in sorted(
            (-1, 1),
            key=lambda s: next(i for i in range(pe_rows) if load[(most + s * i) % pe_rows] < limit),
        ):
            before, at, gain = t.copy(), most, 1
            while load[at] >= limit and gain:
                more = hand_on(n, t, at, step, q, turn)
                if more is None:
                    t[:] = before
                    break
                at, gain = (at + step) % pe_rows, more
            else:
                load[most] -= 1
                load[at] += gain
                break
        else:
            break  # neither way
    return load


def share(tables: list[np.ndarray], q: int, horizontal: bool, meet: list[bool]) -> list[np.ndarray]:
    """The work taken from the right neighbour by each PE row, for all rows of an iteration.

    Args:
        tables: for each product, in program order, int [rows, rings, L]: non-zeros of the rows that
            are looked at together, in each engine column.
        q: multipliers of a PE row.
        horizontal: False for no sharing.
        meet: products before which the PE rows of a PEGroup wait for each other, so that they had
            better be level there too.

    Returns:
        for each product int [rows, rings, L], zeros without sharing.
    """
    best = [np.zeros_like(t) for t in tables]
    rings, pe_rows = tables[0].shape[1:]
    if not horizontal or pe_rows == 1:
        return best
    handicap, least = np.zeros((rings, pe_rows)), np.inf
    for _ in range(ROUNDS):
        load, taken = np.zeros((rings, pe_rows)), []
        for table in tables:
            taken.append(np.zeros_like(table))
            for i in np.flatnonzero(table.any(axis=(1, 2))):
                ahead = load + handicap
                t = share_row(table[i], ahead - ahead.mean(axis=1, keepdims=True), q)
                load += words_of(table[i] - np.roll(t, 1, axis=1) + t, q)
                taken[-1][i] = t
        if load.max() < least:
            best, least = taken, load.max()
        handicap += GAIN * (load - load.mean(axis=1, keepdims=True))
    starts = [0, *(i for i, m in enumerate(meet) if m and i), len(tables)]
    for ring in range(rings):
        words = np.zeros(pe_rows, np.int64)
        for lo, hi in itertools.pairwise(starts):
            n = np.concatenate([table[:, ring] for table in tables[lo:hi]])
            t = np.concatenate([one[:, ring] for one in best[lo:hi]])
            words = _level(n, t, words, q)
            ends = np.cumsum([len(one) for one in best[lo:hi]])[:-1]
            for one, part in zip(best[lo:hi], np.split(t, ends), strict=True):
                one[:, ring] = part
    return best
