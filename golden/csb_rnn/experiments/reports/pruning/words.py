# SPDX-License-Identifier: Apache-2.0
"""Names, numbers and choices common to all parts of the pruning report."""

from __future__ import annotations

from csb_rnn.experiments.tasks.plans import GRADUAL, KEPT, RECIPES, Plan
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.scheme_names import MACHINE
from csb_rnn.experiments.tasks.summary import (
    Result,
    result_of,
)
from csb_rnn.machine.folders import ROOT

OUT = ROOT / "docs/results"
CHECKPOINTS = ROOT / "checkpoints"
LABELS = {
    "csb32_4x4": "CSB32, aligned 4x4",
    "csb32_4x4+order": "CSB32, aligned 4x4, ordered",
    f"csb32_4x4+{MACHINE}": "CSB32, class-balanced",
    "csb32": "CSB32",
    "csb16": "CSB16",
    "csb64": "CSB64",
    "unstructured": "unstructured",
    "rowcol": "row/column",
    "circulant": "block-circulant",
    "bank32": "bank-balanced",
    "row": "row-balanced",
    "torch_weights": "weights by torch.prune",
    "torch_rows": "rows by torch.prune",
    "torch_blocks": "blocks of 4x4 by torch.ao",
}
CSB = "csb32_4x4"
KEYS = ("achieved", "knee")  # of a Result: the rate, and where the target is crossed
KINDS = ("barrier", "decoupled", "cv")
UNITS = {"accuracy": " %", "phoneme error rate": " %", "phone error rate": " %"}


def label(scheme: str) -> str:
    """A scheme in words, by its name in a plan or in the records; the recipe is not told."""
    base, *variants = [part for part in scheme.split("+") if part not in (KEPT, GRADUAL)]
    for own in ("order", MACHINE):
        if own in variants and f"{base}+{own}" in LABELS:
            base = f"{base}+{own}"
            variants.remove(own)
    return " + ".join([LABELS.get(base, base), *variants])


def number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def mark(value: float | None, good: bool) -> str:
    """Whether a target is met; "-" without a value."""
    return "-" if value is None else ("yes" if good else "**no**")


def value_of(metric: str, value: float | None) -> str:
    return number(value, 4 if metric == "R2" else 2)


def results_of(records: Records, plan: Plan, recipe: str) -> dict[str, Result]:
    """Scheme of the plan -> its result with a recipe."""
    found = {s: result_of(records, plan, plan.named(s, recipe)) for s in plan.schemes}
    return {s: r for s, r in found.items() if r is not None}


def best_of(by_recipe: dict[str, dict[str, Result]]) -> dict[str, Result]:
    """Scheme -> its result with its best recipe: most seeds, then highest rate."""
    found: dict[str, Result] = {}
    for results in by_recipe.values():
        for scheme, r in results.items():
            if scheme not in found or standing(r) > standing(found[scheme]):
                found[scheme] = r
    return found


def standing(r: Result) -> tuple[float, ...]:
    """Rates as achieved; the knee decides between equals."""
    return len(r.seeds), r.achieved or 0, r.knee or 0


def split_recipe(scheme: str) -> tuple[str, str]:
    """A scheme by its name in the records -> its name in the plan, its recipe's name."""
    for recipe in sorted(RECIPES, key=len, reverse=True):
        if recipe and scheme.endswith(f"+{recipe}"):
            return scheme.removesuffix(f"+{recipe}"), RECIPES[recipe]
    if scheme.endswith(f"+{GRADUAL}"):
        return scheme.removesuffix(f"+{GRADUAL}"), GRADUAL
    return scheme, RECIPES[""]


def said_rate(rate: int, achieved: float | None) -> str:
    """A rate of the ladder, or the lower one by blocks cut at an edge."""
    off = achieved is not None and abs(achieved / rate - 1) > 0.02
    return f"{rate}x ({achieved:.1f}x)" if off else f"{rate}x"
