# SPDX-License-Identifier: Apache-2.0
"""The ten benchmark models of the CSB-RNN paper (its Table 1, rates of Fig. 10a and Table 2), with
synthetic weights, and published results of them."""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from csb_rnn.machine.folders import ROOT
from csb_rnn.network import checkpoint, checkpoint_files, state_dict
from csb_rnn.network.network import Network
from csb_rnn.network.stacking import network_from_checkpoint
from csb_rnn.pruning.projection import ProjectionError, csb_mask

CHECKPOINTS = ROOT / "checkpoints"
SPREAD = 0.3  # s of the generator: spread of row and column strengths
SEED = 2020
SCALE = 0.2  # largest weights stay within the formats, smallest kept ones off zero
KEPT_TOLERANCE = 0.005  # of the three models whose kept weights are prescribed


@dataclasses.dataclass(frozen=True)
class Shape:
    """One layer: ``projection`` is the width of h if it is not ``hidden``."""

    inputs: int
    hidden: int
    projection: int = 0

    @property
    def outputs(self) -> int:
        return self.projection or self.hidden


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A benchmark model. ``rates`` are those of the paper's Fig. 10a by block size, ``table2`` the
    one of its published latency; ``kept`` the weights left then. ``file`` is a
    trained checkpoint, whose pattern is taken as it is."""

    name: str
    cell: str  # as in csb_rnn.cells
    layers: tuple[Shape, ...]
    rates: dict[int, float]
    table2: float | None = None
    kept: int | None = None
    file: Path | None = None

    def rate(self, block: int) -> float:
        """Pruning rate at a block size: of Table 2 where it is given, at block 32."""
        return self.table2 if self.table2 and block == 32 else self.rates[block]


def _rates(*values: float) -> dict[int, float]:
    return dict(zip((16, 32, 64, 128), values, strict=True))


MODELS = {
    m.name: m
    for m in (
        Benchmark("MT1", "lstm", (Shape(128, 256), Shape(256, 256)),
              _rates(13, 12, 7.5, 3), 12.5, 73_400),
        Benchmark("MT2", "lstm", (Shape(1500, 1500),) * 2, _rates(15.5, 12, 11.5, 10)),
        Benchmark("SR1", "lstmp", (Shape(153, 1024, 512), Shape(512, 1024, 512)),
              _rates(13, 13.5, 10.5, 6.5), 13, 612_825),
        Benchmark("SR2", "gru", (Shape(39, 1024), Shape(1024, 1024)),
              _rates(20, 20, 19, 12.5), 20, 477_850),
        Benchmark("SR3", "ligru", (Shape(39, 512), Shape(512, 512)), _rates(6, 6.5, 5.5, 1.5)),
        Benchmark("SR4", "gru", (Shape(39, 256),), _rates(25, 25, 18.5, 16.5)),
        Benchmark("SPP", "lstm", (Shape(1, 128), Shape(128, 128)), _rates(3.5, 3, 1.5, 1)),
        Benchmark("SC1", "lstm", (Shape(32, 512), Shape(512, 512), Shape(512, 512)),
              _rates(10.5, 9.5, 10, 7)),
        Benchmark("SC2", "lstm", (Shape(50, 256),), _rates(7, 6.5, 2.5, 1)),
        Benchmark("QA", "lstm", (Shape(50, 256), Shape(256, 256), Shape(256, 256)),
              _rates(7.5, 7, 4.5, 2)),
    )
}  # fmt: skip
EDGE = Benchmark("GRU 128->256", "gru", (Shape(128, 256),), _rates(13, 13, 13, 13))
"""The layer that was simulated on EdgeDRNN."""

CELLS_COMPARED = ("SR1", "SR2", "SR3")
"""Models of other cells, at their rates; an LSTM of as many kept weights is set beside each."""


def _weights(cell: str, layers: tuple[Shape, ...]) -> int:
    gates = checkpoint.CELL_GATES[cell]
    return sum(gates * s.hidden * (s.inputs + s.outputs) + s.hidden * s.projection for s in layers)


def as_lstm(m: Benchmark) -> Benchmark:
    """An LSTM with the layers and units of a model, pruned to as many weights, in blocks of 32."""
    below = (m.layers[0].inputs, *(s.hidden for s in m.layers))
    layers = tuple(Shape(x, s.hidden) for x, s in zip(below, m.layers, strict=False))
    rate = _weights("lstm", layers) / (_weights(m.cell, m.layers) / m.rate(32))
    return Benchmark(f"{m.name} (as LSTM)", "lstm", layers, {32: rate})


def comparisons() -> list[Benchmark]:
    """The partners of :data:`CELLS_COMPARED`: LSTMs, and the GRU with its reset before the
    product."""
    out = [as_lstm(MODELS[name]) for name in CELLS_COMPARED]
    for m in (MODELS[name] for name in CELLS_COMPARED):
        if m.cell == "gru":
            first = dataclasses.replace(m, name=f"{m.name} (reset first)", cell="gru_before")
            out.append(dataclasses.replace(first, rates={32: m.rate(32)}, table2=None))
    return out


CLOCK_MHZ = 200
# (who, model, us a frame, PEs); the meaning of "latency" is not told there.
PUBLISHED = (
    ("CSB-RNN paper", "MT1", 0.79, 512),
    ("CSB-RNN paper", "SR1", 6.58, 512),
    ("CSB-RNN paper", "SR2", 5.18, 512),
    ("BBS", "MT1", 1.30, 1518),
    ("C-LSTM", "SR1", 8.10, 2680),
    ("E-RNN", "SR1", 7.40, 2660),
    ("ESE", "SR1", 82.7, 1504),
    ("E-RNN", "SR2", 6.70, 2280),
)
PAPER_CYCLES = {"MT1": 158, "SR1": 1316, "SR2": 1036}
PAPER_BUSY = {  # busy-PE utilisation, read off its Fig. 12: none, both
    32: ((0.30, 0.45), (0.77, 0.92)),
    64: ((0.40, 0.60), (0.90, 0.95)),
    128: ((0.50, 0.80), (0.96, 0.98)),
}
EDGEDRNN_CYCLES = 36_552  # of a step of EDGE on 8 multipliers, dense, simulated


def matrix(
    rows: int, cols: int, block: int, rate: float, align: tuple[int, int], seed: int
) -> np.ndarray:
    """A pruned synthetic weight matrix ``[rows, cols]``, float64.

    ``W[i, j] = g * exp(s*a_i) * exp(s*b_j)`` with standard normal g, a, b, projected onto the CSB
    pattern. The pattern nearest the rate is taken if none meets it.
    """
    w = dense(rows, cols, seed)
    block = min(block, max(rows, cols))
    t = torch.tensor(w)
    try:
        mask = csb_mask(t, block, rate, align)
    except ProjectionError:
        mask = csb_mask(t, block, rate, align, tolerance=None)
    return kept_by(w, mask.numpy())


def dense(rows: int, cols: int, seed: int) -> np.ndarray:
    """A synthetic weight matrix before pruning, see :func:`matrix`."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(rows, cols))
    w *= np.exp(SPREAD * rng.normal(size=(rows, 1)))
    w *= np.exp(SPREAD * rng.normal(size=(1, cols)))
    return w * (SCALE / max(1.0, float(np.abs(w).max()) / 5))


