# SPDX-License-Identifier: Apache-2.0
"""The tries for the table of rival schemes: schemes by name, rates, seeds, training of each task.

All schemes of a task have the same training, from the same dense models: error feedback and masked
retraining, no distillation. A difference is measured as a variant of a scheme, such as
``csb32_4x4+order+feedback``; a name without ``+feedback`` is the scheme pruned by ADMM, as
published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from csb_rnn.experiments.tasks.base import Recipe, TaskError
from csb_rnn.experiments.tasks.scheme_names import MACHINE
from csb_rnn.pruning.tools import TOOLS

__all__ = [
    "BALANCED",
    "GRADUAL",
    "JOINT",
    "KEPT",
    "LADDER",
    "LONG",
    "PLANS",
    "QUICK",
    "RECIPES",
    "Plan",
]

LADDER = (2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 125, 160, 200)
"""Rates tried, the same for every scheme; steps of a quarter, whole numbers for block-circulant."""

BALANCED = f"csb32_4x4+{MACHINE}"

ALL_SCHEMES = (
    "csb32_4x4", "unstructured", "rowcol", "circulant", "csb32_4x4+order", BALANCED, "csb32",
    "bank32", "row", "csb16", "csb64", *TOOLS,
)  # fmt: skip

KEPT = "feedback"
"""The recipe of the table, kept for what it gives on validation data."""

JOINT = f"joint+{KEPT}"
RECIPES = {"": "ADMM", KEPT: "feedback", JOINT: "joint feedback"}
"""Variants that are recipes of their own: each scheme is told by the one that serves it best. Only
schemes of rows and columns have a joint one."""

GRADUAL = "gradual"
"""The recipe of the public tools: masks that only shrink."""

VARIANTS: dict[str, dict[str, Any]] = {
    "joint": {},  # the scheme's, see scheme_names
    "classes": {},  # as many rows of each of P classes, in place of groups of P: the scheme's
    MACHINE: {},  # the same as its machine needs it: parts, inputs by engine column
    "order": {"reorder": True},
    "distil": {"distil": 0.5},
    "onerate": {"input_factor": 1.0},
    "long": {"admm_epochs": 10, "retrain_epochs": 12, "rho": 1.0, "distil": 0.5},
    "feedback": {"method": "feedback"},
    GRADUAL: {"method": GRADUAL},
    "leak": {"leak": 0.2},
    "gate": {"by_gate": True},
    "sense": {"sensitive": True},
    "bits8": {"weight_bits": 8},
    "longz1": {"admm_epochs": 2, "retrain_epochs": 4},
}
"""Changes of a recipe, mostly ideas beyond the paper. ``onerate`` takes one away: rates by matrix;
``long`` is Z2's full recipe, about twice the table's training, with distillation; ``longz1`` three
times the table's training of Z1."""


@dataclass(frozen=True)
class Plan:
    """How one task is measured.

    ``kept`` is the common variant of all schemes of the table, empty for ADMM; ``start`` is the
    first rate of a scheme (``start[""]`` of all others); ``ladder`` all possible rates;
    ``share`` the share of the text in an epoch after the dense training; ``dense_lr`` the learning
    rate at which the dense model is trained on, a third of the recipe's if None.
    """

    recipe: Recipe
    seeds: tuple[int, ...] = (0, 1, 2)
    schemes: tuple[str, ...] = ALL_SCHEMES
    ladder: tuple[int, ...] = LADDER
    start: tuple[tuple[str, int], ...] = (("", 10),)
    share: float = 1.0
    kept: str = KEPT
    dense_lr: float | None = None

    def named(self, scheme: str, recipe: str | None = None) -> str:
        """A scheme of the table as the records name it, by the table's recipe or another.

        A tool's scheme has one recipe, the tool's.
        """
        recipe = self.kept if recipe is None else recipe
        if scheme in TOOLS:
            recipe = GRADUAL
        return f"{scheme}+{recipe}" if recipe else scheme

    def first_rate(self, scheme: str) -> int:
        name = scheme.replace("+joint", "").removesuffix(f"+{KEPT}").removesuffix(f"+{GRADUAL}")
        starts = dict(self.start)
        return starts.get(name, starts.get(name.partition("+")[0], starts[""]))

    def recipe_of(self, scheme: str) -> Recipe:
        """The task's recipe with the variants in a scheme's name."""
        recipe = self.recipe
        for variant in scheme.split("+")[1:]:
            if variant not in VARIANTS:
                raise TaskError(f"unknown variant {variant!r}; known: {', '.join(VARIANTS)}")
            recipe = replace(recipe, **VARIANTS[variant])
        return recipe


