# SPDX-License-Identifier: Apache-2.0
"""Tables of machines with shared columns, from the rows of :mod:`.shared_columns`."""

from __future__ import annotations

from collections.abc import Sequence

from csb_rnn.experiments.bench.models import CLOCK_MHZ
from csb_rnn.experiments.bench.tables import (
    LEAST_IDEAL,
    Row,
    Table,
    long_enough,
    mean,
    pick,
    three,
)
from csb_rnn.machine import config, isa
from csb_rnn.machine.memories import memory_bits

MACHINES = ("paper256", "paper256_cols", "paper512", "paper512_cols", "paper512_w8")
MODES = ("none", "horizontal", "both")
STUDY = 1024  # PEs of 512 multipliers
LANE_MULTIPLIERS = 4
ZYNQ_MIBIT, ZYNQ_DSPS = 26.5, 2020  # block RAM and multipliers of an XC7Z100


def efficiency(row: Row) -> float:
    """Share of useful PE cycles."""
    return row["kept_weights"] / (row["pes"] * row["cycles"])


def word_bits(c: config.Config) -> float:
    """Bits of a PEGroup's word for each of its weights."""
    return isa.pegroup_width(c) / (c.P * c.Q)


def ram_bits(c: config.Config) -> float:
    """Bits read for a product: its share of a word and a neuron."""
    return word_bits(c) + c.data_w / c.shared_cols


def memory_table() -> Table:
    """Memory of the machines, which follows from their configurations."""
    rows = []
    for name in MACHINES:
        c = config.load(name)
        rows.append(
            (
                f"`{name}`",
                str(c.weight_depth),
                f"{sum(memory_bits(c).values()) / 1024:,.0f}",
                f"{word_bits(c):.1f}",
                f"{ram_bits(c):.1f}",
            )
        )
    heads = ("configuration", "words of a PEGroup", "memory, Kibit", "word bits a weight slot",
             "RAM bits read a product")  # fmt: skip
    return Table("memory", heads, rows, note="A product reads its share of a word and a neuron.")


def layer_table(rows: Sequence[Row]) -> Table:
    """MAC efficiency of every layer at block 32, and means by block."""
    lines = []
    for block in dict.fromkeys(r["block"] for r in rows):
        these = pick(rows, block=block)
        if block == 32:
            for name in dict.fromkeys(r["model"] for r in these):
                own = {r["sharing"]: r for r in pick(these, model=name)}
                ideal = own["none"]["kept_weights"] / own["none"]["pes"]
                cells = (three(efficiency(own[s])) for s in MODES)
                lines.append((name, "32", f"{ideal:.0f}", *cells))
        long = [r for r in these if long_enough(r)]
        means = (three(mean(map(efficiency, pick(long, sharing=s)))) for s in MODES)
        lines.append((f"**mean, block {block}**", str(block), "", *means))
    return Table(
        "MAC efficiency, class-balanced kernels, `paper256_cols`",
        ("layer", "block", "ideal cycles", "no sharing", "horizontal", "both"),
        lines,
        note=f"Means are over layers of at least {LEAST_IDEAL} ideal cycles, as in "
        "[engine.md](engine.md).",
    )


def frame_table(rows: Sequence[Row]) -> Table:
    """Frames of whole models."""
    lines = [
        (r["model"], f"`{r['config']}`", f"{r['kept_weights']:,}", f"{r['cycles']:.1f}",
         three(efficiency(r)))
        for r in rows
    ]  # fmt: skip
    heads = ("model", "configuration", "kept weights", "cycles a frame", "frame efficiency")
    return Table("frames, one stream, block 32", heads, lines, left=2)


