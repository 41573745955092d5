# SPDX-License-Identifier: Apache-2.0
"""Shared columns, measured: efficiency and frames beside the machine with an address a weight.

Counted in programs and predicted by the timing model, which the RTL equals. A row says in ``table``
the name of its table on the page; :mod:`.shared_tables` makes them.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.models import KEPT_TOLERANCE, MODELS, Benchmark, Shape
from csb_rnn.experiments.bench.programs import fitted, shared
from csb_rnn.experiments.bench.tables import Row
from csb_rnn.flow.cycles import issue_cycles
from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.models import quantise
from csb_rnn.network.network import Network
from csb_rnn.pruning.classes import class_mask, model_classes
from csb_rnn.pruning.schemes import make_scheme

FRAMES = 240
SPARTUS = Shape(123, 1024)  # the layer of Spartus (FPGA, 512 multipliers)
#: Twice the PEs of 512 multipliers, weights and neurons of 8 bits.
TWO_PRODUCTS = {"Q": 8, "weight_w": 8, "data_w": 8}
MACHINES = ("paper256_cols", "paper512_cols", "paper512_w8")
BESIDE = ("paper256", "paper256_cols")  # machines of other patterns
MODES = ("none", "horizontal", "both")
BLOCKS = (32, 64, 128)
SCHEMES = ("csb", "unstructured", "bank", "row", "rowcol", "column", "dense")
QUICK = ("MT1", "SC2")
SPARSITIES = (94, 96)  # percent, of Spartus
WHOLE = ("MT1", "SR1", "SR2")


class Pruned(NamedTuple):
    """A network, and its kept weights."""

    network: Network
    kept: int


def _seed(*what: object) -> int:
    return zlib.crc32(" ".join(map(str, (*what, models.SEED))).encode())


def _dense(m: Benchmark, block: int) -> list[dict[str, np.ndarray]]:
    return [
        {
            name: models.dense(*size, _seed(m.name, n, name, block, "classes"))
            for name, size in models.sizes(m, n).items()
        }
        for n in range(len(m.layers))
    ]


def _masked(
    m: Benchmark,
    mask: Callable[[str, torch.Tensor], torch.Tensor],
    block: int,
    csb: dict[str, object],
) -> Pruned:
    layers = []
    for n, layer in enumerate(_dense(m, block)):
        kept = {
            name: models.kept_by(w, mask(name.replace("_l0", f"_l{n}"), torch.tensor(w)).numpy())
            for name, w in layer.items()
        }
        layers.append(kept | models.biases(m, n))
    return Pruned(models.network(m.cell, layers, block, csb), models.kept(layers))


def class_balanced(m: Benchmark, block: int, c: Config, rate: float | None = None) -> Pruned:
    """A benchmark model with synthetic weights, pruned for a machine with shared columns; to the
    prescribed number of kept weights, if there is one and no rate is given."""
    tensors = {
        name.replace("_l0", f"_l{n}"): torch.tensor(w)
        for n, layer in enumerate(_dense(m, block))
        for name, w in layer.items()
    }
    found = model_classes(tensors, block, c)
    of = rate or m.rate(block)
    for _ in range(4):

        def mask(name: str, w: torch.Tensor, of: float = of) -> torch.Tensor:
            return class_mask(w, of, found.cuts[name], block, c.Q)

        pruned = _masked(m, mask, block, found.metadata())
        wanted = m.kept if rate is None and block == 32 else None
        if wanted is None or abs(pruned.kept / wanted - 1) <= KEPT_TOLERANCE:
            break
        of *= pruned.kept / wanted
    return pruned


def of_scheme(m: Benchmark, scheme: str, rate: float) -> Pruned:
    """The same weights pruned by another scheme of the project; ``dense`` keeps them all."""
    if scheme == "dense":
        return _masked(m, lambda _, w: w != 0, 32, {})
    chosen = make_scheme(scheme, 32, (4, 4))
    return _masked(m, lambda _, w: chosen.project(w, rate) != 0, 32, {})


def layer_of(m: Benchmark, n: int) -> Benchmark:
    """One layer of a model as a model."""
    return dataclasses.replace(m, name=f"{m.name} {n}", layers=(m.layers[n],), kept=None)


def with_room(name: str, sharing: str | None = None) -> Config:
    """A configuration whose memories hold any of these models."""
    return shared(config.load(f"{name}_sim", weight_depth=1 << 16), sharing)


# --- rows ---------------------------------------------------------------------------------------


def layer_rows(quick: bool) -> Iterator[Row]:
    """Issue cycles of every layer on the shape of ``paper256``, class-balanced; every sharing mode
    at block 32, horizontal sharing at the others."""
    for block in BLOCKS[: 1 if quick else None]:
        for m in MODELS.values():
            if quick and m.name not in QUICK:
                continue
            for n in range(len(m.layers)):
                one = dataclasses.replace(layer_of(m, n), rates={block: m.rate(block)}, table2=None)
                pruned = class_balanced(one, block, config.load("paper256_cols"))
                for sharing in MODES if block == 32 else ("horizontal",):
                    c = with_room("paper256_cols", sharing)
                    q = quantise.quantise(pruned.network, c)
                    cycles = issue_cycles(compile_network(q, c, 1, sharing, block))
                    yield _row("layers", one.name, c, pruned.kept, cycles) | {
                        "block": block,
                        "sharing": sharing,
                    }


def _row(table: str, model: str, c: Config, kept: int, cycles: float) -> Row:
    return {"table": table, "model": model, "config": c.name, "pes": c.pes,
            "kept_weights": kept, "cycles": cycles}  # fmt: skip


def _frame(table: str, model: str, name: str, pruned: Pruned, block: int = 32) -> Row:
    """The interval of a model on a large enough configuration."""
    x = np.random.default_rng(models.SEED).normal(size=(50, pruned.network.inputs)).clip(-4, 4)
    q = quantise.quantise(pruned.network, config.load(name), x)
    p, used = fitted(q, name, None, 1, block)
    interval = timing.interval(timing.predict(p, FRAMES).last_out)
    return _row(table, model, config.load(used), pruned.kept, interval)


def frame_rows() -> Iterator[Row]:
    """Frames of the three models whose kept weights are prescribed, one stream, block 32."""
    for name in MACHINES:
        for model in WHOLE:
            pruned = class_balanced(MODELS[model], 32, config.load(name))
            yield _frame("frames", model, name, pruned)


def pattern_rows() -> Iterator[Row]:
    """The cost of other patterns: MT1 at 12.5x on two machines."""
    m = MODELS["MT1"]
    balanced = class_balanced(m, 32, config.load(BESIDE[1]))
    yield _frame("patterns", "csb, class-balanced", BESIDE[1], balanced)
    for scheme in SCHEMES:
        pruned = of_scheme(m, scheme, 12.5)
        for name in BESIDE:
            yield _frame("patterns", scheme, name, pruned)


def spartus_rows() -> Iterator[Row]:
    """An LSTM of 123 inputs and 1024 units on 512 multipliers; then as if each of them made two
    8-bit products, for two rows that share a neuron: on twice as many PEs."""
    twice = config.load("paper512_cols_sim", **TWO_PRODUCTS)
    for percent in SPARSITIES:
        m = Benchmark(f"{percent} %", "lstm", (SPARTUS,), {32: 100 / (100 - percent)})
        pruned = class_balanced(m, 32, config.load("paper512_cols"))
        yield _frame("spartus", m.name, "paper512_cols", pruned)
        pruned = class_balanced(m, 32, twice)
        q = quantise.quantise(pruned.network, twice)
        predicted = timing.predict(compile_network(q, twice, 1, None, 32), FRAMES)
        yield _row("spartus", m.name, twice, pruned.kept, timing.interval(predicted.last_out))


def rows(quick: bool = False) -> Iterator[Row]:
    """Every row; of ``quick`` two models' layers."""
    yield from layer_rows(quick)
    if not quick:
        yield from frame_rows()
        yield from pattern_rows()
        yield from spartus_rows()
