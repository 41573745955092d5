# SPDX-License-Identifier: Apache-2.0
"""The measured results of pruning: the command of each, and its sources."""

from __future__ import annotations

from csb_rnn.experiments.reports.sources import TRAINED, WITH_DATA, Kind, rooms

PRUNING = {
    "pruning": Kind(
        "scripts/prune_table.py",
        rooms("pruning", *(f"experiments/tasks/{name}.py" for name in TRAINED)),
        key=("task",),
    ),
    "pruning_costs": Kind(
        "scripts/prune_bench.py --keep",
        rooms(*(f"pruning/{name}.py" for name in (*WITH_DATA, "admm", "feedback", "pruner",
                                                  "straight_through")),
              "experiments/tasks/pruning_costs.py"),
        key=("what",),
        loose=("cpu_seconds", "share"),
    ),
    "post_training": Kind(
        "scripts/post_training.py --keep",
        rooms(*(f"pruning/{name}.py" for name in WITH_DATA),
               *(f"experiments/tasks/{name}.py" for name in (*TRAINED, "post_training"))),
        key=("task", "seed", "method", "rate"),
        loose=("cpu_seconds",),
    ),
    "trained_bits": Kind(
        "scripts/trained_bits.py",
        (*rooms("cells", "models", "machine/numerics.py"),
         *rooms("pruning/straight_through.py", "pruning/feedback.py", "pruning/projection.py"),
         *rooms(*(f"experiments/tasks/{name}.py" for name in (
             "base", "data", "training", "measure", "trained_bits", "z2_digits",
             "z3_digits_ligru", "z6_sentiment")))),
        ("paper256",),
        key=("task", "seed"),
    ),
    "farm": Kind(
        "scripts/farm_speed.py --keep",
        rooms(*(f"experiments/farm/{name}.py" for name in ("chains", "cluster", "sweep", "speed")),
              "experiments/tasks/table.py", "experiments/tasks/training.py"),
        tools=("distributed",),
        key=("task", "workers"),
        loose=("seconds", "faster"),
    ),
}  # fmt: skip
