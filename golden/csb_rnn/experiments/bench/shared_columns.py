# SPDX-License-Identifier: Apache-2.0
"""Shared columns, measured: memory, efficiency and frames beside the machine with an address a
weight. Counted in programs and predicted by the timing model, which the RTL equals."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterable
from statistics import fmean
from typing import NamedTuple

import numpy as np
import torch

from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing
from csb_rnn.experiments.bench import measure, models
from csb_rnn.experiments.bench.models import KEPT_TOLERANCE, MODELS, Benchmark, Shape
from csb_rnn.experiments.bench.tables import LEAST_IDEAL, Table
from csb_rnn.flow.cycles import issue_cycles
from csb_rnn.machine import config, isa
from csb_rnn.machine.config import Config
from csb_rnn.models import quantise
from csb_rnn.network.network import Network
from csb_rnn.pruning.classes import class_mask, model_classes
from csb_rnn.pruning.schemes import make_scheme

FRAMES = 240
SPARTUS = Shape(123, 1024)  # the layer of Spartus (FPGA, 512 multipliers)
MACHINES = ("paper256", "paper256_cols", "paper512", "paper512_cols", "paper512_w8")
WHOLE = ("MT1", "SR1", "SR2")


class Pruned(NamedTuple):
    """A network, and weights that it keeps."""

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
    kept weights that are prescribed, if they are and no rate is given."""
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
    return measure.shared(config.load(f"{name}_sim", weight_depth=1 << 16), sharing)


# --- tables -------------------------------------------------------------------------------------


def memory_table(bits: Callable[[Config], dict[str, int]]) -> Table:
    """Memory of the machines; ``bits`` gives that of each memory."""
    rows = []
    for name in MACHINES:
        c = config.load(name)
        word = isa.pegroup_width(c) / (c.P * c.Q)
        rows.append(
            (
                f"`{name}`",
                str(c.weight_depth),
                f"{sum(bits(c).values()) / 1024:,.0f}",
                f"{word:.1f}",
                f"{word + c.data_w / c.shared_cols:.1f}",
            )
        )
    heads = ("configuration", "words of a PEGroup", "memory, Kibit", "word bits a weight slot",
             "RAM bits read a product")  # fmt: skip
    return Table("memory", heads, rows, note="A product reads its share of a word and a neuron.")


def efficiency_table(blocks: Iterable[int], quick: bool) -> Table:
    """MAC efficiency of every layer on the shape of `paper256`, class-balanced."""
    rows: list[tuple[str, ...]] = []
    for block in blocks:
        means: dict[str, list[float]] = {s: [] for s in ("none", "horizontal", "both")}
        for m in MODELS.values():
            if quick and m.name not in ("MT1", "SC2"):
                continue
            for n in range(len(m.layers)):
                one = dataclasses.replace(layer_of(m, n), rates={block: m.rate(block)}, table2=None)
                pruned = class_balanced(one, block, config.load("paper256_cols"))
                found = []
                for sharing, every in means.items():
                    if block != 32 and sharing != "horizontal":
                        continue
                    c = with_room("paper256_cols", sharing)
                    q = quantise.quantise(pruned.network, c)
                    cycles = issue_cycles(compile_network(q, c, 1, sharing, block))
                    found.append(pruned.kept / (c.pes * cycles))
                    if pruned.kept >= LEAST_IDEAL * c.pes:
                        every.append(found[-1])
                if block == 32:
                    ideal = f"{pruned.kept / c.pes:.0f}"
                    rows.append((one.name, "32", ideal, *(f"{e:.3f}" for e in found)))
        mean = (f"{fmean(v):.3f}" if v else "-" for v in means.values())
        rows.append((f"**mean, block {block}**", str(block), "", *mean))
    return Table(
        "MAC efficiency, class-balanced kernels, `paper256_cols`",
        ("layer", "block", "ideal cycles", "no sharing", "horizontal", "both"),
        rows,
        note=f"Means are over layers of at least {LEAST_IDEAL} ideal cycles, as in "
        "[engine.md](engine.md).",
    )


def _frame(name: str, pruned: Pruned, block: int = 32) -> tuple[str, float]:
    """Configuration that it fits, and its interval."""
    x = np.random.default_rng(models.SEED).normal(size=(50, pruned.network.inputs)).clip(-4, 4)
    q = quantise.quantise(pruned.network, config.load(name), x)
    p, used = measure.fitted(q, name, None, 1, block)
    return used, timing.interval(timing.predict(p, FRAMES).last_out)


def frame_table(names: Iterable[str] = ("paper256_cols", "paper512_cols", "paper512_w8")) -> Table:
    """Frames of the three models whose kept weights are prescribed, one stream, block 32."""
    rows = []
    for name in names:
        c = config.load(name)
        for model in WHOLE:
            pruned = class_balanced(MODELS[model], 32, c)
            used, interval = _frame(name, pruned)
            efficiency = pruned.kept / (c.pes * interval)
            rows.append((model, f"`{used}`", f"{pruned.kept:,}", f"{interval:.1f}",
                         f"{efficiency:.3f}"))  # fmt: skip
    heads = ("model", "configuration", "kept weights", "cycles a frame", "frame efficiency")
    return Table("frames, one stream, block 32", heads, rows, left=2)


def pattern_table() -> Table:
    """What other patterns cost: MT1 at 12.5x, each on the machine that suits it better."""
    m, rows = MODELS["MT1"], []
    balanced = class_balanced(m, 32, config.load("paper256_cols"))
    _, base = _frame("paper256_cols", balanced)
    for scheme in ("csb", "unstructured", "bank", "row", "rowcol", "column", "dense"):
        pruned = of_scheme(m, scheme, 12.5)
        found = {name: _frame(name, pruned) for name in ("paper256", "paper256_cols")}
        cells = [f"{interval:.0f}" for _, interval in found.values()]
        rows.append(
            (scheme, f"{pruned.kept:,}", *cells, f"{min(i for _, i in found.values()) / base:.2f}")
        )
    rows.insert(0, ("csb, class-balanced", f"{balanced.kept:,}", "-", f"{base:.0f}", "1.00"))
    heads = ("pattern", "kept weights", "`paper256`, cycles", "`paper256_cols`, cycles",
             "better one / class-balanced")  # fmt: skip
    return Table("other patterns of the same weights: MT1 at 12.5x", heads, rows)


def spartus_table() -> Table:
    """An LSTM of 123 inputs and 1024 units on 512 multipliers."""
    rows = []
    for percent in (94, 96):
        rate = 100 / (100 - percent)
        m = Benchmark(f"LSTM {percent}", "lstm", (SPARTUS,), {32: rate})
        pruned = class_balanced(m, 32, config.load("paper512_cols"))
        used, interval = _frame("paper512_cols", pruned)
        rows.append((f"{percent} %", f"`{used}`", f"{pruned.kept:,}", f"{interval:.0f}",
                     f"{interval / 200:.2f}"))  # fmt: skip
    heads = ("sparsity", "configuration", "kept weights", "cycles a frame", "us at 200 MHz")
    return Table("LSTM 123 -> 1024, every frame", heads, rows)
