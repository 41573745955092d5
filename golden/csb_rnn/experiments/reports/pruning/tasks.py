# SPDX-License-Identifier: Apache-2.0
"""A section for each task: its table, its figure, how they read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.reports.pruning.targets import ratios
from csb_rnn.experiments.reports.pruning.words import (
    CSB,
    UNITS,
    label,
    number,
    said_rate,
    split_recipe,
    value_of,
)
from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.plans import Plan
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.summary import (
    Result,
)
from csb_rnn.experiments.tasks.table import mean_target
from csb_rnn.pictures import rates


def scheme_row(r: Result, metric: str) -> list[str]:
    """A row of a task's table."""
    alone = [f"{v}" if v else "none" for v in r.each.values()]
    cost = r.cost or {}
    side = cost["index_bits"] + cost["size_bits"] if cost else 0
    index = side / max(1, cost["kept"] * 16) if cost else 0.0
    bits = cost["value_bits"] + side if cost else 0
    engine = r.engine and f"{r.engine['issue']} ({r.engine['issue_unshared']})"
    scheme, recipe = split_recipe(r.scheme)
    return [
        label(scheme),
        recipe,
        ("≥ " if r.capped else "")
        + (said_rate(r.rate, r.achieved) if r.rate else f"below {min(r.curve)}x"),
        number(r.knee, 1),
        ", ".join(alone) or "-",
        str(len(r.seeds)),
        value_of(metric, r.valid),
        value_of(metric, r.test),
        value_of(metric, r.fixed),
        f"{cost['nio']:.2f} ({cost['csr_nio']:.2f})" if cost and cost["nio"] else "-",
        f"{100 * index:.1f} %" if cost else "-",
        number(bits / 8192, 1) if cost else "-",
        engine or "-",
    ]


HEAD = (
    "scheme", "recipe", "rate", "knee", "one seed alone", "seeds", "valid", "test", "test, fixed",
    "NIO (CSR)", "index", "KiB", "issue",
)  # fmt: skip


def section(name: str, records: Records, plan: Plan, results: dict[str, Result]) -> dict[str, Any]:
    """Text of one task."""
    task = get(name)
    dense = records.of("dense")
    metric = dense[0]["metric"]
    unit = UNITS.get(metric, "")
    said = "; ".join(
        f"seed {d['seed']}: {value_of(metric, d['valid'])}{unit} valid,"
        f" {value_of(metric, d['test'])}{unit} test"
        for d in sorted(dense, key=lambda d: d["seed"])
    )
    seeds = tuple(sorted(d["seed"] for d in dense))
    some = plan.seeds if len(seeds) == len(plan.seeds) else plan.seeds[:1]
    limit = mean_target(task, records, some)
    missing = [label(s) for s in plan.schemes if s not in results]
    short = [label(s) for s, r in results.items() if len(r.seeds) < len(plan.seeds)]
    gone = []
    if missing:
        gone.append("schemes " + ", ".join(missing))
    if short and len(plan.seeds) > 1:
        gone.append(f"all {len(plan.seeds)} seeds of " + ", ".join(short))
    rows = [scheme_row(r, metric) for r in results.values()]
    return {
        "title": f"{name}: {task.title} (in the place of {task.stands_for})",
        "source": f"{task.source}; {task.licence}. {dense[0]['test_count']} test items.",
        "dense": f"Dense, {metric}: {said}. Target, valid: {value_of(metric, limit)}{unit}.",
        "table": table(HEAD, rows),
        "figure": f"pruning_{name.lower()}.png",
        "alt": f"{name}: result against rate",
        "missing": "; ".join(gone),
    }


def curve_figure(name: str, records: Records, plan: Plan, results: dict[str, Result]) -> Any:
    """Mean validation and test result against rate, an axis for each scheme."""
    task = get(name)
    seeds = plan.seeds if records.dense(plan.seeds) else plan.seeds[:1]
    dense = records.of("dense")
    curves = [
        rates.Curve(
            "\n".join((label(split_recipe(r.scheme)[0]), split_recipe(r.scheme)[1])),
            {rate: point[0] for rate, point in r.curve.items()},
            {rate: point[1] for rate, point in r.curve.items()},
            r.rate,
        )
        for r in results.values()
    ]
    metric = dense[0]["metric"]
    return rates.rates(
        curves,
        f"{metric}{',' if UNITS.get(metric) else ''}{UNITS.get(metric, '')}",
        mean_target(task, records, seeds),
        float(np.mean([d["valid"] for d in dense])),
        f"{name}: {task.title}",
    )


def rate_of(r: Result | None, seeds: tuple[int, ...]) -> str:
    """A rate in words, "at least" if the search has not ended.

    The one of the first seed where the scheme has fewer seeds than asked.
    """
    if r is None:
        return "not run"
    rate = r.rate if r.seeds == seeds else r.each.get(seeds[0])
    achieved = r.achieved if r.seeds == seeds else r.each_achieved.get(seeds[0])
    told = said_rate(rate, achieved) if rate else f"below {min(r.curve)}x"
    return f"≥ {told}" if r.capped else told


def readings(all_results: dict[str, dict[str, Result]], records_of: dict[str, Records]) -> str:
    """A line for every task: rates side by side, and their results on the test split."""
    lines = []
    rivals = ratios(all_results, CSB, ("rowcol", "circulant"))
    free = ratios(all_results, CSB, ("unstructured",))
    for name, results in all_results.items():
        csb, dense = results.get(CSB), records_of[name].of("dense")
        if csb is None:
            continue
        told = ("unstructured", "rowcol", "circulant")
        seeds = min((results[s].seeds for s in (CSB, *told) if s in results), key=len)
        rates = [f"{label(s)} {rate_of(results[s], seeds)}" for s in told if s in results]
        text = f"* **{name}**, {len(seeds)} seed{'s' if len(seeds) > 1 else ''}: "
        text += "; ".join(
            [f"{label(CSB)} {rate_of(csb, seeds)}", *([", ".join(rates)] if rates else [])]
        )
        if name in rivals:
            text += f"; {rivals[name]:.2f} times the better of the structured rivals"
        if name in free:
            text += f", {free[name]:.2f} of unstructured"
        if csb.rate is not None:
            metric, count = dense[0]["metric"], dense[0]["test_count"]
            mean = float(np.mean([d["test"] for d in dense if d["seed"] in csb.seeds]))
            text += (
                f". On the test split the CSB models at {csb.rate}x give"
                f" {value_of(metric, csb.test)} and the dense models {value_of(metric, mean)}"
            )
            if metric == "accuracy":
                error = 100 * math.sqrt(mean / 100 * (1 - mean / 100) / count)
                text += f" (standard error of {count} items {error:.1f} points)"
        lines.append(text + ".")
    return "\n".join(lines)
