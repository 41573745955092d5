# SPDX-License-Identifier: Apache-2.0
"""Models of tries: measured in fixed point, exported to the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.experiments.tasks.base import Score, Task, TaskError
from csb_rnn.experiments.tasks.lossless import limit as lossless_limit
from csb_rnn.experiments.tasks.lossless import meets
from csb_rnn.experiments.tasks.measure import engine_cost, fixed_score
from csb_rnn.experiments.tasks.plans import Plan
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.table import dense_as_long, lossless
from csb_rnn.models.integer_layer import QuantError
from csb_rnn.network.checkpoint_files import read_checkpoint, write_checkpoint
from csb_rnn.network.network import NetworkError
from csb_rnn.program.program import CompileError

BITS = 14


def measure(task: Task, records: Records, plan: Plan, scheme: str, states: Path) -> None:
    """Add the missing tries at a scheme's lossless rate."""
    seeds = tuple(s for s in plan.seeds if records.dense((s,)))
    rates = {lossless(task, records, scheme, some, plan.ladder) for some in (seeds, seeds[:1])}
    for line in list(records.of("try", scheme=scheme)):
        at, seed = line["rate"], line["seed"]
        path = states / f"{scheme}_r{at:g}_s{seed}.npz"
        done = records.of("measure", scheme=scheme, rate=at, seed=seed)
        if at not in rates or done or not path.is_file():
            continue
        checkpoint = read_checkpoint(path)
        found: dict[str, Any] = {}
        try:
            found["fixed"] = fixed_score(task, checkpoint).value
            found["engine"] = engine_cost(task, checkpoint)
        except (NetworkError, QuantError, CompileError) as error:
            found["cannot"] = " ".join(str(error).split())
        records.add(
            {"kind": "measure", "task": task.id, "scheme": scheme, "rate": at, "seed": seed}
            | {"test": line["test"]}
            | found
        )
        print(f"{task.id} {scheme} {at:g}x, seed {seed}: {found}", flush=True)


def rounded(w: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Rounded to some bits and sign by a power of two: deflated, two thirds of the size."""
    step = np.float32(2.0 ** (np.ceil(np.log2(max(float(np.abs(w).max()), 1e-9))) - bits))
    return np.round(w / step) * step


def export(
    task: Task,
    records: Records,
    plan: Plan,
    scheme: str,
    rate: float,
    states: Path,
    out: Path,
    bits: int = BITS,
) -> None:
    """A model of the first seed as a checkpoint for the repository, with its record beside it.

    Matrices are rounded to ``bits`` and sign, biases to 14: the size of a file is mostly theirs.
    """
    seed = plan.seeds[0]
    path = states / f"{scheme}_r{rate:g}_s{seed}.npz"
    if not path.is_file():
        raise TaskError(f"{path}: no such model; only finished tries can be exported")
    checkpoint = read_checkpoint(path)
    checkpoint = checkpoint.with_tensors(
        {n: rounded(w, bits if w.ndim == 2 else BITS) for n, w in checkpoint.tensors.items()}
    )
    checkpoint = checkpoint.with_tensors({}, rate=round(checkpoint.rate, 4))
    write_checkpoint(out, checkpoint, True)
    stored = task.evaluate(read_checkpoint(out))  # 8-bit tables and all
    note = {
        "metric": stored.metric,
        "value": round(stored.value, 4),
        "count": stored.items,
        "split": "test",
    }
    write_checkpoint(out, checkpoint.with_tensors({}, result=note), True)
    dense = dense_as_long(task, records, plan, scheme, seed, states)
    score = Score(dense["metric"], dense["valid"], dense["valid_count"])
    limit = lossless_limit(task, score)
    tries = [t for (_, s), t in sorted(records.results(scheme).items()) if s == seed]
    keys = ("rate", "achieved", "valid", "test", "cpu_seconds")
    record = {
        "task": task.id,
        "scheme": scheme,
        "seed": seed,
        "recipe": plan.recipe_of(scheme).describe(),
        "metric": dense["metric"],
        "dense_valid": dense["valid"],
        "dense_test": dense["test"],
        "target_valid": limit,
        "lossless": meets(task, records.results(scheme)[rate, seed]["valid"], limit),
        "rate": rate,
        "tries": [{key: line[key] for key in keys} for line in tries],
        "bits": bits,
        "stored_test": stored.value,
    }
    out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"{out}: rate {checkpoint.rate:.4g}, test {stored}")
