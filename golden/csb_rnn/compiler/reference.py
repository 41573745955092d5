# SPDX-License-Identifier: Apache-2.0
"""The paper's compiler, as a yardstick: block iterations between barriers, sharing chosen by Z3.

A matrix is cut into blocks, and the K x L PEGroups take a set of K x L neighbouring blocks at a
time, one each, tile by tile (P x Q weights a cycle). Between two sets stands a barrier. Within a
set every kernel may be cut into three rectangles, whose sides are whole tiles: one stays, one is
for the left neighbour (horizontal, whole columns), one of the rest for the upper neighbour
(vertical, whole rows), both on a torus. Z3 looks for cuts by which no PEGroup exceeds the average
by more than a margin. The margin begins at nothing and grows by a tile (P*Q weights) until there
are such cuts (Shi et al., ICS 2020, 5.2).

:func:`search` is analytical: it counts cycles of the published machine, barriers included. In this
engine the unit of work is a PE row's word of one row, not a tile: :func:`share` makes the same
search with words, set by set, and its programs run (``docs/develop/compiler.md``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from csb_rnn.compiler.sharing import hand_on, words_of
from csb_rnn.machine.config import Config

COARSE = 8  # a margin of more than 2 * COARSE tiles grows by this part of itself, not by a tile


@dataclasses.dataclass(frozen=True)
class Solution:
    """One set of blocks.

    Attributes:
        load: int [K, L] tile cycles of each PEGroup.
        moved: int [K, L, 2] tiles of each block, moved horizontally and vertically.
        timeouts: margins given up because the solver's time was over.
    """

    load: np.ndarray
    moved: np.ndarray
    timeouts: int = 0

    @property
    def cycles(self) -> int:
        return int(self.load.max())


@dataclasses.dataclass(frozen=True)
class Result:
    """A layer, or a sample of its sets.

    Attributes:
        cycles: sum over the sets, each as long as its longest PEGroup.
        bound_cycles: the same if every set were balanced perfectly, in whole tiles.
        kept: weights other than zero in these sets.
        busy: share of PEGroup cycles with work.
        sets, of: how many sets were solved, of how many.
        timeouts: of all sets.
    """

    cycles: int
    bound_cycles: int
    kept: int
    busy: float
    sets: int
    of: int
    timeouts: int

    def mac_efficiency(self, c: Config) -> float:
        return self.kept / (c.pes * self.cycles) if self.cycles else 0.0


def block_sets(w: np.ndarray, block: int, c: Config) -> list[tuple[np.ndarray, int]]:
    """All sets of a matrix ``[H, W]``: kernel sizes in tiles, int [K, L, 2] (rows, columns), and
    weights other than zero. Sets without any are left out."""
    keep = w != 0
    rows, cols = -(-w.shape[0] // block), -(-w.shape[1] // block)
    high, wide = -(-rows // c.K) * c.K, -(-cols // c.L) * c.L
    full = np.zeros((high * block, wide * block), bool)
    full[: w.shape[0], : w.shape[1]] = keep
    full = full.reshape(high, block, wide, block)
    m, n = full.any(axis=3).sum(axis=1), full.any(axis=1).sum(axis=2)
    tiles = np.stack([-(-m // c.P), -(-n // c.Q)], axis=-1)
    count = full.sum(axis=(1, 3))
    out = []
    for i in range(0, high, c.K):
        for j in range(0, wide, c.L):
            at = np.s_[i : i + c.K, j : j + c.L]
            if count[at].any():
                out.append((tiles[at], int(count[at].sum())))
    return out


def _loads(work: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Cycles of every PEGroup: its own work without the moved parts, and work moved to it."""
    own = work - moved.sum(axis=-1)
    return own + np.roll(moved[..., 0], -1, axis=1) + np.roll(moved[..., 1], -1, axis=0)


def solve(tiles: np.ndarray, sharing: str, seconds: float) -> Solution:
    """The paper's search for one set.

    Args:
        tiles: int [K, L, 2], rows and columns of each kernel in tiles.
        sharing: none, horizontal, vertical or both.
        seconds: limit of one solver call; if it is over, the margin grows as if there were no cut.
    """
    return _widen(tiles.prod(axis=-1), sharing, lambda limit: _cuts(tiles, sharing, limit, seconds))


def solve_words(words: np.ndarray, sharing: str, seconds: float) -> Solution:
    """The paper's search where single words may move.

    Args:
        words: int [K, L], of each PEGroup's PE row of one number.
        sharing, seconds: as in :func:`solve`.
    """
    return _widen(words, sharing, lambda limit: _moves(words, sharing, limit, seconds))