def pattern_table(rows: Sequence[Row]) -> Table:
    """Other patterns, each on the better machine for it."""
    base, lines = rows[0]["cycles"], []
    for scheme in dict.fromkeys(r["model"] for r in rows):
        own = {r["config"].removesuffix("_sim"): r for r in pick(rows, model=scheme)}
        plain, columns = own.get("paper256"), own["paper256_cols"]
        best = min(r["cycles"] for r in own.values())
        lines.append(
            (scheme, f"{columns['kept_weights']:,}", f"{plain['cycles']:.0f}" if plain else "-",
             f"{columns['cycles']:.0f}", f"{best / base:.2f}")
        )  # fmt: skip
    heads = ("pattern", "kept weights", "`paper256`, cycles", "`paper256_cols`, cycles",
             "better one / class-balanced")  # fmt: skip
    return Table("other patterns of the same weights: MT1 at 12.5x", heads, lines)


def spartus_table(rows: Sequence[Row]) -> Table:
    """The layer of Spartus."""
    lines = [
        (r["model"], f"`{r['config']}`", f"{r['pes']:,}", f"{r['kept_weights']:,}",
         f"{r['cycles']:.0f}", f"{r['cycles'] / CLOCK_MHZ:.2f}")
        for r in rows
    ]  # fmt: skip
    heads = ("sparsity", "configuration", "PEs", "kept weights", "cycles a frame",
             f"us at {CLOCK_MHZ} MHz")  # fmt: skip
    study = pick(rows, pes=STUDY)
    over = [r["cycles"] - r["kept_weights"] / STUDY for r in study] or [0]
    c = config.load("paper512_w8")
    mibit, multipliers = sum(memory_bits(c).values()) / 2**20, c.pes + LANE_MULTIPLIERS * c.lanes
    note = (
        f"Rows with {STUDY:,} PEs are a study in the timing model: 512 multipliers, each with two "
        "8-bit products (Q = 8, weights and neurons of 8 bits); 290 and 195 cycles were aimed at. "
        f"They take {min(over):.0f} and {max(over):.0f} cycles more than kept weights / PEs: the "
        "way from h to the next h, which more products do not shorten. The RTL has no such "
        f"multiplier. A machine with {STUDY:,} multipliers takes the same cycles, and memory fills "
        f"a device before they do: `paper512_w8` has {mibit:.1f} Mibit and {multipliers} "
        f"multipliers, {100 * mibit / ZYNQ_MIBIT:.0f} % and {100 * multipliers / ZYNQ_DSPS:.0f} % "
        "of those of Spartus's device (XC7Z100, Xilinx DS190)."
    )
    return Table("LSTM 123 -> 1024, every frame", heads, lines, left=2, note=note)


def packed_table(rows: Sequence[Row]) -> Table:
    """Two PE rows, a multiplier for each product or for each pair."""
    lines = []
    for r in pick(rows, packed=True):
        (own,) = pick(rows, target=r["target"], q=r["q"], packed=False)
        more = (r["lut"] - own["lut"]) / r["products"]
        lines.append(
            (r["target"], str(r["q"]), str(r["products"]), f"{own['lut']}", f"{own['dsp']}",
             f"{r['lut']}", f"{r['dsp']}", f"{more:+.1f}")
        )  # fmt: skip
    heads = ("target", "Q", "products", "LUT", "multipliers", "LUT, packed", "multipliers, packed",
             "LUT a product")  # fmt: skip
    note = (
        "Products and sums of two PE rows with neurons in common, all of 8 bits, by Yosys "
        "(`scripts/packed.py`). A DSP48E2 multiplies 27 x 18 bits, which a pair needs; an ECP5 "
        "multiplier 18 x 18, so a pair takes two of them, as its products would."
    )
    return Table("two products a multiplier", heads, lines, note=note)


def tables(rows: Sequence[Row]) -> list[Table]:
    """The tables with rows, and the memories."""
    made = {"layers": layer_table, "frames": frame_table, "patterns": pattern_table,
            "spartus": spartus_table}  # fmt: skip
    found = [(make, pick(rows, table=name)) for name, make in made.items()]
    return [memory_table(), *(make(own) for make, own in found if own)]
