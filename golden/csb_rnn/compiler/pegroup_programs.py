# SPDX-License-Identifier: Apache-2.0
"""PEGroup programs: products, in order, as words of P PE rows.

The unit of work is a *streak*: all non-zeros of one accumulator row that one PE row multiplies in
one product. A PE row's streaks follow each other without a gap, product after product; only what
data demands (events, marks, an accumulator that is still in the pipeline) moves them apart.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from csb_rnn.compiler import reference
from csb_rnn.compiler.sharing import share
from csb_rnn.compiler.tiles import NONE, Words, flow, schedule, tile
from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from csb_rnn.program.program import CompileError, GroupProgram

FAR = 1 << 30  # a slot or position beyond all others
SECONDS = 1.0  # of one call of the reference compiler's solver


@dataclasses.dataclass
class Product:
    """One matrix times one vector, added to the accumulators of a stage.

    Rows are in program order (unit slot by unit slot). Non-zero i is ``weight[i]`` in row
    ``row[i]`` and at neuron address ``addr[i]`` of engine column ``column[i]``; row r belongs to
    ring ``ring[r]``, bank ``bank[r]``, accumulator address ``acc[r]``, unit slot ``slot[r]``.
    """

    stage: int
    name: str
    row: np.ndarray
    column: np.ndarray
    addr: np.ndarray
    weight: np.ndarray
    ring: np.ndarray
    bank: np.ndarray
    acc: np.ndarray
    slot: np.ndarray
    step: np.ndarray  # rows of one step (same slot and gate) lie in different rings or banks
    part: np.ndarray  # rows of one part belong to one gate and one block of units
    cuts: list[np.ndarray]  # of non-zeros: ways to divide columns into blocks, a number each
    event: int
    lag: str
    pp: bool  # the vector is double-buffered
    needs_stage: int | None = None  # stage whose result of this iteration it reads
    first_of_stage: bool = False
    last_of_stage: bool = False
    barrier: bool = False  # every PE row has finished the product before: its vector may change


PeRows = dict[tuple[int, int], Words]
"""Words of one product by (share group, engine column); share group g is PE rows g*C to g*C + C - 1
of the engine, so with ``shared_cols`` C = 1 it is a ring."""


def _merge(words: Words, other: Words, p: Product) -> Words:
    """Words of both, in the order of rows: those of one PE row, or else of unit slots."""
    both = words.join(other)
    return both.pick(np.argsort(_key(both, p), kind="stable"))


def _key(words: Words, p: Product) -> np.ndarray:
    """What words are in order of: [words]. With several rows in a word it is the first slot, so
    that slots are complete one after the other."""
    if words.row.shape[1] == 1:
        return words.row[:, 0]
    return np.where(words.row == NONE, FAR, p.slot[words.row]).min(axis=1)


def _steps(p: Product, c: Config) -> tuple[np.ndarray, np.ndarray]:
    """Rows that share is decided for together: those of one step, banks one after the other.

    Returns:
        step of each row [rows], non-zeros [steps, rings, L].
    """
    counts = np.zeros((len(p.ring), c.L), np.int64)
    np.add.at(counts, (p.row, p.column), 1)
    _, step = np.unique(p.step * c.drain_banks + p.bank, return_inverse=True)
    table = np.zeros((int(step.max(initial=-1)) + 1, c.rings, c.L), np.int64)
    table[step, p.ring] = counts
    return step, table


def _pe_rows_of(p: Product, c: Config, taken: np.ndarray) -> PeRows:
    """The words of every (ring, engine column) for one product; ``taken`` [rows, L] is what
    each PE row takes of the column to its right."""
    # Rank of each non-zero within its row and column: the first ones go to the left neighbour.
    order = np.lexsort((p.addr, p.column, p.row))
    row, column, addr, weight = p.row[order], p.column[order], p.addr[order], p.weight[order]
    cell = row * c.L + column
    start = np.r_[True, cell[1:] != cell[:-1]] if len(cell) else np.zeros(0, bool)
    rank = np.arange(len(cell)) - np.maximum.accumulate(np.where(start, np.arange(len(cell)), 0))
    moved = rank < taken[row, (column - 1) % c.L]
    pe_row = np.where(moved, (column - 1) % c.L, column)
    ring = p.ring[row]

    order = np.lexsort((moved, row, pe_row, ring))
    row, addr, weight, moved = row[order], addr[order], weight[order], moved[order]
    pe_row, ring = pe_row[order], ring[order]
    out = {}
    ends = np.r_[True, np.diff(ring * c.L + pe_row) != 0, True] if len(row) else np.zeros(0, bool)
    for lo, hi in itertools.pairwise(np.flatnonzero(ends)):
        r = row[lo:hi]
        new = np.r_[True, r[1:] != r[:-1]]
        within = np.arange(hi - lo)
        within -= np.maximum.accumulate(np.where(new, within, 0))
        begin = within % c.Q == 0
        word = np.cumsum(begin) - 1
        words = int(word[-1]) + 1
        pe = np.zeros((3, words, c.Q), np.int64)
        pe[:, word, within % c.Q] = weight[lo:hi], addr[lo:hi], moved[lo:hi]
        out[int(ring[lo]), int(pe_row[lo])] = Words(
            r[begin][:, None], np.zeros(words, bool), pe[0][:, None], pe[1], pe[2]
        )
    return out


def _tiles_of(p: Product, c: Config) -> PeRows:
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
        out[key] = words.pick(np.argsort(_key(words, p), kind="stable"))
    return out


def fullness(products: list[Product], c: Config) -> float:
    """Share of the weight slots of all tiles that hold a weight; 1 without any."""
    words = sum(len(own.row) for p in products for own in _tiles_of(p, c).values())
    weights = sum(len(p.row) for p in products)
    return weights / (words * c.shared_cols * c.Q) if words else 1.0


def _spread(count: int, seen: float, share: float) -> np.ndarray:
    """Mask of so many words: a share of them, evenly, ``seen`` words after the first."""
    at = seen + np.arange(count + 1)
    return np.diff(np.floor(at * share + 1e-9)) > 0


def _move_left(
    products: list[Product], pe_rows_of: list[PeRows], meet: list[bool], c: Config
) -> None:
    """Horizontal sharing of whole words: some go to the PE row of the engine column to the left.

    Args:
        products, pe_rows_of: in program order; PE rows change in place.
        meet: products before which the PEGroups wait for each other: PE rows are level there.
    """
    groups = c.K * c.share_groups
    load = np.zeros((groups, c.L), np.int64)
    starts = [0, *(i for i, m in enumerate(meet) if m and i), len(products)]
    for lo, hi in itertools.pairwise(starts):
        words = np.zeros((groups, c.L), np.int64)
        for pe_rows in pe_rows_of[lo:hi]:
            for at, own in pe_rows.items():
                words[at] += len(own.row)
        taken = np.stack([flow(words[g], load[g]) for g in range(groups)])
        given = np.roll(taken, 1, axis=1)  # by each PE row to the one to its left
        load += words + taken - given
        share = given / np.maximum(words, 1)
        seen = np.zeros((groups, c.L))
        for p, pe_rows in zip(products[lo:hi], pe_rows_of[lo:hi], strict=True):
            go = {at: _spread(len(own.row), seen[at], share[at]) for at, own in pe_rows.items()}
            for at, own in pe_rows.items():
                seen[at] += len(own.row)
            moved = {
                (g, (col - 1) % c.L): own.pick(go[g, col])._replace(
                    side=np.ones((int(go[g, col].sum()), c.Q), np.int64)
                )
                for (g, col), own in pe_rows.items()
            }
            for at in list(pe_rows):
                pe_rows[at] = pe_rows[at].pick(~go[at])
            _receive(pe_rows, moved, p)


def _receive(pe_rows: PeRows, moved: PeRows, p: Product) -> None:
    """Words that come to PE rows; PE rows without any word go. ``pe_rows`` changes."""
    for at, words in moved.items():
        if len(words.row):
            pe_rows[at] = _merge(pe_rows[at], words, p) if at in pe_rows else words
    for at in [at for at, words in pe_rows.items() if not len(words.row)]:
        del pe_rows[at]


def _move_up(products: list[Product], pe_rows_of: list[PeRows], c: Config) -> None:
    """Vertical sharing: whole words of a PE row go to the PE row of the engine row above.

    Both PE rows hold the same neurons, so any word may move, and no word gets fuller or emptier.
    The K PE rows of one number in an engine column form a circle, in which the least flow that
    evens out the words of an iteration is a cumulative sum; every product gives its part of the
    flow, spread evenly over its words.

    Args:
        products, pe_rows_of: in program order; PE rows change in place.
    """
    total = np.zeros((c.K, c.share_groups, c.L))
    for pe_rows in pe_rows_of:
        for (group, col), pe_row in pe_rows.items():
            total[group // c.share_groups, group % c.share_groups, col] += len(pe_row.row)
    # Engine row k keeps total - flow[k] + flow[k + 1].
    flows = np.cumsum(total.mean(axis=0) - total, axis=0)
    flows = np.roll(flows, 1, axis=0)
    flows = np.round(flows - flows.min(axis=0))
    share_of = np.minimum(flows / np.maximum(total, 1), 1.0)
    before = np.zeros(total.shape)  # words of each PE row seen so far
    for p, pe_rows in zip(products, pe_rows_of, strict=True):
        go = {}
        for (group, col), pe_row in pe_rows.items():
            at = (group // c.share_groups, group % c.share_groups, col)
            go[group, col] = _spread(len(pe_row.row), before[at], share_of[at])
            before[at] += len(pe_row.row)
        _give_up(p, pe_rows, go, c)


def _give_up(p: Product, pe_rows: PeRows, go: dict[tuple[int, int], np.ndarray], c: Config) -> None:
    """Words of each PE row (a mask) go to that of the engine row above; ``pe_rows`` changes."""
    given: PeRows = {}
    for (group, col), pe_row in list(pe_rows.items()):
        away = go[group, col]
        if away.any():
            moved = pe_row.pick(away)
            to = (group - c.share_groups) % (c.K * c.share_groups)
            given[to, col] = moved._replace(vert=~moved.vert)
            pe_rows[group, col] = pe_row.pick(~away)
    _receive(pe_rows, given, p)


def _first_of_sets(sets: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mask of the first ``count[s]`` words of every set s, of words with these sets, in order."""
    start = np.searchsorted(sets, sets)
    return np.arange(len(sets)) - start < count[sets]


