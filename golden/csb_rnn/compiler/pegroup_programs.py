# SPDX-License-Identifier: Apache-2.0
"""PEGroup programs: products, in order, as words of P PE rows.

The unit of work is a *streak*: all non-zeros of one accumulator row for one PE row in
one product. A PE row's streaks follow each other without a gap, product after product; only the
needs of data (events, marks, an accumulator still in the pipeline) move them apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from csb_rnn.compiler import reference
from csb_rnn.compiler.moves import BY_WEIGHTS, RULES, first_of_sets, give
from csb_rnn.compiler.products import Product
from csb_rnn.compiler.sharing import share
from csb_rnn.compiler.tiles import FAR, NONE, PeRows, Words, schedule, tiles_of
from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.sharing_modes import MODES, PARTS
from csb_rnn.program.program import CompileError, GroupProgram

VERTICAL = next(m for m in MODES if m.name == "vertical")
SECONDS = 1.0  # of one call of the reference compiler's solver


def _steps(p: Product, c: Config) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose sharing is decided together: those of one step, banks one after the other.

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
            r[begin][:, None], np.zeros(words, np.int64), pe[0][:, None], pe[1], pe[2]
        )
    return out


def _move_words(
    modes: Iterable[str],
    products: list[Product],
    pe_rows_of: list[PeRows],
    meet: list[bool],
    c: Config,
) -> None:
    """The rules of some sharing modes, one after the other; arguments as of :data:`RULES`.

    Raises:
        CompileError: a mode has no rule.
    """
    for mode in modes:
        if mode not in RULES:
            raise CompileError(f"{mode} sharing: the compiler has no rule for it (RULES)")
        RULES[mode](products, pe_rows_of, meet, c)


def _whole_products(products: list[Product], sharing: str, c: Config) -> list[PeRows]:
    """The default compiler: PE rows of each product, all products balanced together."""
    meet = [p.needs_stage is not None for p in products]
    if c.shared_cols > 1:
        pe_rows_of = [tiles_of(p, c) for p in products]
        _move_words(PARTS[sharing], products, pe_rows_of, meet, c)
        return pe_rows_of
    steps, tables = zip(*(_steps(p, c) for p in products), strict=True)
    taken = share(list(tables), c.Q, BY_WEIGHTS in PARTS[sharing], meet)
    pe_rows_of = [
        _pe_rows_of(p, c, t[step, p.ring])
        for p, step, t in zip(products, steps, taken, strict=True)
    ]
    whole = [mode for mode in PARTS[sharing] if mode != BY_WEIGHTS]
    _move_words(whole, products, pe_rows_of, meet, c)
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
            (ring, col): first_of_sets(step[pe_row.row[:, 0]] // rows, up[:, ring, col])
            for (ring, col), pe_row in pe_rows.items()
        }
        give(VERTICAL, p, pe_rows, go, c)
        pe_rows_of.append(pe_rows)
    return pe_rows_of


class _Builder:
    """Places words of products into those of one PEGroup: each share group has a cursor."""

    def __init__(self, c: Config, k: int, col: int, rows_of_acc: int) -> None:
        self.c, self.k, self.col = c, k, col
        self.cursor = np.zeros(c.share_groups, np.int64)
        self.pieces: list[tuple[int, np.ndarray, Product, Words]] = []  # share group, positions
        self.waits: dict[int, dict[str, int]] = {}  # fields of waiting words
        self.wait_pos = -1
        self.keys = c.banks * rows_of_acc  # accumulators of a PE row
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
        """Words of a share group, ordered to keep ``acc_raw``, and their positions."""
        c, begin = self.c, int(self.cursor[group])
        stored = self.stored[group * c.shared_cols : (group + 1) * c.shared_cols]
        keys = self._keys(p, words)
        if c.shared_cols > 1:
            order, pos = schedule(words, keys, stored, begin, isa.acc_raw(c))
            return words.pick(order), pos
        # Every row occurs in one streak: all move until the first waiting one may come.
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
        # complete before its predecessor, and waits for the predecessor.
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
    """The programs of all PEGroups, and a bound: the least words of any balance.

    Args:
        products: in program order.
        slots: unit slots of each stage.
        drained_event: event of each stage, counted when its accumulators are read; None if
            something else that is waited for says so.
        acc_rows: accumulator addresses of one bank in use.
        acc_pp: accumulators are double-buffered by iteration.
        sharing: one of :data:`csb_rnn.machine.sharing_modes.SHARING`.
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
