"""PEGroup programs: products, in order, as words of P lanes.

The unit of work is a *run*: all non-zeros of one accumulator row that one lane multiplies in one
product. A lane's runs follow each other without a gap, product after product; only what data
demands (events, marks, an accumulator that is still in the pipeline) moves them apart.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from csb_rnn.compiler import reference
from csb_rnn.compiler.sharing import share
from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from csb_rnn.program.program import CompileError, GroupProgram

SECONDS = 1.0  # of one call of the reference compiler's solver


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
    needs_layer: int | None = None  # layer whose result of this iteration it reads
    first_of_layer: bool = False
    last_of_layer: bool = False
    barrier: bool = False  # every lane has finished the product before: its vector may change


@dataclasses.dataclass
class _Lane:
    """Words of one lane of one product, in order: arrays over words, some [words, Q]."""

    row: np.ndarray
    vert: np.ndarray  # the row belongs to the ring below
    weight: np.ndarray
    addr: np.ndarray
    side: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """First words of a run."""
        return np.r_[True, self.row[1:] != self.row[:-1]]

    @property
    def store(self) -> np.ndarray:
        """Last words of a run."""
        return np.r_[self.row[1:] != self.row[:-1], True]

    def pick(self, words: np.ndarray) -> _Lane:
        """Some words, by mask or order."""
        return _Lane(*(getattr(self, f.name)[words] for f in dataclasses.fields(self)))

    def merge(self, other: _Lane) -> _Lane:
        """Its words and those of the ring below, in the order of rows."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in dataclasses.fields(self))
        both = _Lane(*map(np.concatenate, pairs))
        return both.pick(np.argsort(both.row, kind="stable"))


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


def _lanes_of(p: Product, c: Config, taken: np.ndarray) -> dict[tuple[int, int], _Lane]:
    """The words of every (ring, engine column) lane for one product; ``taken`` [rows, L] is what
    each lane takes of the column to its right."""
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
        out[int(ring[lo]), int(lane[lo])] = _Lane(r[begin], np.zeros(words, bool), *pe)
    return out