def _whole_products(products: list[Product], sharing: str, c: Config) -> list[PeRows]:
    """The default compiler: PE rows of each product, all products balanced together."""
    meet = [p.needs_stage is not None for p in products]
    if c.shared_cols > 1:
        pe_rows_of = [_tiles_of(p, c) for p in products]
        if sharing in ("horizontal", "both"):
            _move_left(products, pe_rows_of, meet, c)
        if sharing in ("vertical", "both"):
            _move_up(products, pe_rows_of, c)
        return pe_rows_of
    steps, tables = zip(*(_steps(p, c) for p in products), strict=True)
    taken = share(list(tables), c.Q, sharing in ("horizontal", "both"), meet)
    pe_rows_of = [
        _pe_rows_of(p, c, t[step, p.ring])
        for p, step, t in zip(products, steps, taken, strict=True)
    ]
    if sharing in ("vertical", "both"):
        _move_up(products, pe_rows_of, c)
    return pe_rows_of


def _set_by_set(products: list[Product], sharing: str, c: Config, rows: int) -> list[PeRows]:
    """The reference compiler: PE rows of each product, sets of ``rows`` rows of a ring balanced one
    after the other."""
    steps, tables = zip(*(_steps(p, c) for p in products), strict=True)
    found = reference.share(tables, c, sharing, rows, SECONDS)
    pe_rows_of = []
    for p, step, taken, up in zip(products, steps, *found, strict=True):
        pe_rows = _pe_rows_of(p, c, taken[step, p.ring])
        go = {
            (ring, col): _first_of_sets(step[pe_row.row[:, 0]] // rows, up[:, ring, col])
            for (ring, col), pe_row in pe_rows.items()
        }
        _give_up(p, pe_rows, go, c)
        pe_rows_of.append(pe_rows)
    return pe_rows_of


class _Builder:
    """Places words of products into those of one PEGroup: each share group has a cursor."""

    def __init__(self, c: Config, k: int, col: int, rows_of_acc: int) -> None:
        self.c, self.k, self.col = c, k, col
        self.cursor = np.zeros(c.share_groups, np.int64)
        self.pieces: list[tuple[int, np.ndarray, Product, Words]] = []  # share group, positions
        self.waits: dict[int, dict[str, int]] = {}  # fields of words that wait
        self.wait_pos = -1
        self.keys = c.drain_banks * (1 + c.share_v) * rows_of_acc  # accumulators of a PE row
        # Position of the last store of each accumulator of each PE row.
        self.stored: list[dict[int, int]] = [{} for _ in range(c.P)]
        self.rows_of_acc = rows_of_acc
        self.marks: list[int] = []
        self.stage_done: dict[int, np.ndarray] = {}
        self.complete: set[int] = set()
        self.stage_end: dict[int, int] = {}

    def _keys(self, p: Product, words: Words) -> np.ndarray:
        """Number of the accumulator of every row of every word, within its PE row: [words, C]."""
        bank = p.bank[words.row] + words.vert[:, None] * self.c.drain_banks
        return bank * self.rows_of_acc + p.acc[words.row]

    def _place(self, p: Product, group: int, words: Words) -> tuple[Words, np.ndarray]:
        """Words of a share group in an order that keeps ``acc_raw``, and their positions."""
        c, begin = self.c, int(self.cursor[group])
        stored = self.stored[group * c.shared_cols : (group + 1) * c.shared_cols]
        keys = self._keys(p, words)
        if c.shared_cols > 1:
            order, pos = schedule(words, keys, stored, begin, isa.acc_raw(c))
            return words.pick(order), pos
        # Every row occurs in one streak: all move until the first that has to wait may come.
        pos = begin + np.arange(len(words.row))
        begins, ends = words.first()[:, 0], words.store()[:, 0]
        last = np.array([stored[0].get(k, -FAR) for k in keys[begins, 0].tolist()], np.int64)
        pos += max(0, int((last + isa.acc_raw(c) - pos[begins]).max(initial=0)))
        stored[0].update(zip(keys[ends, 0].tolist(), pos[ends].tolist(), strict=True))
        return words, pos

    def add(
        self,
        p: Product,
        pe_rows: PeRows,
        waits: dict[str, int],
        slots: int,
    ) -> None:
        """Append one product; ``waits`` are fields of its first word."""
        if p.needs_stage is not None:
            # Waiting for a result of this iteration before it is on its way would wait for ever.
            self.cursor[:] = np.maximum(self.cursor, self.stage_end[p.needs_stage] + 1)
        self.cursor[:] = np.maximum(self.cursor, self.wait_pos + 1)
        begin = int(self.cursor.min())
        self.waits[begin], self.wait_pos = waits, begin
        done = self.stage_done.setdefault(p.stage, np.full(slots, begin, np.int64))
        if p.barrier:
            np.maximum(done, self.cursor.max(), out=done)
        for group in range(self.c.share_groups):
            words = pe_rows.get((self.k * self.c.share_groups + group, self.col))
            if words is None:
                continue
            words, pos = self._place(p, group, words)
            self.pieces.append((group, pos, p, words))
            for own in words.row.T:
                some = own != NONE
                np.maximum.at(done, p.slot[own[some]], pos[some])
            self.cursor[group] = pos[-1] + 1
        if p.last_of_stage:
            self.complete.add(p.stage)
        # The drain takes marks in the order of stages. A stage whose products were all hoisted is
        # complete before the one that it comes behind, and waits for that.
        while len(self.stage_end) in self.complete:
            stage = len(self.stage_end)
            for pos in np.maximum.accumulate(self.stage_done[stage]):
                self.marks.append(max(int(pos), self.marks[-1] + 1 if self.marks else 0))
            self.stage_end[stage] = self.marks[-1]

    def finish(self, acc_pp: bool) -> GroupProgram:
        c = self.c
        words = int(max(self.cursor.max(), self.wait_pos + 1, self.marks[-1] + 1))
        if words > c.weight_depth:
            raise CompileError(
                f"the weight buffer of PEGroup ({self.k}, {self.col}) needs {words} words, "
                f"configuration {c.name} has {c.weight_depth}: {words - c.weight_depth} too many; "
                "use a larger configuration or a higher pruning rate"
            )
        ctl = {f.name: np.zeros(words, np.int64) for f in isa.PEG_CTL}
        names = ("row", "bank", "first", "store", "clr", "vert")
        row_f = {n: np.zeros((words, c.P), np.int64) for n in names}
        row_f["pp"] = np.zeros((words, c.share_groups), np.int64)
        pe = {n: np.zeros((words, c.share_groups, c.Q), np.int64) for n in "cs"}
        pe["w"] = np.zeros((words, c.P, c.Q), np.int64)
        visited = np.zeros((c.P, self.keys), bool)
        for group, pos, p, own in self.pieces:
            first, store, keys = own.first(), own.store(), self._keys(p, own)
            for i in range(c.shared_cols):
                pe_row = group * c.shared_cols + i
                some = own.row[:, i] != NONE
                at, row, key = pos[some], own.row[some, i], keys[some, i]
                row_f["row"][at, pe_row], row_f["bank"][at, pe_row] = p.acc[row], p.bank[row]
                row_f["vert"][at, pe_row] = own.vert[some]
                row_f["first"][at, pe_row] = first[some, i]
                row_f["store"][at, pe_row] = store[some, i]
                new = np.zeros(len(row), bool)
                new[np.unique(key, return_index=True)[1]] = True  # where each row comes first
                row_f["clr"][at, pe_row] = new & ~visited[pe_row, key]
                visited[pe_row, key] = True
                pe["w"][at, pe_row] = own.weight[some, i]
            row_f["pp"][pos, group] = p.pp
            pe["c"][pos, group], pe["s"][pos, group] = own.addr, own.side
            ctl["work"][pos] = 1
        ctl["last"][-1] = 1
        ctl["mark"][self.marks] = 1
        ctl["acc_pp"][:] = acc_pp
        for first_word, waits in self.waits.items():
            for name, wait in waits.items():
                ctl[name][first_word] = wait
        return GroupProgram(ctl, row_f, pe)


def build(
    products: list[Product],
    slots: list[int],
    drained_event: list[int | None],
    acc_rows: int,
    acc_pp: bool,
    c: Config,
    sharing: str,
    set_rows: int | None = None,
) -> tuple[list[GroupProgram], int]:
    """The programs of all PEGroups, and a bound: words that no balance can go below.

    Args:
        products: in program order.
        slots: unit slots of each stage.
        drained_event: event of each stage, counted when its accumulators are read; None if
            something else that is waited for says so.
        acc_rows: accumulator addresses of one bank in use.
        acc_pp: accumulators are double-buffered by iteration.
        sharing: none, horizontal, vertical or both.
        set_rows: None balances whole products; else the paper's search does, so many rows of every
            ring at a time (:func:`csb_rnn.compiler.reference.share`).
    """
    builders = [_Builder(c, k, col, acc_rows) for k in range(c.K) for col in range(c.L)]
    kept = 0
    if set_rows is None:
        pe_rows_of = _whole_products(products, sharing, c)
    else:
        pe_rows_of = _set_by_set(products, sharing, c, set_rows)
    for p, pe_rows in zip(products, pe_rows_of, strict=True):
        kept += len(p.row)
        waits = {"w0_en": 1, "w0_evt": p.event, "w0_lag": isa.LAG[p.lag]}
        drained = drained_event[p.stage]
        if p.first_of_stage and drained is not None:
            waits |= {"w1_en": 1, "w1_evt": drained - isa.EVENTS + isa.DRAINED_EVENTS}
        for b in builders:
            b.add(p, pe_rows, waits, slots[p.stage])
    return [b.finish(acc_pp) for b in builders], -(-kept // c.pes)
