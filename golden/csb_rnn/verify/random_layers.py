# SPDX-License-Identifier: Apache-2.0
"""Random layers for benches: shapes, patterns and numbers of possible networks, by seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import UNITS, Cell
from csb_rnn.machine import isa
from csb_rnn.machine.config import LANE_FRAC, Config
from csb_rnn.models import quantise
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.network import Layer, Network, gate_inputs

NARROW = 2.0 ** (isa.MUL_W - 1 - LANE_FRAC) - 0.001  # largest constant of a cell
PATTERNS = ("csb", "aligned", "scattered", "dense", "zero")


@dataclasses.dataclass(frozen=True)
class LayerCase:
    """One random layer, or a stack of equal ones; everything follows from the fields.

    ``cell`` may name several cells, as in ``lstm+gru``: layers take them in turn. Unit spaces
    other than the hidden one have half as many units.
    """

    seed: int
    cell: str = "lstm"
    inputs: int = 16
    hidden: int = 16
    layers: int = 1
    block: int = 8
    density: float = 0.3
    pattern: str = "csb"
    extreme: bool = False  # weights and inputs at the ends of their range

    @staticmethod
    def draw(
        rng: np.random.Generator,
        c: Config,
        largest: int = 300,
        layers: int = 1,
        cells: Sequence[str] = ("gru", "lstm"),
    ) -> LayerCase:
        """A random case whose weights fit a configuration; sizes are log-uniform, so small
        and odd ones are common."""

        def size() -> int:
            return int(np.exp(rng.uniform(0, np.log(largest + 0.99))))

        while True:
            case = LayerCase(
                seed=int(rng.integers(2**31)),
                cell=str(rng.choice(cells)),
                inputs=size(),
                hidden=size(),
                layers=layers,
                block=int(rng.choice([8, 16, 32, 64])),
                density=float(rng.uniform()),
                pattern=str(rng.choice(PATTERNS)),
                extreme=bool(rng.random() < 0.2),
            )
            # Half of the buffers: padding of words and one PEGroup's surplus fit.
            if case.weights <= c.pes * c.weight_depth // 2:
                return case

    def cell_of(self, layer: int) -> Cell:
        """The cell of a layer."""
        names = self.cell.split("+")
        return CELLS[names[layer % len(names)]]

    def units(self, layer: int, name: str) -> int:
        """Units of the space of a gate or vector of a layer."""
        own = self.cell_of(layer).spaces[name] == UNITS
        return self.hidden if own else (self.hidden + 1) // 2

    def shapes(self, layer: int) -> dict[tuple[str, str], tuple[int, int]]:
        """Rows and columns of the matrix of every (gate, input) of a layer."""
        cell = self.cell_of(layer)
        below = self.cell_of(layer - 1).output.vector if layer else None
        x = self.inputs if below is None else self.units(layer - 1, below)
        return {
            (g, v): (self.units(layer, g), x if v == "x" else self.units(layer, v))
            for g in cell.gates
            for v in gate_inputs(cell, g)
        }

    @property
    def weights(self) -> int:
        """Weights other than zero, about."""
        dense = sum(r * c for n in range(self.layers) for r, c in self.shapes(n).values())
        return round(dense * {"dense": 1.0, "zero": 0.0}.get(self.pattern, self.density))

    def _matrix(self, rng: np.random.Generator, rows: int, cols: int) -> np.ndarray:
        w = rng.normal(size=(rows, cols)) * 0.3
        if self.extreme:
            w = np.sign(w) * 0.999
        if self.pattern == "zero":
            return 0 * w
        if self.pattern == "scattered":
            return w * (rng.random(w.shape) < self.density)
        if self.pattern != "dense" and self.density < 0.95:
            step = min(4, rows, cols) if self.pattern == "aligned" else 1
            block = min(self.block, max(rows, cols))
            rate = max(1.0, 1 / max(self.density, 1.5 / w.size))
            import torch

            from csb_rnn.pruning.projection import csb_project

            t = csb_project(torch.tensor(w), block, rate, align=(step, step), tolerance=None)
            w = t.numpy()
        return w

    def network(self) -> Network:
        """The network in floats."""
        rng = np.random.default_rng(self.seed)
        layers = []
        for n in range(self.layers):
            cell, weights, biases, sizes = self.cell_of(n), {}, {}, {}
            shapes = self.shapes(n)
            stacked = {}
            for v in sorted({v for _, v in shapes}, key=lambda v: (v != "x", v)):
                gates = [g for g in cell.gates if (g, v) in shapes]
                rows = [shapes[g, v][0] for g in gates]
                w = self._matrix(rng, sum(rows), shapes[gates[0], v][1])
                stacked[v] = dict(zip(gates, np.split(w, np.cumsum(rows)[:-1]), strict=True))
            for v, parts in stacked.items():
                for g, w in parts.items():
                    weights[g, v] = w
                    biases[g, v] = rng.normal(size=len(w)) * 0.3
            for g in cell.gates:
                if cell.spaces[g] != UNITS:
                    sizes[cell.spaces[g]] = self.units(n, g)
            constants = {
                k: np.clip(rng.normal(size=self.units(n, f"const:{k}")), -NARROW, NARROW)
                for k in cell.constants
            }
            inputs = {v: shape[1] for (_, v), shape in shapes.items()}
            layers.append(Layer(cell, self.hidden, inputs, weights, biases, sizes, constants))
        return Network(tuple(layers), self.block)

    def frames(self, count: int, streams: int | None = None) -> np.ndarray:
        """Float inputs ``[frames, inputs]`` or ``[streams, frames, inputs]``."""
        rng = np.random.default_rng(self.seed + 1)
        lead = () if streams is None else (streams,)
        x = rng.normal(size=(*lead, count, self.inputs))
        return (np.sign(x) * 7.99 if self.extreme else x).astype(np.float32)

    def make(self, c: Config) -> tuple[QNetwork, dict[str, np.ndarray]]:
        """The network in integers, and a random integer vector for each of its inputs."""
        rng = np.random.default_rng(self.seed + 2)
        qnet = quantise.quantise(self.network(), c)
        top = 1 << (c.data_w - 1)
        out = {}
        for v, n in qnet.layers[0].inputs.items():
            x = rng.integers(-top, top, n)
            out[v] = np.where(x < 0, -top, top - 1) if self.extreme else x
        return qnet, out
