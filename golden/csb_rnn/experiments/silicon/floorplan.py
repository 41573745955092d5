# SPDX-License-Identifier: Apache-2.0
"""Floorplan on an ECP5-85k: places block RAMs and multipliers before nextpnr places the rest.

Hard blocks stand in seven rows of the chip. When most of them are in use a general placer scatters
neighbours, and the router drowns in wires across the chip. Here each gets a site by
how strongly blocks pull at each other through the logic between them: nets are springs, and the
soft cells are eliminated from their Laplacian (Schur complement), as if each came to rest where its
wires are shortest. Simulated annealing then makes the pulls short; long ones cost more than in
proportion, as the clock depends on the longest. Multipliers whose enables and resets do not fit
into a DSP block (:mod:`.dsp_blocks`) stay apart.
"""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import splu

from csb_rnn.experiments.silicon import dsp_blocks

Cells = dict[str, dict[str, Any]]  # as in a netlist of Yosys, JSON
Site = tuple[int, int, str]  # column, row, name of the place in nextpnr

_BLOCKS = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)  # first columns of a pattern
SITES: dict[str, list[Site]] = {
    "DP16KD": [
        (x + 2 * i, y, f"X{x + 2 * i}/Y{y}/EBR{i}")
        for y in (22, 46, 70, 82)
        for x in _BLOCKS
        for i in range(4)
    ],
    "MULT18X18D": [
        (x + i, y, f"X{x + i}/Y{y}/MULT18_{i}")
        for y in (10, 34, 58)
        for x in _BLOCKS
        for i in (0, 1, 4, 5)
    ],
}
CLOCKS = {"CLK", "CLKA", "CLKB", "CLK0", "WCK"}
FANOUT = 40  # cells of a net; a larger net pulls at nothing in particular
PAIRS = 4  # cells of a net joined in pairs; those of a larger one pull at its middle
WEAK = 0.03  # pulls below are left out
BEND = 12  # tiles of a wire costing twice as much as in proportion
MOVES = 1_500_000
MULTIPLIER = "MULT18X18D"
APART = 3000.0  # cost of a signal too many in a DSP block
HOT, COLD = 1500.0, 0.5  # temperatures, in cost


def pulls(cells: Cells) -> tuple[list[str], np.ndarray]:
    """The hard blocks of a netlist, and how strongly each two pull at each other.

    Returns:
        names, and a symmetric matrix [blocks, blocks] in units of a net of two cells.
    """
    names = list(cells)
    nets: dict[int, set[int]] = defaultdict(set)
    for i, cell in enumerate(cells.values()):
        for port, bits in cell["connections"].items():
            if port not in CLOCKS:
                for bit in bits:
                    if isinstance(bit, int):  # else a constant
                        nets[bit].add(i)
    ends: list[tuple[int, int, float]] = []
    nodes = len(names)
    for members in nets.values():
        k = len(members)
        if 2 <= k <= PAIRS:
            ends += [(a, b, 1 / (k - 1)) for a in members for b in members if a < b]
        elif PAIRS < k <= FANOUT:
            ends += [(a, nodes, k / (k - 1)) for a in members]
            nodes += 1
    rows, columns, weights = zip(*ends, strict=True)
    springs = sparse.coo_matrix((weights, (rows, columns)), shape=(nodes, nodes)).tocsr()
    springs = springs + springs.T
    hard = np.array([i for i, name in enumerate(names) if cells[name]["type"] in SITES])
    soft = np.setdiff1d(np.arange(nodes), hard)
    stiffness = np.asarray(springs.sum(axis=1)).ravel()[soft]
    # The small extra keeps loose cells in place.
    laplacian = sparse.diags(stiffness + 1e-3) - springs[soft][:, soft]
    across = springs[soft][:, hard]
    through = across.T @ splu(laplacian.tocsc()).solve(across.toarray())
    pull = springs[hard][:, hard].toarray() + through
    np.fill_diagonal(pull, 0.0)
    return [names[i] for i in hard], pull