def _move_up(products: list[dict[tuple[int, int], _Lane]], c: Config) -> None:
    """Vertical sharing: whole words of a lane go to the lane of the engine row above.

    Both lanes hold the same neurons, so any word may move, and no word gets fuller or emptier. The
    K lanes of a PE row and an engine column form a circle, in which the least flow that evens out
    the words of an iteration is a cumulative sum; every product gives its part of the flow, spread
    evenly over its words.

    Args:
        products: lanes of each product, in program order; changed in place.
    """
    total = np.zeros((c.K, c.P, c.L))
    for lanes in products:
        for (ring, col), lane in lanes.items():
            total[ring // c.P, ring % c.P, col] += len(lane.row)
    # Engine row k keeps total - flow[k] + flow[k + 1].
    flow = np.cumsum(total.mean(axis=0) - total, axis=0)
    flow = np.roll(flow, 1, axis=0)
    flow = np.round(flow - flow.min(axis=0))
    share_of = np.minimum(flow / np.maximum(total, 1), 1.0)
    before = np.zeros(total.shape)  # words of each lane seen so far
    for lanes in products:
        go = {}
        for (ring, col), lane in lanes.items():
            at = (ring // c.P, ring % c.P, col)
            seen = before[at] + np.arange(len(lane.row) + 1)
            go[ring, col] = np.diff(np.floor(seen * share_of[at] + 1e-9)) > 0
            before[at] += len(lane.row)
        _give_up(lanes, go, c)


def _give_up(
    lanes: dict[tuple[int, int], _Lane], go: dict[tuple[int, int], np.ndarray], c: Config
) -> None:
    """Words of each lane (a mask) go to the lane of the engine row above; ``lanes`` changes."""
    given: dict[tuple[int, int], _Lane] = {}
    for (ring, col), lane in list(lanes.items()):
        away = go[ring, col]
        if away.any():
            moved = lane.pick(away)
            moved.vert = ~moved.vert
            given[(ring - c.P) % c.rings, col] = moved
            lanes[ring, col] = lane.pick(~away)
    for key, moved in given.items():
        lanes[key] = lanes[key].merge(moved) if key in lanes else moved
    for key in [key for key, lane in lanes.items() if not len(lane.row)]:
        del lanes[key]


def _first_of_sets(sets: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mask of the first ``count[s]`` words of every set s, of words with these sets, in order."""
    start = np.searchsorted(sets, sets)
    return np.arange(len(sets)) - start < count[sets]


def _whole_products(
    products: list[Product], sharing: str, c: Config
) -> list[dict[tuple[int, int], _Lane]]:
    """The default compiler: lanes of each product, all products balanced together."""
    steps, tables = zip(*(_steps(p, c) for p in products), strict=True)
    meet = [p.needs_layer is not None for p in products]
    taken = share(list(tables), c.Q, sharing in ("horizontal", "both"), meet)
    lanes_of = [
        _lanes_of(p, c, t[step, p.ring]) for p, step, t in zip(products, steps, taken, strict=True)
    ]
    if sharing in ("vertical", "both"):
        _move_up(lanes_of, c)
    return lanes_of


def _set_by_set(
    products: list[Product], sharing: str, c: Config, rows: int
) -> list[dict[tuple[int, int], _Lane]]:
    """The reference compiler: lanes of each product, sets of ``rows`` rows of a ring balanced one
    after the other."""
    steps, tables = zip(*(_steps(p, c) for p in products), strict=True)
    found = reference.share(tables, c, sharing, rows, SECONDS)
    lanes_of = []
    for p, step, taken, up in zip(products, steps, *found, strict=True):
        lanes = _lanes_of(p, c, taken[step, p.ring])
        go = {
            (ring, col): _first_of_sets(step[lane.row] // rows, up[:, ring, col])
            for (ring, col), lane in lanes.items()
        }
        _give_up(lanes, go, c)
        lanes_of.append(lanes)
    return lanes_of


class _Builder:
    """Places lanes of products into the words of one PEGroup."""

    def __init__(self, c: Config, k: int, col: int, rows_of_acc: int) -> None:
        self.c, self.k, self.col = c, k, col
        self.cursor = np.zeros(c.P, np.int64)
        self.pieces: list[tuple[int, int, Product, _Lane]] = []  # lane, position
        self.waits: dict[int, dict[str, int]] = {}  # fields of words that wait
        self.wait_pos = -1
        banks = c.drain_banks * (1 + c.share_v)
        self.stored = np.full((c.P, banks, rows_of_acc), -(1 << 30), np.int64)
        self.marks: list[int] = []
        self.layer_done: dict[int, np.ndarray] = {}
        self.complete: set[int] = set()
        self.layer_end: dict[int, int] = {}

    def add(
        self,
        p: Product,
        lanes: dict[tuple[int, int], _Lane],
        waits: dict[str, int],
        slots: int,
    ) -> None:
        """Append one product; ``waits`` are fields of its first word."""
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
            acc, bank = p.acc[lane.row], p.bank[lane.row] + lane.vert * self.c.drain_banks
            pos = self.cursor[row] + np.arange(len(lane.row))
            last = self.stored[row, bank, acc]
            late = (last + isa.acc_raw(self.c) - pos)[lane.first].max(initial=0)
            pos += max(0, late)
            self.pieces.append((row, int(pos[0]), p, lane))
            self.stored[row, bank[lane.store], acc[lane.store]] = pos[lane.store]
            np.maximum.at(done, p.slot[lane.row], pos)
            self.cursor[row] = pos[-1] + 1
        if p.last_of_layer:
            self.complete.add(p.layer)
        # The drain takes marks in the order of stages. A stage whose products were all hoisted is
        # complete before the one that it comes behind, and waits for that.
        while len(self.layer_end) in self.complete:
            stage = len(self.layer_end)
            for pos in np.maximum.accumulate(self.layer_done[stage]):
                self.marks.append(max(int(pos), self.marks[-1] + 1 if self.marks else 0))
            self.layer_end[stage] = self.marks[-1]

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
        names = ("row", "bank", "first", "store", "clr", "pp", "vert")
        lane_f = {n: np.zeros((words, c.P), np.int64) for n in names}
        pe = {n: np.zeros((words, c.P, c.Q), np.int64) for n in "wcs"}
        visited = np.zeros(self.stored.shape, bool)
        for row, pos, p, lane in self.pieces:
            at = slice(pos, pos + len(lane.row))
            acc, own = p.acc[lane.row], p.bank[lane.row]
            bank = own + lane.vert * c.drain_banks
            lane_f["row"][at, row], lane_f["bank"][at, row] = acc, own
            lane_f["vert"][at, row] = lane.vert
            lane_f["first"][at, row], lane_f["store"][at, row] = lane.first, lane.store
            lane_f["clr"][at, row] = lane.first & ~visited[row, bank, acc]
            lane_f["pp"][at, row] = p.pp
            visited[row, bank, acc] = True
            pe["w"][at, row], pe["c"][at, row], pe["s"][at, row] = lane.weight, lane.addr, lane.side
            ctl["work"][at] = 1
        ctl["last"][-1] = 1
        ctl["mark"][self.marks] = 1
        ctl["acc_pp"][:] = acc_pp
        for pos, waits in self.waits.items():
            for name, value in waits.items():
                ctl[name][pos] = value
        return GroupProgram(ctl, lane_f, pe)


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
        slots: unit slots of each layer.
        drained_event: event of each layer, counted when its accumulators are read; None if
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
        lanes_of = _whole_products(products, sharing, c)
    else:
        lanes_of = _set_by_set(products, sharing, c, set_rows)
    for p, lanes in zip(products, lanes_of, strict=True):
        kept += len(p.row)
        waits = {"w0_en": 1, "w0_evt": p.event, "w0_lag": isa.LAG[p.lag]}
        drained = drained_event[p.layer]
        if p.first_of_layer and drained is not None:
            waits |= {"w1_en": 1, "w1_evt": drained - isa.EVENTS + isa.DRAINED_EVENTS}
        for b in builders:
            b.add(p, lanes, waits, slots[p.layer])
    return [b.finish(acc_pp) for b in builders], -(-kept // c.pes)