def _widen(
    work: np.ndarray, sharing: str, cuts: Callable[[int], np.ndarray | bool | None]
) -> Solution:
    """The first solution while the margin grows; ``cuts(limit)`` as :func:`_cuts`."""
    nothing = np.zeros((*work.shape, 2), np.int64)
    if sharing == "none" or not work.any():
        return Solution(work, nothing)
    # Work moved in one direction only cannot leave its row (column): no smaller margin.
    means = {"horizontal": work.mean(axis=1), "vertical": work.mean(axis=0), "both": work.mean()}
    timeouts = 0
    least, margin = int(np.ceil(np.max(means[sharing]))), 0
    while least + margin < int(work.max()):
        moved = cuts(least + margin)
        if isinstance(moved, np.ndarray):
            return Solution(_loads(work, moved), moved, timeouts)
        timeouts += moved is None
        margin += max(1, margin // COARSE)
    return Solution(work, nothing, timeouts)


def _cuts(tiles: np.ndarray, sharing: str, limit: int, seconds: float) -> np.ndarray | bool | None:
    """Moved tiles, [K, L, 2], by which no PEGroup has more than ``limit``; False if there is
    no such choice, None if the time was over."""
    import z3

    rows, cols = tiles.shape[:2]
    solver = _solver(seconds)
    moved = {}
    for k, c in np.ndindex(rows, cols):
        m, n = (int(v) for v in tiles[k, c])
        across, down = z3.Int(f"h{k}_{c}"), z3.Int(f"v{k}_{c}")  # columns, rows of moved tiles
        for cut, size, mode in ((across, n, "horizontal"), (down, m, "vertical")):
            solver.add(cut >= 0, cut <= (size if sharing in (mode, "both") and m * n else 0))
        corner = z3.IntVal(0)  # where both cuts meet: it goes left
        if sharing == "both" and m * n:
            corner = z3.Int(f"x{k}_{c}")
            for value in range(n + 1):
                solver.add(z3.Implies(across == value, corner == value * down))
        moved[k, c] = (across * m, down * n - corner)
    return _found(solver, tiles.prod(axis=-1), moved, limit)


def _moves(words: np.ndarray, sharing: str, limit: int, seconds: float) -> np.ndarray | bool | None:
    """Moved words, as :func:`_cuts`."""
    import z3

    solver = _solver(seconds)
    moved = {}
    for k, c in np.ndindex(words.shape):
        pair = z3.Int(f"h{k}_{c}"), z3.Int(f"v{k}_{c}")
        for move, mode in zip(pair, ("horizontal", "vertical"), strict=True):
            solver.add(move >= 0, move <= (int(words[k, c]) if sharing in (mode, "both") else 0))
        solver.add(pair[0] + pair[1] <= int(words[k, c]))
        moved[k, c] = pair
    return _found(solver, words, moved, limit)


def _solver(seconds: float):
    import z3

    solver = z3.SolverFor("QF_LIA")
    solver.set("timeout", max(1, int(seconds * 1000)))
    return solver


def _found(solver, work: np.ndarray, moved: dict, limit: int) -> np.ndarray | bool | None:
    """The moved part of ``work``, [K, L, 2], if nobody may have more than ``limit``:
    :func:`_cuts`."""
    import z3

    rows, cols = work.shape
    for k, c in np.ndindex(rows, cols):
        h, v = moved[k, c]
        right, below = moved[k, (c + 1) % cols][0], moved[(k + 1) % rows, c][1]
        solver.add(int(work[k, c]) - h - v + right + below <= limit)
    found = solver.check()
    if found == z3.unsat:
        return False
    if found != z3.sat:
        return None
    model = solver.model()
    value = [[model.eval(e, model_completion=True).as_long() for e in p] for p in moved.values()]
    return np.array(value).reshape(rows, cols, 2)


def share(
    tables: Sequence[np.ndarray], c: Config, sharing: str, steps: int, seconds: float
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The moves in a program of this engine: the paper's search, set by set.

    A set is ``steps`` rows of every ring, in program order. Its K x L PE rows of one number are the
    PEGroups of the search; a cut is a number of words, as any word of a PE row may move.

    Args:
        tables: for each product int [rows, rings, L], as :func:`csb_rnn.compiler.sharing.share`.
        c: grid; Q non-zeros of a row are a word.
        sharing: see :func:`solve`.
        steps: rows of a ring in a set: those of a block.
        seconds: limit of one solver call.

    Returns:
        for each product int [rows, rings, L], non-zeros of the next column, taken by each PE row,
        and int [sets, rings, L], words for the engine row above.
    """
    taken, up = [], []
    for table in tables:
        taken.append(np.zeros_like(table))
        sets = range(0, len(table), steps)
        up.append(np.zeros((len(sets), c.rings, c.L), np.int64))
        for i, at in enumerate(sets):
            part, t = table[at : at + steps], taken[-1][at : at + steps]
            words = words_of(part, c.Q).sum(axis=0).reshape(c.K, c.P, c.L)
            moved = np.stack(
                [solve_words(words[:, p], sharing, seconds).moved for p in range(c.P)], axis=1
            ).reshape(c.rings, c.L, 2)
            for ring, giver in np.argwhere(moved[..., 0]):
                for turn in range(moved[ring, giver, 0]):
                    # Rows without a whole word to give end it: the next set is another chance.
                    if hand_on(part[:, ring], t[:, ring], giver, -1, c.Q, turn) is None:
                        break
            up[-1][i] = moved[..., 1]
    return taken, up


def search(
    matrices: Sequence[np.ndarray],
    block: int,
    c: Config,
    sharing: str,
    seconds: float,
    samples: int | None = None,
    seed: int = 0,
) -> Result:
    """The layer of these matrices, one after the other.

    Args:
        matrices: ``[H, W]`` each.
        block: side of a block.
        c: grid and tiles; memories and sharing paths are not looked at.
        sharing: see :func:`solve`.
        seconds: limit of one solver call.
        samples: sets to look at, chosen by ``seed``; all if None.
    """
    sets = [s for w in matrices for s in block_sets(w, block, c)]
    chosen = sets
    if samples is not None and samples < len(sets):
        places = np.random.default_rng(seed).choice(len(sets), samples, replace=False)
        chosen = [sets[i] for i in sorted(places)]
    solved = [solve(tiles, sharing, seconds) for tiles, _ in chosen]
    cycles = sum(s.cycles for s in solved)
    work = sum(int(s.load.sum()) for s in solved)
    return Result(
        cycles=cycles,
        bound_cycles=sum(-(-int(t.prod(axis=-1).sum()) // c.groups) for t, _ in chosen),
        kept=sum(count for _, count in chosen),
        busy=work / (c.groups * cycles) if cycles else 0.0,
        sets=len(chosen),
        of=len(sets),
        timeouts=sum(s.timeouts for s in solved),
    )