TOOL_STARTS = (("torch_weights", 40), ("torch_rows", 5), ("torch_blocks", 20))

PLANS = {
    "Z2": Plan(
        Recipe(
            admm_epochs=5,
            retrain_epochs=7,
            lr=3e-3,
            retrain_lr=5e-3,
            rho=0.3,
            distil=0.0,
            input_factor=2.5,
            updates_per_epoch=4,
        ),
        start=(
            ("", 40),
            ("unstructured", 64),
            ("bank32", 50),
            ("row", 32),
            ("rowcol", 20),
            ("circulant", 10),
            *TOOL_STARTS,
        ),
    ),
    "Z6": Plan(
        Recipe(
            admm_epochs=2,
            retrain_epochs=2,
            lr=1.5e-3,
            retrain_lr=1.5e-3,
            rho=0.3,
            distil=0.0,
            input_factor=2.0,
            updates_per_epoch=8,
        ),
        start=(("", 40), ("unstructured", 64), ("rowcol", 20), ("circulant", 13), *TOOL_STARTS),
    ),
    "Z5": Plan(
        Recipe(
            admm_epochs=3,
            retrain_epochs=3,
            lr=2e-3,
            retrain_lr=2e-3,
            rho=0.1,
            distil=0.0,
            # Its one input stays connected: pruned like the rest, nothing may come of it at all.
            input_factor=100.0,
            updates_per_epoch=8,
        ),
        start=(("", 16), ("unstructured", 20), ("rowcol", 10), ("circulant", 16), *TOOL_STARTS),
    ),
    "Z3": Plan(
        Recipe(
            admm_epochs=5,
            retrain_epochs=5,
            lr=2e-3,
            retrain_lr=2e-3,
            rho=1.0,
            distil=0.0,
            input_factor=2.5,
            updates_per_epoch=4,
        ),
        schemes=("csb32_4x4", "unstructured", "rowcol", "circulant", BALANCED, "csb32"),
        start=(("", 16), ("rowcol", 6), ("circulant", 8)),
    ),
    "Z7": Plan(
        Recipe(
            admm_epochs=2,
            retrain_epochs=2,
            lr=1e-3,
            retrain_lr=1e-3,
            rho=0.1,
            distil=0.0,
            updates_per_epoch=8,
        ),
        kept="",
        seeds=(0,),
        schemes=("csb32_4x4", "unstructured"),
        ladder=(2, 4, 6, 8),
        start=(("", 2),),
    ),
    "Z1": Plan(
        Recipe(
            admm_epochs=1,
            retrain_epochs=1,
            lr=2e-3,
            retrain_lr=3e-3,
            rho=0.1,
            distil=0.0,
            clip=0.5,
            updates_per_epoch=16,
        ),
        share=0.5,
        kept="",
        seeds=(0,),
        schemes=("csb32_4x4", "unstructured"),
        ladder=(4, 8, 12, 16),
        start=(("", 8),),
    ),
    "Z4": Plan(
        Recipe(
            admm_epochs=2,
            retrain_epochs=1,
            lr=2e-3,
            retrain_lr=3e-3,
            rho=0.5,
            distil=0.0,
            updates_per_epoch=8,
        ),
        seeds=(0,),
        schemes=("csb32_4x4", "unstructured"),
        ladder=(4, 8, 12, 16),
        start=(("", 8),),
    ),
    "Z1L": Plan(
        Recipe(
            admm_epochs=4,
            retrain_epochs=8,
            lr=2e-3,
            retrain_lr=3e-3,
            distil=0.5,
            clip=0.5,
            updates_per_epoch=16,
        ),
        seeds=(0,),
        schemes=("csb32_4x4", "unstructured"),
        ladder=(4, 8, 10, 12, 16),
        start=(("", 10),),
        dense_lr=3e-3,
    ),
    "Z4L": Plan(
        Recipe(
            admm_epochs=10,
            retrain_epochs=14,
            lr=2e-3,
            retrain_lr=3e-3,
            distil=0.5,
            input_factor=2.0,
            updates_per_epoch=8,
        ),
        seeds=(0,),
        schemes=("csb32_4x4", "unstructured"),
        ladder=(8, 12, 13, 16, 20),
        start=(("", 12),),
        dense_lr=3e-3,
    ),
}
"""In the order in which they are run."""

LONG = {"Z1": "Z1L", "Z4": "Z4L"}
"""Task -> the same model and data with more training, for its dense model and its pruned ones."""

QUICK = ("Z2", "Z5", "Z6")
"""Tasks of the quick version: one seed, :data:`QUICK_SCHEMES`."""

QUICK_SCHEMES = ("csb32_4x4", "unstructured", "rowcol", "circulant")