class Annealer:
    """Blocks on sites of their kind; a move takes one to another site, or exchanges two.

    Args:
        pull: [blocks, blocks], symmetric, zero diagonal.
        kinds: key of :data:`SITES` for each block.
        signals: of each block that is a multiplier with registers.

    Raises:
        ValueError: there are more blocks of a kind than sites.
    """

    def __init__(
        self,
        pull: np.ndarray,
        kinds: list[str],
        seed: int = 1,
        signals: dict[int, dsp_blocks.Signals] | None = None,
    ) -> None:
        self.random, self.kinds = random.Random(seed), kinds
        self.signals = signals or {}
        self.known: dict[tuple[int, ...], int] = {}  # excess of sets of multipliers
        self.near = [
            [(int(j), float(row[j])) for j in np.flatnonzero(row > WEAK)]
            for row in np.asarray(pull)
        ]
        self.site = [0] * len(kinds)
        self.owner: dict[str, list[int]] = {k: [-1] * len(sites) for k, sites in SITES.items()}
        for kind, sites in SITES.items():
            blocks = [i for i, k in enumerate(kinds) if k == kind]
            if len(blocks) > len(sites):
                raise ValueError(f"{len(blocks)} {kind}, an ECP5-85k has {len(sites)}")
            for i, s in zip(
                blocks, self.random.sample(range(len(sites)), len(blocks)), strict=True
            ):
                self.site[i], self.owner[kind][s] = s, i
        self.x = [SITES[k][s][0] for k, s in zip(kinds, self.site, strict=True)]
        self.y = [SITES[k][s][1] for k, s in zip(kinds, self.site, strict=True)]

    def cost(self, block: int, x: int, y: int, but: int = -1) -> float:
        """Of the wires of a block at (x, y), without those to one other."""
        total = 0.0
        for other, pull in self.near[block]:
            if other != but:
                d = abs(self.x[other] - x) + abs(self.y[other] - y)
                total += pull * (d + d * d / BEND)
        return total

    def members(self, dsp: int, moved: dict[int, int] | None = None) -> tuple[int, ...]:
        """Multipliers with signals in a DSP block; ``moved``: sites that have another owner."""
        owner, moved = self.owner[MULTIPLIER], moved or {}
        sites = range(dsp * dsp_blocks.SIZE, (dsp + 1) * dsp_blocks.SIZE)
        return tuple(sorted({moved.get(s, owner[s]) for s in sites} & self.signals.keys()))

    def excess(self, multipliers: tuple[int, ...]) -> int:
        """Signals too many if these share a DSP block."""
        if multipliers not in self.known:
            self.known[multipliers] = dsp_blocks.excess(self.signals[i] for i in multipliers)
        return self.known[multipliers]

    def crowded(self, here: int, there: int, moved: dict[int, int]) -> int:
        """Signals more than now in the DSP blocks of two sites if these have other owners."""
        blocks = {here // dsp_blocks.SIZE, there // dsp_blocks.SIZE}
        return sum(
            self.excess(self.members(b, moved)) - self.excess(self.members(b)) for b in blocks
        )

    def total(self) -> float:
        """Cost of all wires."""
        return sum(self.cost(i, self.x[i], self.y[i]) for i in range(len(self.kinds))) / 2

    def move(self, temperature: float) -> None:
        """Try one move, not far when it is cold."""
        i = self.random.randrange(len(self.kinds))
        sites, owner = SITES[self.kinds[i]], self.owner[self.kinds[i]]
        reach = max(0.03, min(1.0, temperature / 300))
        here = self.site[i]
        for _ in range(20):
            there = self.random.randrange(len(sites))
            x, y, _ = sites[there]
            near = abs(x - self.x[i]) <= 9 + 120 * reach and abs(y - self.y[i]) <= 24 + 80 * reach
            if near and there != here:
                break
        else:
            return
        j = owner[there]
        old_x, old_y = self.x[i], self.y[i]
        change = self.cost(i, x, y, j) - self.cost(i, old_x, old_y, j)
        if j >= 0:
            change += self.cost(j, old_x, old_y, i) - self.cost(j, x, y, i)
        if self.signals and self.kinds[i] == MULTIPLIER:
            change += APART * self.crowded(here, there, {here: j, there: i})
        if change >= 0 and self.random.random() >= math.exp(-change / temperature):
            return
        self.site[i], self.x[i], self.y[i], owner[there] = there, x, y, i
        owner[here] = j
        if j >= 0:
            self.site[j], self.x[j], self.y[j] = here, old_x, old_y

    def run(self, moves: int = MOVES) -> None:
        """Anneal from hot to cold."""
        for n in range(moves):
            self.move(HOT * (COLD / HOT) ** (n / moves))


def floorplan(netlist: Path, out: Path, top: str, moves: int = MOVES) -> None:
    """Write a netlist of Yosys (JSON) with a place for every block RAM and multiplier of ``top``.

    Raises:
        ValueError: the device has too few of them, or of enables and resets of its DSP blocks.
    """
    design = json.loads(netlist.read_text())
    cells = design["modules"][top]["cells"]
    names, pull = pulls(cells)
    kinds = [cells[name]["type"] for name in names]
    signals = {
        i: dsp_blocks.signals(cells[name])
        for i, name in enumerate(names)
        if cells[name]["type"] == MULTIPLIER
    }
    annealer = Annealer(pull, kinds, signals=signals)
    annealer.run(moves)
    for dsp in range(len(SITES[MULTIPLIER]) // dsp_blocks.SIZE):
        members = annealer.members(dsp)
        if annealer.excess(members):
            raise ValueError(f"a DSP block has too few enables and resets: {names[members[0]]}")
        dsp_blocks.number([cells[names[i]] for i in members])
    for name, kind, s in zip(names, kinds, annealer.site, strict=True):
        cells[name]["attributes"]["BEL"] = SITES[kind][s][2]
    out.write_text(json.dumps(design))
