# SPDX-License-Identifier: Apache-2.0
"""``docs/results/energy.md`` from the rows of ``docs/results/data/energy.json``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from csb_rnn.experiments.bench.tables import Table, pick
from csb_rnn.experiments.energy import cacti
from csb_rnn.experiments.energy.frame import ENGINE, REST
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config, isa
from csb_rnn.machine.folders import ROOT

Row = dict[str, Any]
TEMPLATES = ROOT / "docs/templates"
BASE = "CSB class-balanced"
PARTS = (*ENGINE, *REST)


def engine(row: Row, node: int = 45) -> float:
    """nJ of the engine: words, neurons, accumulators, products."""
    return sum(row[f"nm{node}"][name] for name in ENGINE)


def whole(row: Row, node: int = 45) -> float:
    """nJ of everything counted."""
    return sum(row[f"nm{node}"].values())


def of(rows: Sequence[Row], table: str) -> list[Row]:
    """Rows of a table."""
    return [r for r in rows if r["table"] == table]


def one(rows: Sequence[Row], **want: Any) -> Row:
    """The row with these values.

    Raises:
        LookupError: there is none.
    """
    for r in rows:
        if all(r.get(k) == v for k, v in want.items()):
            return r
    raise LookupError(f"no row with {want}")


def _name(row: Row) -> tuple[str, ...]:
    return (row["pattern"], f"`{row['config']}`", row["sharing"], str(row["weight_w"]))


def pattern_table(rows: Sequence[Row], node: int) -> Table:
    """nJ a frame of every pattern, by part."""
    body = [
        (
            *_name(r),
            f"{r['kept']:,}",
            f"{r['interval']:.0f}",
            *(f"{r[f'nm{node}'][name]:.0f}" for name in ENGINE),
            f"**{engine(r, node):.0f}**",
            *(f"{r[f'nm{node}'][name]:.0f}" for name in REST),
            f"{whole(r, node):.0f}",
            f"{1000 * engine(r, node) / r['kept']:.1f}",
        )
        for r in of(rows, "patterns")
    ]
    heads = ("pattern", "machine", "sharing", "weight bits", "kept", "cycles", *ENGINE, "engine",
             *REST, "all", "engine, pJ a kept weight")  # fmt: skip
    return Table(f"MT1 at 12.5 times, nJ a frame, {node} nm", heads, body, left=3)


def ratio_table(rows: Sequence[Row]) -> Table:
    """Other patterns over class-balanced CSB, each on the better machine for it; both with the same
    sharing and bits of weights."""
    patterns = of(rows, "patterns")
    body = []
    for sharing, width in itertools.product(("horizontal", "none"), (16, 8)):
        same = pick(patterns, sharing=sharing, weight_w=width)
        if not pick(same, pattern=BASE):
            continue
        base = one(same, pattern=BASE)
        for name in dict.fromkeys(r["pattern"] for r in same):
            if name == BASE:
                continue
            best = min(pick(same, pattern=name), key=engine)
            body.append(
                (
                    name,
                    sharing,
                    str(width),
                    f"`{best['config']}`",
                    f"{best['interval'] / base['interval']:.2f}",
                    f"{engine(best) / engine(base):.2f}",
                    f"{whole(best) / whole(base):.2f}",
                    f"{engine(best, 22) / engine(base, 22):.2f}",
                )
            )
    heads = ("pattern", "sharing", "weight bits", "better machine", "cycles", "engine, 45 nm",
             "all, 45 nm", "engine, 22 nm")  # fmt: skip
    csb8 = {r["sharing"]: r for r in pick(patterns, pattern=BASE, weight_w=8)}
    cycles = csb8["none"]["interval"] / csb8["horizontal"]["interval"]
    saved = engine(csb8["none"]) / engine(csb8["horizontal"])
    dense = [r["kept"] for r in patterns if r["pattern"] == "dense"]
    csb = [r["kept"] for r in patterns if r["pattern"] == BASE]
    note = (
        "Weights of 8 bits round the smallest to zero: "
        f"{100 - 100 * min(dense) / max(dense):.0f} % of dense ones, "
        f"{100 - 100 * min(csb) / max(csb):.0f} % of CSB's, which keeps large ones."
        f"\n\nA machine without sharing takes {100 * cycles - 100:.0f} % more cycles and "
        f"{100 - 100 * saved:.0f} % less energy of the engine (8-bit weights): no neuron is "
        "written for a neighbour, and neuron memories are half as large. With sharing these writes "
        "stay 16 "
        "bits wide if weights have 8, and a CSB frame has few words beside them: a dense frame "
        "costs less beside it than at 16 bits."
    )
    return Table(
        "other patterns over class-balanced CSB on `paper256_cols`", heads, body, left=2, note=note
    )


def share_table(rows: Sequence[Row]) -> Table:
    """Where a frame's energy goes, in per cent."""
    patterns = of(rows, "patterns")
    chosen = [
        one(patterns, pattern="CSB aligned", sharing="horizontal", weight_w=16),
        *(one(patterns, pattern=BASE, sharing="horizontal", weight_w=w) for w in (16, 8)),
    ]
    body = [
        (*_name(r), *(f"{100 * r['nm45'][name] / whole(r):.0f} %" for name in PARTS))
        for r in chosen
    ]
    heads = ("pattern", "machine", "sharing", "weight bits", *PARTS)
    return Table("where it goes, 45 nm", heads, body, left=3)


