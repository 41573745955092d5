# SPDX-License-Identifier: Apache-2.0
"""The effect of each idea: recipes, before retraining, index cost."""

from __future__ import annotations

import math

import numpy as np

from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.reports.pruning.targets import ratios, tell
from csb_rnn.experiments.reports.pruning.tasks import rate_of
from csb_rnn.experiments.reports.pruning.words import CSB, label, number, value_of
from csb_rnn.experiments.tasks.plans import GRADUAL, JOINT, KEPT, PLANS, RECIPES
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.scheme_names import MACHINE
from csb_rnn.experiments.tasks.summary import (
    Result,
    geometric_mean,
    pruned_index,
)
from csb_rnn.pruning.tools import TOOLS


def recipes(by_recipe: dict[str, dict[str, dict[str, Result]]]) -> tuple[str, str]:
    """Lossless rates (and knees) of every scheme by every recipe, and their ratios."""
    rows: list[list[str]] = []
    gains: dict[str, list[float]] = {KEPT: [], JOINT: []}
    for name, plan in PLANS.items():
        for scheme in [s for s in plan.schemes if plan.kept and s not in TOOLS]:
            of = {recipe: by_recipe[recipe].get(name, {}).get(scheme) for recipe in RECIPES}
            found = [r for r in of.values() if r is not None]
            if len(found) < 2:
                continue
            seeds = min((r.seeds for r in found), key=len)
            rates = {k: (r.rate if r.seeds == seeds else r.each.get(seeds[0])) or 0
                     for k, r in of.items() if r}  # fmt: skip
            for new, old in ((KEPT, ""), (JOINT, KEPT)):
                if rates.get(new) and rates.get(old):
                    gains[new].append(rates[new] / rates[old])
            rows.append([name, label(scheme), str(len(seeds)),
                         *(rate_of(r, seeds) if r else "-" for r in of.values()),
                         *(number(r.knee if r and r.seeds == seeds else None, 1)
                           for r in of.values())])  # fmt: skip
    head = ("task", "scheme", "seeds", *RECIPES.values(), *(f"knee, {r}" for r in RECIPES.values()))
    note = (
        f"Geometric means of the ratio, the same seeds on both sides: feedback over ADMM"
        f" {number(geometric_mean(gains[KEPT]))} ({len(gains[KEPT])} pairs), joint feedback over"
        f" feedback {number(geometric_mean(gains[JOINT]))} ({len(gains[JOINT])} pairs)."
    )
    return table(head, rows) if rows else "Missing.", note if rows else ""


def before_retraining(records_of: dict[str, Records]) -> str:
    """The rest of a model once its pattern is final, by recipe; first seed, one rate."""
    rows = []
    for name, records in records_of.items():
        plan = PLANS[name]
        dense = records.of("dense", seed=plan.seeds[0])
        lines = {
            (t["scheme"], t["rate"]): t
            for t in records.of("try", seed=plan.seeds[0])
            if t.get("hard")
        }
        for (scheme, rate), t in sorted(lines.items()):
            other = f"{scheme}+{KEPT}"  # by a recipe of the table or another one
            ours = (other, rate) in lines
            if {KEPT, GRADUAL} & {*scheme.split("+")} or not (ours or "+" in scheme):
                continue
            metric = dense[0]["metric"]
            pairs = [(scheme, t)]
            if "+" not in scheme:
                pairs.append((other, lines[other, rate]))
            for which, line in pairs:
                recipe = "feedback" if KEPT in which.split("+") else "ADMM"
                rows.append([name, label(which), recipe, f"{rate}x",
                             number(line["hard"]["residual"]),
                             value_of(metric, line["hard"]["valid"]),
                             value_of(metric, line["valid"]),
                             value_of(metric, dense[0]["valid"])])  # fmt: skip
    head = ("task", "scheme", "recipe", "rate", "residual", "valid, pattern just made final",
            "valid, retrained", "valid, dense")  # fmt: skip
    return table(head, rows) if rows else "Missing."


