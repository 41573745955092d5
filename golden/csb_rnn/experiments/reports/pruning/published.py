# SPDX-License-Identifier: Apache-2.0
"""The ten published rates, each beside the stand-in trained here: the first table of the report.

Example: the published MT1 is lossless at 12x with its data; Z1, a language model of its shape on a
text that may be had, is lossless at 4x after 3 dense epochs.
"""

from __future__ import annotations

from collections.abc import Mapping

from csb_rnn.experiments.bench.models import MODELS, Benchmark
from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.reports.pruning.tasks import rate_of
from csb_rnn.experiments.reports.pruning.words import CSB, UNITS, mark, split_recipe, value_of
from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.plans import PLANS
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.summary import Result

BLOCK = 32
CELLS = {"ligru": "Li-GRU"}  # written otherwise than in capitals
HEAD = ("published", "model", "rate there", "stand-in here", "dense epochs", "dense, valid",
        "rate here, CSB32 aligned", "recipe", "valid", "reaches it",
        "unstructured here")  # fmt: skip


def shape_of(m: Benchmark) -> str:
    """Cell and widths, from the inputs on. Example: ``LSTMP 153->1024(512)->1024(512)``."""
    widths = [f"{s.hidden}({s.projection})" if s.projection else f"{s.hidden}" for s in m.layers]
    return f"{CELLS.get(m.cell, m.cell.upper())} {'->'.join((str(m.layers[0].inputs), *widths))}"


def row(m: Benchmark, name: str, found: Mapping[str, Result], records: Records) -> list[str]:
    """A published model beside one stand-in; ``found``: scheme -> result of its best recipe."""
    head, csb = [m.name, shape_of(m), f"{m.rates[BLOCK]:g}x"], found.get(CSB)
    if csb is None or not records.of("dense"):
        return [*head, name, *["not run"] * (len(HEAD) - 4)]
    dense = records.of("dense", seed=csb.seeds[0])[0]
    metric, plan = dense["metric"], PLANS[name]
    valid = [d["valid"] for d in records.of("dense") if d["seed"] in csb.seeds]
    unit = UNITS.get(metric, "")
    best = csb.curve[csb.rate][0] if csb.rate else None
    return [
        *head,
        f"{name}, {get(name).title}",
        f"{dense['epochs'][0]} + {plan.recipe.epochs * plan.share:g}",
        f"{metric} {value_of(metric, sum(valid) / len(valid))}{unit}",
        rate_of(csb, csb.seeds),
        split_recipe(csb.scheme)[1],
        value_of(metric, best),
        mark(csb.rate or 0, (csb.rate or 0) >= m.rates[BLOCK]),
        rate_of(found["unstructured"], csb.seeds) if "unstructured" in found else "not run",
    ]


def published(
    all_results: Mapping[str, Mapping[str, Result]], records_of: Mapping[str, Records]
) -> str:
    """The table: a row for each stand-in of each model, one without figures where there is none."""
    body = []
    for m in MODELS.values():
        names = [name for name in PLANS if get(name).stands_for == m.name]
        body += [row(m, n, all_results.get(n, {}), records_of[n]) for n in names]
        if not names:
            body.append([m.name, shape_of(m), f"{m.rates[BLOCK]:g}x", "none", *["-"] * 7])
    return table(HEAD, body)
