# SPDX-License-Identifier: Apache-2.0
"""Tables of layers: MAC efficiency, and busy PEs beside the published ones."""

from __future__ import annotations

from typing import Any

from csb_rnn.compiler import COMPILERS
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.layers import PAPER
from csb_rnn.experiments.bench.plan import BLOCKS
from csb_rnn.experiments.bench.results import Results
from csb_rnn.experiments.bench.tables import LEAST_IDEAL, Row, Table, long_enough, mean, pick, three
from csb_rnn.machine.sharing_modes import PAPER_MODES


def default_rows(results: Results, **want: Any) -> list[Row]:
    return pick(results.efficiency, compiler="default", pattern="aligned", **want)


def efficiency_means(results: Results) -> Table:
    """Means by block size beside the paper's busy PEs."""
    rows = []
    for block in BLOCKS:
        paper_none, paper_both = models.PAPER_BUSY[block]
        measures = (*((c, key) for c in COMPILERS for key in ("MAC", "busy")), (PAPER, "busy"))
        for compiler, key in measures:
            found = pick(results.efficiency, compiler=compiler, pattern="aligned", block=block)
            found = [r for r in found if compiler == PAPER or long_enough(r)]
            if not found:
                continue
            cells = []
            for sharing in PAPER_MODES:
                values = [
                    r["mac_efficiency"] if key == "MAC" else r["busy_pe_utilisation"]
                    for r in pick(found, sharing=sharing)
                ]
                cells.append(three(mean(values)))
            what = "MAC efficiency" if key == "MAC" else "busy PEs"
            layers = len({(r["model"], r["layer"]) for r in found})
            name = "paper's, solved by Z3" if compiler == PAPER else compiler
            rows.append((str(block), f"{name}, {what}", str(layers), *cells))
        text = [f"{a:.2f}-{b:.2f}" for a, b in (paper_none, paper_both)]
        rows.append((str(block), "paper's Fig. 12, busy PEs", "-", text[0], "-", "-", text[1]))
    return Table(
        f"means over layers of {LEAST_IDEAL} ideal cycles or more (the paper's: what was solved)",
        ("block", "compiler, measure", "layers", *PAPER_MODES),
        rows,
        left=2,
        note="Busy PEs count a PEGroup that issues at all, MAC efficiency useful products: only "
        "the first may be set beside the paper's figure.",
    )


def efficiency_layers(results: Results, compiler: str) -> Table:
    """Every layer and block: MAC efficiency by sharing mode, bound and cycles of the best one."""
    rows = []
    keys = dict.fromkeys(
        (r["model"], r["layer"], r["block"], r["rate"], r["pattern"])
        for r in pick(results.efficiency, compiler=compiler)
    )
    for key in keys:
        names = ("model", "layer", "block", "rate", "pattern")
        these = pick(results.efficiency, compiler=compiler, **dict(zip(names, key, strict=True)))
        cells = [
            three(mean(r["mac_efficiency"] for r in pick(these, sharing=s))) for s in PAPER_MODES
        ]
        best = min(these, key=lambda r: r["cycles"])
        rows.append(
            (
                f"{key[0]} layer {key[1]}",
                str(key[2]),
                f"{key[3]:g}",
                key[4],
                *cells,
                str(best["cycles"]),
                str(best["bound_cycles"]),
                best["config"],
            )
        )
    heads = ("layer", "block", "rate", "pattern", *PAPER_MODES, "cycles", "bound", "config")
    return Table(f"MAC efficiency of every layer, {compiler} compiler", heads, rows)


def paper_layers(results: Results) -> Table:
    """The published machine: busy PEs, and how much of each layer was solved."""
    rows = []
    found = pick(results.efficiency, compiler=PAPER)
    for key in dict.fromkeys((r["model"], r["layer"], r["block"]) for r in found):
        these = pick(found, model=key[0], layer=key[1], block=key[2])
        cells = [
            three(mean(r["busy_pe_utilisation"] for r in pick(these, sharing=s)))
            for s in PAPER_MODES
        ]
        e = these[0]
        times = sum(r["timeouts"] for r in these)
        rows.append(
            (
                f"{key[0]} layer {key[1]}",
                str(key[2]),
                *cells,
                f"{e['sets']} of {e['of']}",
                str(times),
            )
        )
    seconds = found[0]["seconds_each"] if found else 0
    heads = ("layer", "block", *PAPER_MODES, "sets solved", "calls over time")
    return Table(
        f"busy PEs of the published machine, {seconds:g} s for each call of Z3",
        heads,
        rows,
        note="A call over time counts as `no such cut`, and the margin grows.",
    )
