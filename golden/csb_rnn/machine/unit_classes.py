# SPDX-License-Identifier: Apache-2.0
"""Unit classes: the PE row of each unit of a block, if PE rows share neuron addresses.

With ``shared_cols`` = C > 1 a word of a share group multiplies Q columns by one row of each of its
C PE rows. A kernel fills its words if it keeps as many rows in every PE row. So the units of a
block are divided into *parts* of C *classes* each: unit u has the number ``part * C + class``. The
units of a part are in one share group, the units of a class in one PE row of it, and a kernel keeps
as many rows of every class of a part.

How many units each class has follows from the machine alone (:func:`quotas`). A block is cut into
*pieces*, which go to engine rows one by one; so many that every engine row gets :data:`PER_ROW` of
them, for balance, as long as a class keeps :data:`PER_CLASS` units. A piece has a part for each
share group of an engine row. The choice of a class's units is free (:func:`assign`).

Example: 256 units in blocks of 32 on ``paper256_cols`` (K = P = C = 4): an engine row gets two
blocks, so a block is one piece: one part of four classes of 8 units. With 128 units it would get
one block: a block is two pieces of 16 units. More pieces would even out engine rows further (97.5
instead of 96.9 % of the multipliers' time for MT1 on ``paper512_cols``), but a kernel that has to
be balanced in each of two pieces keeps 2.4 % less energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from csb_rnn.machine.config import Config

PER_ROW = 2  # least number of pieces of an engine row
PER_CLASS = 4  # least number of units of a class in a piece
MOST_CLASSES = 1 << 16
SWEEPS = 6  # of the exchanges in a block
EXACT = 1e-9


def piece_size(units: int, block: int, c: Config) -> int:
    """Units of a piece beyond any further cut."""
    size = min(block, units)
    while units < PER_ROW * c.K * size and size % 2 == 0 and size // 2 >= PER_CLASS * c.P:
        size //= 2
    return size


def pieces(units: int, block: int, c: Config) -> list[list[int]]:
    """Units of every piece of every block: a piece lies in one *bundle*, one bank of an engine row.

    A bundle has P places in every slot. It takes as many pieces of :func:`piece_size` as it has
    room for; the others are cut to the rest of the bundles.
    """
    slots = -(-units // c.lanes)
    room, bundles = slots * c.P, c.K * c.drain_banks
    size = piece_size(units, block, c)
    whole = room // size * bundles
    gap = room % size
    left, seen = gap, 0
    out = []
    for at in range(0, units, block):
        cut = []
        n = min(block, units - at)
        while n:
            take = min(n, size)
            n, seen = n - take, seen + 1
            if seen <= whole:
                cut.append(take)
                continue
            while take:
                some = min(take, left)
                cut.append(some)
                take, left = take - some, (left - some) or gap
        out.append(cut)
    return out


def quotas(units: int, block: int, c: Config) -> list[np.ndarray]:
    """For every block, how many units each class has: entry ``part * shared_cols + class``."""
    out = []
    for sizes in pieces(units, block, c):
        counts = [[n // c.P + (i < n % c.P) for i in range(c.P)] for n in sizes]
        out.append(np.array(counts).reshape(-1))
    return out


def named(csb: Mapping[str, Any], shared: int, block: int) -> dict[str, np.ndarray]:
    """The classes in a checkpoint's metadata for blocks of this size and ``shared`` classes
    a part, by unit space and layer (``hidden_l0``); entries other than lists of integers are left
    out."""
    found = csb.get("unit_class")
    if csb.get("classes") != shared or csb.get("block") != block or not isinstance(found, dict):
        return {}
    return {
        key: np.array(value, np.int64)
        for key, value in found.items()
        if isinstance(value, list) and all(type(v) is int and 0 <= v < MOST_CLASSES for v in value)
    }


def fits(classes: np.ndarray, units: int, block: int, c: Config) -> bool:
    """Whether classes [units] are such as this machine has them."""
    if len(classes) != units:
        return False
    for i, quota in enumerate(quotas(units, block, c)):
        own = classes[i * block : (i + 1) * block]
        if own.min(initial=0) < 0 or own.max(initial=0) >= len(quota):
            return False
        if not np.array_equal(np.bincount(own, minlength=len(quota)), quota):
            return False
    return True


def longest(work: np.ndarray, classes: np.ndarray, shared: int) -> float:
    """Work of the fullest class of every part in every kernel, in all: less is better.

    Args:
        work: [units, kernels].
        classes: [units] of one block.
        shared: classes of a part.
    """
    parts = int(classes.max(initial=0)) // shared + 1
    load = np.zeros((parts * shared, work.shape[1]))
    np.add.at(load, classes, work)
    return float(load.reshape(parts, shared, -1).max(axis=1).sum())


def assign(work: np.ndarray, quota: np.ndarray) -> np.ndarray:
    """Classes of the units of one block, for equal work of each kernel in every class.

    Args:
        work: [units, kernels] weight of each unit's row in every kernel of the block.
        quota: [classes] units of each class.

    Returns:
        class [units]. Heavy units go first, each to the class with the least of its kind of work;
        then units of one part are exchanged while this evens out its classes.
    """
    units = len(work)
    scaled = work / np.maximum(work.sum(axis=0), EXACT)
    scaled = scaled * np.sqrt(work.sum(axis=0) / max(work.sum(), EXACT))
    load = np.zeros((len(quota), work.shape[1]))
    room = quota.copy()
    out = np.empty(units, np.int64)
    for u in np.argsort(-work.sum(axis=1), kind="stable"):
        cost = np.where(room > 0, load @ scaled[u], np.inf)
        out[u] = int(np.argmin(cost))
        load[out[u]] += scaled[u]
        room[out[u]] -= 1
    for _ in range(SWEEPS):
        moved = False
        for i in range(units):
            # Change of the sum of squared loads if unit i and another one change places.
            d = scaled - scaled[i]
            gap = load[out[i]] - load[out]
            change = 2 * (d * gap).sum(axis=1) + 2 * (d * d).sum(axis=1)
            change[out == out[i]] = 0
            j = int(np.argmin(change))
            if change[j] < -EXACT:
                load[out[i]] += d[j]
                load[out[j]] -= d[j]
                out[i], out[j] = out[j], out[i]
                moved = True
        if not moved:
            break
    return out
