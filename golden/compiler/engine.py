"""PEGroup programs: products, in order, as words of P lanes.

The unit of work is a *run*: all non-zeros of one accumulator row that one lane multiplies in one
product. A lane's runs follow each other without a gap, product after product; only what data
demands (events, marks, an accumulator that is still in the pipeline) moves them apart.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from golden import isa
from golden.compiler.share import share_rows
from golden.config import Config
from golden.program import CompileError, GroupProgram


@dataclasses.dataclass
class Product:
    """One matrix times one vector, added to the accumulators of a layer.

    Rows are in program order (unit slot by unit slot). Non-zero i is ``weight[i]`` in row
    ``row[i]`` and at neuron address ``addr[i]`` of engine column ``column[i]``; row r belongs to
    ring ``ring[r]``, bank ``bank[r]``, accumulator address ``acc[r]``, unit slot ``slot[r]``.
    """

    layer: int
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
    event: int
    lag: str
    pp: bool  # the vector is double-buffered
    prev: bool  # reads the buffer of the previous frame
    needs_layer: int | None = None  # layer whose result of this iteration it reads
    first_of_layer: bool = False
    last_of_layer: bool = False
    barrier: bool = False  # every lane has finished the product before: its vector may change


@dataclasses.dataclass
class _Lane:
    """Words of one lane of one product, in order: arrays over words, ``pe`` over [words, Q]."""

    row: np.ndarray
    first: np.ndarray
    store: np.ndarray
    weight: np.ndarray
    addr: np.ndarray
    side: np.ndarray


def _lanes_of(
    p: Product, c: Config, load: np.ndarray, horizontal: bool
) -> dict[tuple[int, int], _Lane]:
    """The words of every (ring, engine column) lane for one product; ``load`` [rings, L] is what
    the lanes have been given in this iteration, and grows."""
    rows = len(p.ring)
    counts = np.zeros((rows, c.L), np.int64)
    np.add.at(counts, (p.row, p.column), 1)
    # Rows of one step are looked at together; banks of one ring one after the other.
    key = p.step * c.drain_banks + p.bank
    _, step = np.unique(key, return_inverse=True)
    steps = int(step.max()) + 1 if rows else 0
    table = np.zeros((steps, c.rings, c.L), np.int64)
    table[step, p.ring] = counts
    taken = share_rows(table, load, c.Q, horizontal)[step, p.ring]  # [rows, L] from column l+1

    # Rank of each non-zero within its row and column: the first ones go to the left neighbour.
    order = np.lexsort((p.addr, p.column, p.row))
    row, column, addr, weight = p.row[order], p.column[order], p.addr[order], p.weight[order]
    cell = row * c.L + column
    start = np.r_[True, cell[1:] != cell[:-1]] if len(cell) else np.zeros(0, bool)
    rank = np.arange(len(cell)) - np.maximum.accumulate(np.where(start, np.arange(len(cell)), 0))
    moved = rank < taken[row, (column - 1) % c.L]
    lane = np.where(moved, (column - 1) % c.L, column)
    ring = p.ring[row]

    order = np.lexsort((moved, row, lane, ring))
    row, addr, weight, moved = row[order], addr[order], weight[order], moved[order]
    lane, ring = lane[order], ring[order]
    out = {}
    bounds = np.flatnonzero(np.r_[True, np.diff(ring * c.L + lane) != 0, True]) if len(row) else []
    for lo, hi in itertools.pairwise(bounds):
        r = row[lo:hi]
        new = np.r_[True, r[1:] != r[:-1]]
        within = np.arange(hi - lo)
        within -= np.maximum.accumulate(np.where(new, within, 0))
        begin = within % c.Q == 0
        word = np.cumsum(begin) - 1
        words = int(word[-1]) + 1
        pe = np.zeros((3, words, c.Q), np.int64)
        pe[:, word, within % c.Q] = weight[lo:hi], addr[lo:hi], moved[lo:hi]
        word_row = r[begin]
        change = word_row[1:] != word_row[:-1]
        out[int(ring[lo]), int(lane[lo])] = _Lane(
            word_row, np.r_[True, change], np.r_[change, True], *pe
        )
    return out


class _Builder:
    """Places lanes of products into the words of one PEGroup."""

    def __init__(self, c: Config, k: int, col: int, rows_of_acc: int) -> None:
        self.c, self.k, self.col = c, k, col
        self.cursor = np.zeros(c.P, np.int64)
        self.pieces: list[tuple[int, int, Product, _Lane]] = []  # lane, position
        self.waits: dict[int, list[tuple[int, str]]] = {}
        self.wait_pos = -1
        self.stored = np.full((c.P, c.drain_banks, rows_of_acc), -(1 << 30), np.int64)
        self.marks: list[int] = []
        self.layer_done: dict[int, np.ndarray] = {}
        self.layer_end: dict[int, int] = {}

    def add(self, p: Product, lanes: dict[tuple[int, int], _Lane], waits: list, slots: int) -> None:
        """Append one product; ``waits`` are its (event, lag) conditions."""
        if p.needs_layer is not None:
            # Waiting for a result of this iteration before it is on its way would wait for ever.
            self.cursor[:] = np.maximum(self.cursor, self.layer_end[p.needs_layer] + 1)
        self.cursor[:] = np.maximum(self.cursor, self.wait_pos + 1)
        begin = int(self.cursor.min())
        self.waits[begin], self.wait_pos = waits, begin
        done = self.layer_done.setdefault(p.layer, np.full(slots, begin, np.int64))
        if p.barrier:
            np.maximum(done, self.cursor.max(), out=done)
        for row in range(self.c.P):
            lane = lanes.get((self.k * self.c.P + row, self.col))
            if lane is None:
                continue
            acc, bank = p.acc[lane.row], p.bank[lane.row]
            pos = self.cursor[row] + np.arange(len(lane.row))
            last = self.stored[row, bank, acc]
            late = (last + isa.ACC_RAW - pos)[lane.first].max(initial=0)
            pos += max(0, late)
            self.pieces.append((row, int(pos[0]), p, lane))
            self.stored[row, bank[lane.store], acc[lane.store]] = pos[lane.store]
            np.maximum.at(done, p.slot[lane.row], pos)
            self.cursor[row] = pos[-1] + 1
        if p.last_of_layer:
            for pos in np.maximum.accumulate(done):
                self.marks.append(max(int(pos), self.marks[-1] + 1 if self.marks else 0))
            self.layer_end[p.layer] = self.marks[-1]

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
        names = ("row", "bank", "first", "store", "clr", "pp", "prev", "vert")
        lane_f = {n: np.zeros((words, c.P), np.int64) for n in names}
        pe = {n: np.zeros((words, c.P, c.Q), np.int64) for n in "wcs"}
        visited = np.zeros((c.P, c.drain_banks, self.stored.shape[2]), bool)
        for row, pos, p, lane in self.pieces:
            at = slice(pos, pos + len(lane.row))
            acc, bank = p.acc[lane.row], p.bank[lane.row]
            lane_f["row"][at, row], lane_f["bank"][at, row] = acc, bank
            lane_f["first"][at, row], lane_f["store"][at, row] = lane.first, lane.store
            lane_f["clr"][at, row] = lane.first & ~visited[row, bank, acc]
            lane_f["pp"][at, row], lane_f["prev"][at, row] = p.pp, p.prev
            visited[row, bank, acc] = True
            pe["w"][at, row], pe["c"][at, row], pe["s"][at, row] = lane.weight, lane.addr, lane.side
            ctl["work"][at] = 1
        ctl["last"][-1] = 1
        ctl["mark"][self.marks] = 1
        ctl["acc_pp"][:] = acc_pp
        for pos, waits in self.waits.items():
            for i, (event, lag) in enumerate(waits):
                ctl[f"w{i}_en"][pos] = 1
                ctl[f"w{i}_evt"][pos] = event
                ctl[f"w{i}_lag"][pos] = isa.LAG[lag]
        return GroupProgram(ctl, lane_f, pe)


def build(
    products: list[Product],
    slots: list[int],
    drained_event: list[int | None],
    acc_rows: int,
    acc_pp: bool,
    c: Config,
    horizontal: bool = True,
) -> tuple[list[GroupProgram], int]:
    """The programs of all PEGroups, and a bound: words that no balance can go below.

    Args:
        products: in program order.
        slots: unit slots of each layer.
        drained_event: event of each layer, counted when its accumulators are read; None if
            something else that is waited for says so.
        acc_rows: accumulator addresses of one bank in use.
        acc_pp: accumulators are double-buffered by iteration.
        horizontal: use horizontal sharing if the configuration has it.
    """
    horizontal = horizontal and bool(c.share_h)
    builders = [_Builder(c, k, col, acc_rows) for k in range(c.K) for col in range(c.L)]
    kept, load = 0, np.zeros((c.rings, c.L))
    for p in products:
        lanes = _lanes_of(p, c, load, horizontal)
        kept += len(p.row)
        waits = [(p.event, p.lag)]
        if p.first_of_layer and drained_event[p.layer] is not None:
            waits.append((drained_event[p.layer], "before_last" if acc_pp else "last"))
        for b in builders:
            b.add(p, lanes, waits, slots[p.layer])
    return [b.finish(acc_pp) for b in builders], -(-kept // c.pes)