def trained_table(rows: Sequence[Row]) -> Table:
    """Shipped checkpoints."""
    body = [
        (
            f"`{r['model']}`",
            f"`{r['config']}`",
            f"{r['kept']:,}",
            f"{r['interval']:.0f}",
            *(f"{r['nm45'][name]:.1f}" for name in PARTS),
            f"{whole(r):.0f}",
            f"{whole(r, 22):.0f}",
        )
        for r in of(rows, "trained")
    ]
    heads = ("model", "machine", "kept", "cycles", *PARTS, "all, 45 nm", "all, 22 nm")
    return Table("trained networks, nJ a frame", heads, body, left=2)


def checked_table(rows: Sequence[Row]) -> Table:
    """Programs whose counts equal the RTL's."""
    body = [
        (
            f"`{r['model']}`",
            ", ".join([f"`{r['config']}`", *(f"{k} = {v}" for k, v in r["keys"].items())]),
            str(r["frames"]),
            str(r["counts"]),
            str(len(r["different"])),
        )
        for r in of(rows, "checked")
    ]
    heads = ("model", "configuration", "frames", "counts compared", "that differ")
    return Table("counts of the program beside counters in the RTL", heads, body, left=2)


def example(rows: Sequence[Row], memories: Mapping[str, Any]) -> str:
    """The first part of the first figure, by hand."""
    r = of(rows, "patterns")[0]
    c = config.load(r["config"])
    bits = isa.pegroup_width(c)
    shape = {"width": bits, "depth": c.weight_depth, "nm": 45}
    pj = one(memories["memories"], **shape)["read_pj"]
    return (
        f"Example: {r['words']:,} words of {bits} bits, read from memories of "
        f"{c.weight_depth:,} at {pj:.1f} pJ each, are the {r['words'] * pj / 1000:.0f} nJ of "
        "words in the first row below."
    )


def energy(folder: Path = measured.FOLDER) -> str:
    """The page.

    Raises:
        MeasuredError: the result is missing or damaged.
    """
    found = measured.read("energy", folder)
    rows = found.rows
    memories = json.loads(cacti.TABLE.read_text())
    gates = measured.path_of("gates", folder)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    tables = [
        *(pattern_table(rows, node) for node in (45, 22)),
        ratio_table(rows),
        share_table(rows),
        trained_table(rows),
    ]
    page = environment.get_template("energy.md.j2").render(
        note="<!-- Generated by scripts/gen_docs.py from docs/templates/energy.md.j2 and data/ -->",
        commit=found.commit,
        tables=tables,
        checked=checked_table(rows),
        gates=measured.read("gates", folder).rows if gates.is_file() else [],
        example=example(rows, memories),
        source=memories["source"],
    )
    return page.rstrip() + "\n"
