# SPDX-License-Identifier: Apache-2.0
"""Targets of machines with shared columns beside results, each with the page of the result."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from csb_rnn.experiments.bench.shared_tables import efficiency, ram_bits, word_bits
from csb_rnn.experiments.bench.tables import Row, Table, long_enough, mean, pick
from csb_rnn.experiments.energy.page import BASE, engine, one
from csb_rnn.machine import config
from csb_rnn.machine.memories import memory_bits

#: Results that the targets are read from.
SOURCES = ("shared_columns", "weight_bits", "energy", "area_paper256_cols_horizontal")
SHARED, ENERGY, NUMERICS, ENGINE = (
    "this one", "[energy.md](energy.md)",
    "[numerics.md](../reference/numerics.md)", "[engine.md](engine.md#area-and-clock)",
)  # fmt: skip


class Check(NamedTuple):
    """A target.

    Attributes:
        limit: least value, or most.
        digits: of both behind the point.
    """

    what: str
    reached: float
    limit: float
    least: bool
    digits: int
    page: str

    @property
    def met(self) -> bool:
        return self.reached >= self.limit if self.least else self.reached <= self.limit


def machine_checks() -> list[Check]:
    """What follows from the configurations."""
    out = []
    for name, bits, mibit, word, ram in (
        ("paper512_cols", 16, 23, 23, 27),
        ("paper512_w8", 8, 17.5, 15, 19),
    ):
        c = config.load(name)
        found = sum(memory_bits(c).values()) / 2**20
        of = f"{bits}-bit weights, `{name}`"
        out += [
            Check(f"memory, Mibit, {of}", found, mibit, False, 2, SHARED),
            Check(f"word bits a weight slot, {of}", word_bits(c), word, False, 1, SHARED),
            Check(f"RAM bits read a product, {of}", ram_bits(c), ram, False, 1, SHARED),
        ]
    return out


def speed_checks(rows: Sequence[Row]) -> list[Check]:
    """MAC efficiencies, frames and the layer of Spartus."""
    out = []
    layers = [r for r in pick(rows, table="layers", block=32) if long_enough(r)]
    for sharing, limit in (("horizontal", 0.975), ("both", 0.98)):
        value = mean(map(efficiency, pick(layers, sharing=sharing)))
        what = f"mean MAC efficiency, block 32, `paper256_cols`, {sharing}"
        out.append(Check(what, value or 0.0, limit, True, 3, SHARED))
    for model, limit in (("MT1", 0.96), ("SR1", 0.975), ("SR2", 0.98)):
        (r,) = pick(rows, table="frames", model=model, config="paper512_cols")
        what = f"frame efficiency, {model}, one stream, `paper512_cols`"
        out.append(Check(what, efficiency(r), limit, True, 3, SHARED))
    for pes, limits in ((512, (575, 385)), (1024, (290, 195))):
        for model, limit in zip(("94 %", "96 %"), limits, strict=True):
            (r,) = pick(rows, table="spartus", model=model, pes=pes)
            what = f"LSTM 123 -> 1024 at {model}, cycles, {pes:,} PEs"
            what += " (two products a multiplier)" if pes == 1024 else ""
            out.append(Check(what, r["cycles"], limit, False, 0, SHARED))
    return out


def energy_checks(rows: Sequence[Row]) -> list[Check]:
    """Energy of the engine at 45 nm."""
    patterns = pick(rows, table="patterns")
    out = []
    for bits, limit in ((16, 580), (8, 480)):
        value = engine(one(patterns, pattern=BASE, sharing="horizontal", weight_w=bits))
        what = f"engine, MT1 12.5x, {bits}-bit weights, nJ a frame"
        out.append(Check(what, value, limit, False, 0, ENERGY))
    for sharing, bits in itertools.product(("horizontal", "none"), (16, 8)):
        same = pick(patterns, sharing=sharing, weight_w=bits)
        if not pick(same, pattern="dense") or not pick(same, pattern=BASE):
            continue
        base = engine(one(same, pattern=BASE))
        of = f"over class-balanced CSB, sharing {sharing}, {bits}-bit weights"
        rest = engine(min(pick(same, pattern="unstructured"), key=engine))
        dense = engine(one(same, pattern="dense", config="paper256_cols"))
        out.append(Check(f"energy, unstructured {of}", rest / base, 1.7, True, 2, ENERGY))
        out.append(Check(f"energy, dense {of}", dense / base, 9.6, True, 2, ENERGY))
    return out


def checks(found: Mapping[str, Sequence[Row]]) -> list[Check]:
    """All targets, from the rows of :data:`SOURCES`."""
    weights, area = found["weight_bits"], found["area_paper256_cols_horizontal"]
    short = sum(not r["within"] for r in weights)
    per_pe = max(r["lut"] / r["pes"] for r in area)
    return [
        *machine_checks(),
        *speed_checks(found["shared_columns"]),
        Check("shipped models beyond 0.2 points or an item of 16 bits, 8-bit weights",
              short, 0, False, 0, NUMERICS),
        *energy_checks(found["energy"]),
        Check("LUT/PE, `paper256_cols`, horizontal", per_pe, 112, False, 1, ENGINE),
    ]  # fmt: skip


def table(found: Mapping[str, Sequence[Row]]) -> Table:
    """Targets beside results."""
    lines = [
        (
            c.what,
            f"{'>=' if c.least else '<='} {c.limit:g}",
            f"{c.reached:.{c.digits}f}",
            "yes" if c.met else "**no**",
            c.page,
        )
        for c in checks(found)
    ]
    note = (
        "Rates without loss of class-balanced kernels beside aligned ones: "
        "[pruning.md](pruning.md#against-the-targets). Rows of other machines that are slower "
        "since: [engine.md](engine.md#rows-worse-by-more-than-1--since-shared-columns)."
    )
    return Table("targets", ("what", "target", "reached", "met", "page"), lines, note=note)