def kept_by(w: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Weights under a mask; none is lost in quantisation: the smallest are two units of 16 bits."""
    w = np.where(mask, w, 0.0)
    floor = 2.0**-13
    return np.where((w != 0) & (np.abs(w) < floor), np.copysign(floor, w), w)


def trained() -> list[Benchmark]:
    """The shipped checkpoints, each under the name of the model whose shape it has."""
    out = []
    for file in sorted(CHECKPOINTS.glob("*.npz")):
        c = checkpoint_files.read_checkpoint(file)
        shapes = tuple(Shape(la.inputs, la.hidden, la.proj) for la in c.layers)
        like = [m.name for m in MODELS.values() if (m.cell, m.layers) == (c.cell, shapes)]
        if like:
            name = f"{like[0]} ({file.stem})"
            rates = dict.fromkeys((c.csb.get("block", 32),), round(c.rate, 2))
            out.append(Benchmark(name, c.cell, shapes, rates, file=file))
    return out


def _from_file(model: Benchmark, n: int) -> dict[str, np.ndarray]:
    """Layer ``n`` of a trained model, as :func:`tensors` gives it."""
    assert model.file is not None
    found = checkpoint_files.read_checkpoint(model.file)
    names = found.layers[n].names()
    return {name.replace(f"_l{n}", "_l0"): found.tensors[name] for name in names}


def tensors(
    model: Benchmark, n: int, block: int, align: tuple[int, int], rate: float | None = None
) -> dict[str, np.ndarray]:
    """Matrices and biases of layer ``n`` under torch's names, but numbered as layer 0.

    Args:
        align: ``(P, Q)`` of the pattern, ``(1, 1)`` for the paper's.
        rate: pruning rate; the model's at this block size if None.

    A trained model has but one pattern: ``block``, ``align`` and ``rate`` do not matter.
    """
    if model.file is not None:
        return _from_file(model, n)
    rate = rate or model.rate(block)
    out = {}
    for name, size in sizes(model, n).items():
        own = zlib.crc32(f"{model.name} {n} {name} {block} {align} {SEED}".encode())
        out[name] = matrix(*size, block, rate, align, own)
    return out | biases(model, n)


def sizes(model: Benchmark, n: int) -> dict[str, tuple[int, int]]:
    """Rows and columns of the matrices of layer ``n``, under the names of :func:`tensors`."""
    shape, gates = model.layers[n], checkpoint.CELL_GATES.get(model.cell, 4)
    out = {
        "weight_ih_l0": (gates * shape.hidden, shape.inputs),
        "weight_hh_l0": (gates * shape.hidden, shape.outputs),
    }
    if shape.projection:
        out["weight_hr_l0"] = (shape.projection, shape.hidden)
    return out


def biases(model: Benchmark, n: int) -> dict[str, np.ndarray]:
    """Biases of layer ``n``."""
    rng = np.random.default_rng([SEED, n])
    gates = checkpoint.CELL_GATES.get(model.cell, 4)
    size = gates * model.layers[n].hidden
    return {name: rng.normal(size=size) * 0.1 for name in ("bias_ih_l0", "bias_hh_l0")}


def network(
    cell: str,
    layers: list[dict[str, np.ndarray]],
    block: int,
    csb: Mapping[str, object] | None = None,
) -> Network:
    """The network of layers as :func:`tensors` gives them; ``csb`` adds to their metadata.

    Raises:
        CheckpointError, NetworkError: the cell is not built yet.
    """
    state = {
        f"rnn.{name.replace('_l0', f'_l{n}')}": w.astype(np.float32)
        for n, layer in enumerate(layers)
        for name, w in layer.items()
    }
    return network_from_checkpoint(
        state_dict.from_state_dict(state, csb={"cell": cell, "block": block, **(csb or {})})
    )


def kept(layers: list[dict[str, np.ndarray]]) -> int:
    """Weights other than zero."""
    return sum(
        int(np.count_nonzero(w))
        for layer in layers
        for name, w in layer.items()
        if name.startswith("weight")
    )


def ideal_cycles(kept_weights: int, pes: int) -> int:
    """Cycles if every multiplier were always useful."""
    return math.ceil(kept_weights / pes)
