# SPDX-License-Identifier: Apache-2.0
"""Tiles: the words of a share group, where PE rows share neuron addresses (``shared_cols`` > 1).

A word of a share group multiplies Q neurons of one engine column by one row of each of its C PE
rows. A kernel of m rows, m/C of them in every PE row, and n columns gives m/C *strips* of ceil(n/Q)
words: a strip has the same C rows in all its words.

The rows of a strip need not belong to the same unit slot, and a row is in as many strips as its
block row has kernels. Where rows keep different columns a strip takes the union of them and fills
with zeros. For every block of rows and engine column there are several ways to cut columns into
kernels (by blocks of the source, or none at all); the one with fewest words is taken.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from csb_rnn.compiler.products import Product
from csb_rnn.machine.config import Config

NONE = -1  # no row
FAR = 1 << 30  # a slot or position beyond all others
WINDOW = 24  # strips in any order


class Words(NamedTuple):
    """Words of one share group in one product, in order.

    ``row`` [words, C] rows of the product (:data:`NONE`: this PE row idles), ``vert`` [words] the
    set of accumulator banks (0: rows of the own engine row), ``weight`` [words, C, Q], ``addr`` and
    ``side`` [words, Q].
    """

    row: np.ndarray
    vert: np.ndarray
    weight: np.ndarray
    addr: np.ndarray
    side: np.ndarray

    def first(self) -> np.ndarray:
        """[words, C] first words of a streak."""
        return (self.row != NONE) & (self.row != _shift(self.row, 1))

    def store(self) -> np.ndarray:
        """[words, C] last words of a streak."""
        return (self.row != NONE) & (self.row != _shift(self.row, -1))

    def pick(self, words: np.ndarray) -> Words:
        """Some words, by mask or order."""
        return Words(*(part[words] for part in self))

    def join(self, other: Words) -> Words:
        """Its words and then the other's."""
        return Words(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def _shift(row: np.ndarray, by: int) -> np.ndarray:
    """Rows of the word before (1) or behind (-1); NONE at the end."""
    out = np.full_like(row, NONE)
    if by > 0:
        out[1:] = row[:-1]
    else:
        out[:-1] = row[1:]
    return out


def _strips(
    row: np.ndarray,
    addr: np.ndarray,
    weight: np.ndarray,
    pe_row_of: np.ndarray,
    shared: int,
    q: int,
) -> Words:
    """The strips of one kernel.

    Args:
        row, addr, weight: of every non-zero; a pair of row and address occurs once.
        pe_row_of: PE row, within the share group, of every row of the product.
        shared: C.
        q: columns of a word.
    """
    rows, at_row = np.unique(row, return_inverse=True)
    cols, at_col = np.unique(addr, return_inverse=True)
    dense = np.zeros((len(rows) + 1, len(cols)), np.int64)  # the last row is nobody's
    dense[at_row, at_col] = weight
    pe_row = pe_row_of[rows]
    rank = np.empty(len(rows), np.int64)
    for i in range(shared):
        mine = np.flatnonzero(pe_row == i)
        rank[mine] = np.arange(len(mine))
    strips = int(rank.max()) + 1
    pick = np.full((strips, shared), len(rows), np.int64)
    pick[rank, pe_row] = np.arange(len(rows))
    cells = dense[pick]  # [strips, C, columns]
    used = cells.any(axis=1)
    count = used.sum(axis=1)
    order = np.argsort(~used, axis=1, kind="stable")
    words = -(-len(cols) // q)
    pad = words * q - len(cols)
    cells = np.take_along_axis(cells, order[:, None, :], axis=2)
    cells = np.pad(cells, ((0, 0), (0, 0), (0, pad)))
    where = np.pad(np.where(np.take_along_axis(used, order, axis=1), cols[order], 0),
                   ((0, 0), (0, pad)))  # fmt: skip
    cells = cells.reshape(strips, shared, words, q).transpose(0, 2, 1, 3)
    where = where.reshape(strips, words, q)
    keep = np.arange(words) < -(-count[:, None] // q)
    named = np.append(rows, NONE)[pick]
    row_of = np.broadcast_to(named[:, None, :], (strips, words, shared))
    n = int(keep.sum())
    return Words(
        row_of[keep], np.zeros(n, np.int64), cells[keep], where[keep], np.zeros((n, q), np.int64)
    )


def tile(
    row: np.ndarray,
    addr: np.ndarray,
    weight: np.ndarray,
    cuts: list[np.ndarray],
    pe_row_of: np.ndarray,
    shared: int,
    q: int,
) -> Words:
    """Words of one block of rows and one engine column, by the cheapest cut of its columns.

    Args:
        row, addr, weight: of every non-zero.
        cuts: ways to cut: for each the number of every non-zero's column block.
        pe_row_of, shared, q: as in :func:`_strips`.
    """
    best: Words | None = None
    full = -(-len(row) // (shared * q))
    for cut in cuts:
        parts = []
        for b in np.unique(cut):
            at = cut == b
            parts.append(_strips(row[at], addr[at], weight[at], pe_row_of, shared, q))
        words = parts[0]
        for more in parts[1:]:
            words = words.join(more)
        if best is None or len(words.row) < len(best.row):
            best = words
        if len(best.row) == full:
            break
    assert best is not None
    return best


def flow(words: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Words taken from the PE row to the right, so the fullest gets least.

    Args:
        words: int [L] of the PE rows of one share group.
        before: int [L] words of each so far.

    Returns:
        int [L], the smallest such numbers; PE row l never takes more than ``words[l + 1]``.
    """
    pe_rows = len(words)
    load = before + words
    limit = -(-int(load.sum()) // pe_rows)
    while True:
        taken = np.zeros(pe_rows, np.int64)  # by PE row l of PE row l + 1
        for _ in range(pe_rows + 1):
            old = taken.copy()
            for pe_row in range(pe_rows - 1, -1, -1):
                taken[pe_row - 1] = max(0, load[pe_row] + taken[pe_row] - limit)
            if np.array_equal(old, taken):
                break
        else:
            limit += 1
            continue
        if np.all(taken <= np.roll(words, -1)):
            return taken
        limit += 1


def schedule(
    words: Words, keys: np.ndarray, last: list[dict[int, int]], begin: int, apart: int
) -> tuple[np.ndarray, np.ndarray]:
    """An order of words, and their positions, in which no PE row comes back to a row too early.

    Strips stay whole and nearly in order: the first one allowed is next, of the
    :data:`WINDOW` waiting ones; if none may, a word stays empty.

    Args:
        words: of one share group.
        keys: [words, C] accumulator of every row.
        last: for each PE row, position of the last word on each accumulator; kept up to date.
        begin: first position.
        apart: positions between the store of a row and its next streak.

    Returns:
        order [words], position [words], rising.
    """
    row = words.row.tolist()
    key = keys.tolist()
    pe_rows = range(words.row.shape[1])
    starts = [n for n in range(len(row)) if n == 0 or row[n] != row[n - 1]]
    ends = [*starts[1:], len(row)]
    waiting = list(zip(starts, ends, strict=True))
    order: list[int] = []
    place: list[int] = []
    at, now = begin, [NONE] * len(pe_rows)
    while waiting:
        free = [
            max(
                last[n].get(key[lo][n], at - apart) + apart if row[lo][n] != now[n] else at
                for n in pe_rows
                if row[lo][n] != NONE
            )
            for lo, _ in waiting[:WINDOW]
        ]
        at = max(at, min(free))
        lo, hi = waiting.pop(next(i for i, n in enumerate(free) if n <= at))
        now = row[lo]
        order += range(lo, hi)
        place += range(at, at + hi - lo)
        at += hi - lo
        for n in pe_rows:
            if now[n] != NONE:
                last[n][key[lo][n]] = at - 1
    return np.array(order, np.int64), np.array(place, np.int64)


PeRows = dict[tuple[int, int], Words]
"""Words of one product by (share group, engine column); share group g is PE rows g*C to g*C + C - 1
of the engine, so with ``shared_cols`` C = 1 it is a ring."""


def order_key(words: Words, p: Product) -> np.ndarray:
    """The sort key of words: [words]. With several rows in a word it is the first slot, so
    slots are complete one after the other."""
    if words.row.shape[1] == 1:
        return words.row[:, 0]
    return np.where(words.row == NONE, FAR, p.slot[words.row]).min(axis=1)


def tiles_of(p: Product, c: Config) -> PeRows:
    """The words of every (share group, engine column) of one product, where PE rows share
    neurons; everybody works on its own column."""
    shares = p.ring // c.shared_cols
    pe_row_of = p.ring % c.shared_cols
    out: PeRows = {}
    if not len(p.row):
        return out
    order = np.lexsort((p.part[p.row], p.column, shares[p.row]))
    group = np.stack([shares[p.row], p.column, p.part[p.row]])[:, order]
    bounds = np.flatnonzero(np.r_[True, np.any(group[:, 1:] != group[:, :-1], axis=0), True])
    found: dict[tuple[int, int], list[Words]] = {}
    for lo, hi in itertools.pairwise(bounds):
        at = order[lo:hi]
        words = tile(
            p.row[at],
            p.addr[at],
            p.weight[at],
            [cut[at] for cut in p.cuts],
            pe_row_of,
            c.shared_cols,
            c.Q,
        )
        found.setdefault((int(group[0, lo]), int(group[1, lo])), []).append(words)
    for key, parts in found.items():
        words = Words(*(np.concatenate(same) for same in zip(*parts, strict=True)))
        out[key] = words.pick(np.argsort(order_key(words, p), kind="stable"))
    return out


def fullness(products: list[Product], c: Config) -> float:
    """Share of used weight slots in all tiles; 1 without any."""
    words = sum(len(own.row) for p in products for own in tiles_of(p, c).values())
    weights = sum(len(p.row) for p in products)
    return weights / (words * c.shared_cols * c.Q) if words else 1.0