def ideas(records_of: dict[str, Records]) -> str:
    """Variants against the same scheme by the same recipe, same task, rates and seeds."""
    rows = []
    for name, records in records_of.items():
        metric = records.of("dense")[0]["metric"] if records.of("dense") else ""
        for scheme in sorted({t["scheme"] for t in records.of("try")}):
            base, *variants = scheme.split("+")
            fed = KEPT in variants
            if not set(variants) - {KEPT} or {MACHINE, GRADUAL} & {*variants}:
                continue  # a scheme of the table
            plain = records.results(f"{base}+{KEPT}" if fed else base)
            varied = records.results(scheme)
            for rate in sorted({r for r, _ in varied}):
                both = [s for r, s in sorted(varied) if r == rate and (rate, s) in plain]
                seeds = both or [s for r, s in sorted(varied) if r == rate]
                means = [
                    float(np.mean([of[rate, s][key] for s in seeds]))
                    if of is varied or both
                    else None
                    for of in (plain, varied)
                    for key in ("valid", "test")
                ]
                rows.append([name, label(scheme), "feedback" if fed else "ADMM", f"{rate}x",
                             str(len(seeds)), *(value_of(metric, v) for v in means)])  # fmt: skip
    head = ("task", "variant", "recipe", "rate", "seeds", "plain, valid", "plain, test",
            "variant, valid", "variant, test")  # fmt: skip
    return table(head, rows) if rows else "Missing."


def index_cost(records_of: dict[str, Records]) -> tuple[str, str]:
    """NIO and bits of CSB tries nearest to 12x, and the worst ratio to the formula by recipe."""
    rows: list[list[str]] = []
    worst, whole = dict.fromkeys(RECIPES, 0.0), 0.0
    for name, records in records_of.items():
        plan = PLANS[name]
        for scheme, block in (("csb16", 16), ("csb32", 32), ("csb64", 64), (CSB, 32)):
            for recipe, called in RECIPES.items():
                lines = records.of("try", scheme=plan.named(scheme, recipe))
                over = [pruned_index(records, plan, t, block) for t in lines]
                worst[recipe] = max([worst[recipe], *over])
                of_model = [t["nio"] / (math.sqrt(t["achieved"]) / (block / 2)) for t in lines]
                whole = max([whole, *of_model])
                if not lines or (recipe == "" and plan.kept):
                    continue  # ADMM's are those of the paper's projection, as feedback's are
                line = min(lines, key=lambda t: abs(math.log(t["achieved"] / 12)))
                bits = (line["index_bits"] + line["size_bits"]) / (16 * line["kept"])
                padding = line["stored"] / line["kept"] - 1
                rows.append([name, label(scheme), called, f"{line['achieved']:.1f}x",
                             f"{line['nio']:.3f}", number(pruned_index(records, plan, line, block)),
                             f"{100 * bits:.1f} %", f"{100 * padding:.2f} %",
                             f"{line['csr_nio']:.2f}"])  # fmt: skip
    head = ("task", "scheme", "recipe", "rate", "NIO", "over sqrt(rate)/(block/2)",
            "index and size bits", "zeros inside kernels", "CSR's NIO")  # fmt: skip
    note = (
        "The try of each scheme nearest to 12x, the rate at which the bits are to be at most 9 %"
        " (block 32) and 14 % (block 16). NIO over sqrt(rate)/(block/2), to reach 1.1, is over"
        " all tries at most "
        + ", ".join(f"{worst[recipe]:.2f} by {called}" for recipe, called in RECIPES.items())
        + ": of the matrices that are pruned. Z5's input matrix, of one column, is not, and costs"
        f" an index entry a weight as a kernel of CSB; with it the worst is {whole:.2f}. The"
        " formula is that of a matrix whose kernels are square and alike."
    )
    return table(head, rows) if rows else "Missing.", note if rows else ""


def notes_on_ideas(all_results: dict[str, dict[str, Result]]) -> str:
    found = ratios(all_results, f"{CSB}+order", (CSB,))
    if not found:
        return ""
    knees = ratios(all_results, f"{CSB}+order", (CSB,), "knee")
    return (
        "*Order*: rows and columns of every matrix grouped into blocks by alternating assignment,"
        " free in this machine. Lossless rate over that of the trained order:"
        f" {tell(found)}; from the knees {tell(knees)}."
    )
