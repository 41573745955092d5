# SPDX-License-Identifier: Apache-2.0
"""Dealing for shared columns: blocks to engine rows, their units to PE rows by class.

Where PE rows share neuron addresses (``shared_cols`` > 1) the units of a block stay together: a
*piece* (:mod:`csb_rnn.machine.unit_classes`, mostly a whole block) goes to one *bundle*, a bank of
an engine row, and takes consecutive slots of it; its classes are the bundle's PE rows. Engine rows
take turns on the neuron bus, so the neurons of a bundle lie in one engine column if the engine has
as many columns as bundles, rotated by as much as the compiler likes in every slot.

Blocks are balanced over engine rows, for every product, and over engine columns: the heaviest go
first, each to the bundle with the least load; then blocks of the same size are exchanged. Light
blocks come first in time, light units first in a block. A unit without room in its PE row goes to
any free place: more cycles, the same numbers.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from csb_rnn.machine import unit_classes
from csb_rnn.machine.config import Config

SWEEPS = 4  # of exchanges of blocks
PRODUCT = 0.25  # weight of each product against their sum
COLUMN = 0.25  # weight of engine columns against engine rows: horizontal sharing evens them out


@dataclasses.dataclass
class _Piece:
    """Units of one block in one bundle."""

    units: np.ndarray
    cell: np.ndarray  # PE row, up to a permutation: share group * shared_cols + class
    rows: np.ndarray  # [products] work of its rows
    cols: float  # work of its neurons
    whole: bool
    bundle: int = -1
    turn: int = 0  # of whole blocks: 0 is the last in time


def _pieces(
    rows: np.ndarray, cols: np.ndarray, classes: np.ndarray, block: int, c: Config
) -> list[_Piece]:
    """All pieces, from the classes of the units."""
    out: list[_Piece] = []
    whole = -(-len(rows) // c.lanes) * c.P // unit_classes.piece_size(len(rows), block, c)
    whole *= c.K * c.drain_banks
    for b, sizes in enumerate(unit_classes.pieces(len(rows), block, c)):
        units = np.arange(b * block, min((b + 1) * block, len(rows)))
        for i in range(len(sizes)):
            mine = units[classes[units] // c.P == i]
            work, neurons = rows[mine].sum(axis=0), float(cols[mine].sum())
            out.append(_Piece(mine, classes[mine] % c.P, work, neurons, len(out) < whole))
    return out


class _Balance:
    """Loads of engine rows and columns, in means; a bundle in a turn stands for one of each."""

    def __init__(self, pieces: list[_Piece], turns: int, c: Config) -> None:
        total = np.sum([p.rows for p in pieces], axis=0)
        self.scale = c.K / max(float(total.sum()), 1.0)
        self.col_scale = c.L / max(sum(p.cols for p in pieces), 1.0)
        self.rows = np.zeros((c.K, len(total)))
        self.cols = np.zeros(c.L)
        self.rot = np.zeros(turns, np.int64)
        self.c = c

    def column(self, bundle: int, turn: int) -> int:
        """Engine column of a bundle's first PE row."""
        return int((self.base(bundle) + self.rot[turn]) % self.c.L)

    def base(self, bundle: int) -> int:
        c = self.c
        lane = bundle // c.drain_banks * c.P * c.drain_banks + bundle % c.drain_banks
        return int(c.bus_place(lane)) % c.L

    def put(self, p: _Piece, bundle: int, turn: int, sign: int = 1) -> None:
        self.rows[bundle // self.c.drain_banks] += sign * p.rows * self.scale
        self.cols[self.column(bundle, turn)] += sign * p.cols * self.col_scale

    def cost(self) -> float:
        rows = float((self.rows.sum(axis=1) ** 2).sum() + PRODUCT * (self.rows**2).sum())
        return rows + COLUMN * float((self.cols**2).sum())

    def least(self, p: _Piece, k: np.ndarray) -> np.ndarray:
        """How little load of a piece's kind engine rows k [n] have: [n]."""
        own = p.rows * self.scale
        return self.rows[k].sum(axis=1) * own.sum() + PRODUCT * self.rows[k] @ own


def _place_whole(pieces: list[_Piece], balance: _Balance, c: Config) -> None:
    """Bundles and turns of whole blocks, the heaviest in turn 0."""
    bundles = c.K * c.drain_banks
    order = sorted(pieces, key=lambda p: (-float(p.rows.sum()), p.units[0]))
    for i, p in enumerate(order):
        p.turn = i // bundles
        free = [b for b in range(bundles) if all((q.bundle, q.turn) != (b, p.turn) for q in order)]

        p.bundle = free[int(np.argmin(balance.least(p, np.array(free) // c.drain_banks)))]
        balance.put(p, p.bundle, p.turn)
    for _ in range(SWEEPS):
        before = balance.cost()
        for turn in range(len(balance.rot)):  # the best rotation of each turn
            mine = [p for p in order if p.turn == turn]
            costs = []
            for rot in range(c.L):
                for p in mine:
                    balance.put(p, p.bundle, turn, -1)
                balance.rot[turn] = rot
                for p in mine:
                    balance.put(p, p.bundle, turn)
                costs.append(balance.cost())
            for p in mine:
                balance.put(p, p.bundle, turn, -1)
            balance.rot[turn] = int(np.argmin(costs))
            for p in mine:
                balance.put(p, p.bundle, turn)
        for i, p in enumerate(order):
            for q in order[:i]:
                if len(p.units) != len(q.units):
                    continue
                now = balance.cost()
                _swap(p, q, balance)
                if balance.cost() >= now - 1e-9:
                    _swap(p, q, balance)
        if balance.cost() >= before - 1e-9:
            break


def _swap(p: _Piece, q: _Piece, balance: _Balance) -> None:
    for one in (p, q):
        balance.put(one, one.bundle, one.turn, -1)
    p.bundle, q.bundle, p.turn, q.turn = q.bundle, p.bundle, q.turn, p.turn
    for one in (p, q):
        balance.put(one, one.bundle, one.turn)


def deal_blocks(
    rows: np.ndarray, cols: np.ndarray, classes: np.ndarray, c: Config, block: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Assign units to (slot, lane).

    Args:
        rows: [units, products] non-zeros of each unit's rows in every product.
        cols: [units] non-zeros of each unit's neuron as a column.
        classes: [units], see :func:`csb_rnn.machine.unit_classes.quotas`.
        block: consecutive units that belong together.

    Returns:
        slot [units], lane [units], rotation [slots], int64.
    """
    units = len(rows)
    slots = -(-units // c.lanes)
    length = -(-unit_classes.piece_size(units, block, c) // c.P)  # slots of a whole piece
    turns = -(-slots // length)
    pieces = _pieces(rows, cols, classes, block, c)
    balance = _Balance(pieces, turns, c)
    whole = [p for p in pieces if p.whole]
    _place_whole(whole, balance, c)
    room = np.full((c.K * c.drain_banks, c.P), slots)  # places left, the first ones in time
    slot, lane = np.full(units, -1, np.int64), np.full(units, -1, np.int64)
    heavy = rows.sum(axis=1)
    homeless: list[int] = []
    for p in sorted(whole, key=lambda p: p.turn):
        homeless += _settle(p, room, slot, lane, heavy, c)
    for p in sorted((p for p in pieces if not p.whole), key=lambda p: -len(p.units)):
        free = np.flatnonzero(room.sum(axis=1) >= len(p.units))
        if not len(free):
            free = np.flatnonzero(room.sum(axis=1) == room.sum(axis=1).max())
        p.bundle = int(free[np.argmin(balance.least(p, free // c.drain_banks))])
        balance.put(p, p.bundle, turns - 1)
        homeless += _settle(p, room, slot, lane, heavy, c)
    taken = set(zip(slot.tolist(), lane.tolist(), strict=True))
    rest = ((s, j) for s in range(slots - 1, -1, -1) for j in range(c.lanes) if (s, j) not in taken)
    for u, (s, j) in zip(homeless, rest, strict=False):
        slot[u], lane[u] = s, j
    rot = balance.rot[(slots - 1 - np.arange(slots)) // length]
    return slot, lane, rot


def _settle(
    p: _Piece,
    room: np.ndarray,
    slot: np.ndarray,
    lane: np.ndarray,
    heavy: np.ndarray,
    c: Config,
) -> list[int]:
    """Places for the units of a piece in its bundle: classes with most units get the PE rows with
    most room, share group by share group. Returns the units without a place."""
    k, bank = divmod(p.bundle, c.drain_banks)
    left = room[p.bundle]
    count = np.bincount(p.cell, minlength=c.P).reshape(c.share_groups, c.shared_cols)
    here = left.reshape(c.share_groups, c.shared_cols)
    homeless: list[int] = []
    groups = zip(
        np.argsort(-count.sum(axis=1), kind="stable"),
        np.argsort(-here.sum(axis=1), kind="stable"),
        strict=True,
    )
    for mine, theirs in list(groups):
        lanes = zip(
            np.argsort(-count[mine], kind="stable"),
            np.argsort(-here[theirs], kind="stable"),
            strict=True,
        )
        for own, its in list(lanes):
            row = int(theirs * c.shared_cols + its)
            units = p.units[p.cell == mine * c.shared_cols + own]
            units = units[np.argsort(-heavy[units], kind="stable")]  # heavy ones come last
            for u in units.tolist():
                if not left[row]:
                    homeless.append(u)
                    continue
                left[row] -= 1
                slot[u] = left[row]
                lane[u] = (k * c.P + row) * c.drain_banks + bank
    return homeless
