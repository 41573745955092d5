# SPDX-License-Identifier: Apache-2.0
"""Sharing of whole words: a rule for each sharing mode (:data:`RULES`), which moves some of them to
a neighbour.

Example: engine rows with 120 and 80 words of an iteration even out when one gives the other 20.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np

from csb_rnn.compiler.products import Product
from csb_rnn.compiler.tiles import PeRows, Words, flow, order_key
from csb_rnn.machine.config import Config
from csb_rnn.machine.sharing_modes import BANK_SETS, MODES, SIDES, SharingMode


def _merge(words: Words, other: Words, p: Product) -> Words:
    """Words of both, in the order of rows: those of one PE row, or else of unit slots."""
    both = words.join(other)
    return both.pick(np.argsort(order_key(both, p), kind="stable"))


def _spread(count: int, seen: float, share: float) -> np.ndarray:
    """Mask of so many words: a share of them, evenly, ``seen`` words after the first."""
    at = seen + np.arange(count + 1)
    return np.diff(np.floor(at * share + 1e-9)) > 0


def move_across(
    mode: SharingMode,
    products: list[Product],
    pe_rows_of: list[PeRows],
    meet: list[bool],
    c: Config,
) -> None:
    """Words of one engine column go to the PE row of the column that may take them; with horizontal
    sharing that is the one to the left. A word that another mode has moved stays.

    Args:
        mode: across engine columns, one to the right or to the left.
        products, pe_rows_of: in program order; PE rows change in place.
        meet: products before which the PEGroups wait for each other: PE rows are level there.
    """
    groups, side = c.K * c.share_groups, list(SIDES[c.sharing].values()).index(mode.name)
    load = np.zeros((groups, c.L), np.int64)
    starts = [0, *(i for i, m in enumerate(meet) if m and i), len(products)]
    for lo, hi in itertools.pairwise(starts):
        words = np.zeros((groups, c.L), np.int64)
        for pe_rows in pe_rows_of[lo:hi]:
            for at, own in pe_rows.items():
                words[at] += len(own.row)
        way = slice(None, None, mode.column)
        taken = np.stack([flow(words[g, way], load[g, way])[way] for g in range(groups)])
        given = np.roll(taken, mode.column, axis=1)  # by each PE row to its taker
        load += words + taken - given
        share = given / np.maximum(words, 1)
        seen = np.zeros((groups, c.L))
        for p, pe_rows in zip(products[lo:hi], pe_rows_of[lo:hi], strict=True):
            go = {at: _spread(len(own.row), seen[at], share[at]) for at, own in pe_rows.items()}
            for at, own in pe_rows.items():
                seen[at] += len(own.row)
            for at, own in pe_rows.items():
                go[at] &= ~own.side.any(axis=1)
            moved = {
                (g, (col - mode.column) % c.L): own.pick(go[g, col])._replace(
                    side=np.full((int(go[g, col].sum()), c.Q), side)
                )
                for (g, col), own in pe_rows.items()
            }
            for at in list(pe_rows):
                pe_rows[at] = pe_rows[at].pick(~go[at])
            _receive(pe_rows, moved, p)


def _receive(pe_rows: PeRows, moved: PeRows, p: Product) -> None:
    """Words for PE rows; PE rows without any word go. ``pe_rows`` changes."""
    for at, words in moved.items():
        if len(words.row):
            pe_rows[at] = _merge(pe_rows[at], words, p) if at in pe_rows else words
    for at in [at for at, words in pe_rows.items() if not len(words.row)]:
        del pe_rows[at]


def move_down(
    mode: SharingMode,
    products: list[Product],
    pe_rows_of: list[PeRows],
    meet: list[bool],
    c: Config,
) -> None:
    """Words of one engine row go to the PE row of the engine row that may take them; with vertical
    sharing that is the one above.

    Both PE rows hold the same neurons, so any word may move, and no word gets fuller or emptier.
    The K PE rows of one number in an engine column form a circle. In it the least flow that
    evens out the words of an iteration is a cumulative sum; every product gives its part of the
    flow, spread evenly over its words.

    Args:
        mode: across engine rows, one down or up.
        products, pe_rows_of, meet: as of :func:`move_across`.
    """
    total = np.zeros((c.K, c.share_groups, c.L))
    for pe_rows in pe_rows_of:
        for (group, col), pe_row in pe_rows.items():
            total[group // c.share_groups, group % c.share_groups, col] += len(pe_row.row)
    # In the order of takers, engine row k keeps total - flow[k] + flow[k + 1].
    total = total[:: mode.row]
    flows = np.cumsum(total.mean(axis=0) - total, axis=0)
    flows = np.roll(flows, 1, axis=0)
    flows = np.round(flows - flows.min(axis=0))
    share_of = np.minimum(flows / np.maximum(total, 1), 1.0)[:: mode.row]
    before = np.zeros(total.shape)  # words of each PE row seen so far
    for p, pe_rows in zip(products, pe_rows_of, strict=True):
        go = {}
        for (group, col), pe_row in pe_rows.items():
            at = (group // c.share_groups, group % c.share_groups, col)
            go[group, col] = _spread(len(pe_row.row), before[at], share_of[at])
            before[at] += len(pe_row.row)
        give(mode, p, pe_rows, go, c)


def give(
    mode: SharingMode,
    p: Product,
    pe_rows: PeRows,
    go: dict[tuple[int, int], np.ndarray],
    c: Config,
) -> None:
    """Words of each PE row (a mask) go to the engine row that takes them; ``pe_rows`` changes."""
    given: PeRows = {}
    for (group, col), pe_row in list(pe_rows.items()):
        away = go[group, col] & (pe_row.vert == 0)
        if away.any():
            moved = pe_row.pick(away)
            number = list(BANK_SETS[c.sharing].values()).index(mode.name)
            to = (group - mode.row * c.share_groups) % (c.K * c.share_groups)
            given[to, col] = moved._replace(vert=np.full(len(moved.vert), number))
            pe_rows[group, col] = pe_row.pick(~away)
    _receive(pe_rows, given, p)


#: Moves whole words in all products of a program; arguments as of :func:`move_across`.
Rule = Callable[[list[Product], list[PeRows], list[bool], Config], None]
#: By mode; a mode whose neighbour is further away needs a rule of its own here.
RULES: dict[str, Rule] = {
    m.name: functools.partial(move_across if m.column else move_down, m)
    for m in MODES
    if abs(m.column + m.row) == 1
}
#: Where no PE rows share addresses this mode moves single weights: :mod:`csb_rnn.compiler.sharing`.
BY_WEIGHTS = "horizontal"


def first_of_sets(sets: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mask of the first ``count[s]`` words of every set s, of words with these sets, in order."""
    start = np.searchsorted(sets, sets)
    return np.arange(len(sets)) - start < count[sets]
