# SPDX-License-Identifier: Apache-2.0
"""Tables of pruning without training, and of the farm, between markers of their pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from csb_rnn.experiments.documents.tables import DOCS, table
from csb_rnn.experiments.farm import scaling, speed
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.tasks import pruning_costs, trained_bits
from csb_rnn.experiments.tasks.post_training import METHODS
from csb_rnn.experiments.tasks.post_training_runs import (
    FLOOR,
    NAME,
    RATES,
    largest_lossless,
    ratios,
    together,
)

FARM, PRUNING = DOCS / "develop/farm.md", DOCS / "use/pruning.md"


def scaling_table() -> str:
    """Simulated hours by number of workers."""
    body = [
        (r["work"], str(r["jobs"]), str(r["chains"]), f"{r['workers']:,}", f"{r['hours']:.3f}",
         f"{r['times_faster']:.1f}")
        for r in scaling.rows()
    ]  # fmt: skip
    return table(("work", "jobs", "chains", "workers", "hours", "times faster"), body)


def _value(row: dict[str, Any] | None, split: str) -> str:
    if row is None:
        return "-"
    return format(row[split], ".4f" if row["metric"] == "R2" else ".2f")


def post_training_table() -> str:
    """Test results by task, seed, method and rate."""
    rows = measured.read(NAME).rows
    seeds = dict.fromkeys((r["task"], r["seed"]) for r in rows)
    body = []
    for task, seed in seeds:
        found = {
            (r["method"], r["rate"]): r for r in rows if (r["task"], r["seed"]) == (task, seed)
        }
        dense = found["one-shot", 1]
        for method in METHODS:
            if any(m == method for m, r in found if r > 1):
                good = largest_lossless(rows, task, method)
                body.append(
                    (f"{task}, seed {seed}", dense["metric"], method, _value(dense, "test"),
                     *(_value(found.get((method, rate)), "test") for rate in RATES),
                     "-" if good is None or good == 1 else f"{good:g}x")
                )  # fmt: skip
    heads = ("model", "test result", "method", "dense", *(f"{r}x" for r in RATES), "lossless")
    return table(heads, body)


def loss_text() -> str:
    """The loss over that in one shot, in one sentence."""
    found = ratios(measured.read(NAME).rows, "data")
    pairs = ", ".join(
        f"{task} at {rate:g}x {b / a:.2f}" for (task, rate), (a, b) in sorted(found.items())
    )
    return (
        f"Loss with data over the loss in one shot, where one shot is not lossless: {pairs};"
        f" geometric mean **{together(found):.3f}**. A loss below {FLOOR} points, or"
        f" {FLOOR / 100} of R2 or of a perplexity's logarithm, counts as that much."
    )


def costs_table() -> str:
    """Processor time of pruning, by the work."""
    body = [
        (
            row["what"],
            f"{row['cpu_seconds']:.3g} s",
            "-" if row["share"] is None else f"{100 * row['share']:.2f} %",
            f"{row['limit']:g} s" if row["share"] is None else f"{100 * row['limit']:g} %",
        )
        for row in measured.read(pruning_costs.NAME).rows
    ]
    return table(("work", "processor time", "share", "limit"), body)


def bits_table() -> str:
    """Results with 8-bit weights, means over the seeds, by task."""
    body = [
        [r["task"], f"{r['scheme'].partition('+')[2].replace('+', ' ')}, {r['rate']}x",
         str(r["seeds"]), f"{r['metric']} of {r['items']}",
         *(f"{r[key]:.2f}" for key in trained_bits.COLUMNS),
         "yes" if r["within"] else "**no**"]
        for r in trained_bits.means(measured.read(trained_bits.NAME).rows)
    ]  # fmt: skip
    heads = ("task", "recipe, rate", "seeds", "test result", "16-bit weights", "rounded to 8 bits",
             "trained with 8 bits", "within an item")  # fmt: skip
    return table(heads, body)


def speed_table() -> str:
    """Seconds of the same tries in one process and on local workers."""
    body = [
        (f"{r['workers']} workers" if r["workers"] else "one process, no workers", str(r["tries"]),
         f"{r['seconds']:.1f} s", f"{r['faster']:.2f}", "yes" if r["equal"] else "**no**")
        for r in measured.read(speed.NAME).rows
    ]  # fmt: skip
    return table(("run by", "tries", "time", "times faster", "equal records and models"), body)


def marked() -> Iterator[tuple[Path, str, str]]:
    """File, marker and content of every table."""
    yield FARM, "scaling", scaling_table()
    if measured.path_of(speed.NAME).is_file():
        yield FARM, "speed", speed_table()
    if measured.path_of(trained_bits.NAME).is_file():
        yield PRUNING, "trained-bits", bits_table()
    if measured.path_of(NAME).is_file():
        yield PRUNING, "post-training", f"{post_training_table()}\n\n{loss_text()}"
    if measured.path_of(pruning_costs.NAME).is_file():
        yield PRUNING, "costs", costs_table()
