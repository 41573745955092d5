#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the tries of the table of pruning schemes; finished ones are not repeated."""

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import numpy as np
import torch

from csb_rnn import commands
from csb_rnn.commands import positive_int, rate
from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.base import Score, Task, TaskError
from csb_rnn.experiments.tasks.lossless import limit as lossless_limit
from csb_rnn.experiments.tasks.lossless import meets
from csb_rnn.experiments.tasks.measure import engine_cost, fixed_score
from csb_rnn.experiments.tasks.plans import PLANS, QUICK, QUICK_SCHEMES, Plan
from csb_rnn.experiments.tasks.records import FOLDER, Records
from csb_rnn.experiments.tasks.table import dense_as_long, lossless, make_try, tries_to_make
from csb_rnn.models.integer_layer import QuantError
from csb_rnn.network.checkpoint_files import read_checkpoint, write_checkpoint
from csb_rnn.network.network import NetworkError
from csb_rnn.program.program import CompileError

BITS = 14


def measure(task: Task, records: Records, plan: Plan, scheme: str, states: Path) -> None:
    """Add what is missing of the tries at a scheme's lossless rate."""
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


def main() -> None:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--tasks", help=f"default {','.join(PLANS)}")
    parser.add_argument("--schemes", help="default: those of the task's plan")
    parser.add_argument("--seeds", type=positive_int, help="number of seeds, at most the plan's")
    parser.add_argument("--quick", action="store_true", help="Z2, Z5, Z6, one seed, four schemes")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="no tries: fixed point and cycles of the models at lossless rates",
    )
    parser.add_argument(
        "--export", type=Path, help="no tries: this checkpoint of --tasks, --schemes, --rate"
    )
    parser.add_argument(
        "--bits", type=positive_int, default=BITS, help="of --export: weights are rounded to these"
    )
    parser.add_argument("--rate", type=rate, help="of --export, or the only one to try")
    parser.add_argument("--minutes", type=float, help="begin no further try after these")
    parser.add_argument("--records", type=Path, default=FOLDER, help="folder of the records")
    parser.add_argument("--work", type=Path, default=Path("build/tries"), help="folder of models")
    args = parser.parse_args()
    if args.rate and args.rate.is_integer():
        args.rate = int(args.rate)
    torch.set_num_threads(1)
    names = [n.upper() for n in args.tasks.split(",")] if args.tasks else list(PLANS)
    if args.quick and not args.tasks:
        names = list(QUICK)
    unknown = [name for name in names if name not in PLANS]
    if unknown:
        raise TaskError(f"unknown task {unknown[0]!r}; known: {', '.join(PLANS)}")
    begin = time.monotonic()
    for name in names:
        task, plan, records = get(name), PLANS[name], Records(name, args.records)
        schemes = tuple(args.schemes.split(",")) if args.schemes else ()
        if not schemes:
            some = [s for s in plan.schemes if not args.quick or s in QUICK_SCHEMES]
            schemes = tuple(plan.named(s) for s in some)
        seeds = plan.seeds[: 1 if args.quick else args.seeds]
        if args.export:
            chosen = args.rate or lossless(task, records, schemes[0], seeds, plan.ladder)
            if chosen is None:
                raise TaskError(f"{name} {schemes[0]}: no lossless rate; name one with --rate")
            states = args.work / name.lower()
            export(task, records, plan, schemes[0], chosen, states, args.export, args.bits)
            return
        if args.measure:
            for scheme in schemes:
                measure(task, records, plan, scheme, args.work / name.lower())
            continue
        tries = tries_to_make(task, records, plan, schemes, seeds)
        if args.rate:
            chosen = ((scheme, args.rate, seed) for scheme in schemes for seed in seeds)
            tries = (t for t in chosen if t[1:] not in records.results(t[0]))
        for scheme, try_rate, seed in tries:
            if args.minutes is not None and time.monotonic() - begin > 60 * args.minutes:
                print("out of time: call again to go on")
                return
            states = args.work / name.lower()
            make_try(
                task, records, plan, scheme, try_rate, seed, states, lambda s: print(s, flush=True)
            )


if __name__ == "__main__":
    commands.run(main)
