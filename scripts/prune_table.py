#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the tries of the table of pruning schemes; finished ones are not repeated."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from golden.checkpoint import read_checkpoint
from golden.network import NetworkError
from golden.program import CompileError
from golden.pruning.cli import positive_int, run
from golden.quantise import QuantError
from golden.tasks import get
from golden.tasks.base import Task, TaskError
from golden.tasks.measure import engine_cost, fixed_score
from golden.tasks.plans import PLANS, QUICK, QUICK_SCHEMES, Plan
from golden.tasks.records import FOLDER, Records
from golden.tasks.table import lossless, make_try, tries_to_make


def measure(task: Task, records: Records, plan: Plan, scheme: str, states: Path) -> None:
    """Add what is missing of the tries at a scheme's lossless rate."""
    seeds = tuple(s for s in plan.seeds if records.dense((s,)))
    rates = {lossless(task, records, scheme, some, plan.ladder) for some in (seeds, seeds[:1])}
    for line in list(records.of("try", scheme=scheme)):
        rate, seed = line["rate"], line["seed"]
        path = states / f"{scheme}_r{rate:g}_s{seed}.npz"
        done = records.of("measure", scheme=scheme, rate=rate, seed=seed)
        if rate not in rates or done or not path.is_file():
            continue
        checkpoint = read_checkpoint(path)
        found: dict[str, Any] = {}
        try:
            found["fixed"] = fixed_score(task, checkpoint).value
            found["engine"] = engine_cost(task, checkpoint)
        except (NetworkError, QuantError, CompileError) as error:
            found["cannot"] = " ".join(str(error).split())
        records.add(
            {"kind": "measure", "task": task.id, "scheme": scheme, "rate": rate, "seed": seed}
            | {"test": line["test"]}
            | found
        )
        print(f"{task.id} {scheme} {rate:g}x, seed {seed}: {found}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", help=f"default {','.join(PLANS)}")
    parser.add_argument("--schemes", help="default: those of the task's plan")
    parser.add_argument("--seeds", type=positive_int, help="number of seeds, at most the plan's")
    parser.add_argument("--quick", action="store_true", help="Z2, Z5, Z6, one seed, four schemes")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="no tries: fixed point and cycles of the models at lossless rates",
    )
    parser.add_argument("--minutes", type=float, help="begin no further try after these")
    parser.add_argument("--records", type=Path, default=FOLDER, help="folder of the records")
    parser.add_argument("--work", type=Path, default=Path("build/tries"), help="folder of models")
    args = parser.parse_args()
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
        schemes = tuple(args.schemes.split(",")) if args.schemes else plan.schemes
        if args.quick and not args.schemes:
            schemes = tuple(s for s in plan.schemes if s in QUICK_SCHEMES)
        seeds = plan.seeds[: 1 if args.quick else args.seeds]
        if args.measure:
            for scheme in schemes:
                measure(task, records, plan, scheme, args.work / name.lower())
            continue
        for scheme, rate, seed in tries_to_make(task, records, plan, schemes, seeds):
            if args.minutes is not None and time.monotonic() - begin > 60 * args.minutes:
                print("out of time: call again to go on")
                return
            states = args.work / name.lower()
            make_try(
                task, records, plan, scheme, rate, seed, states, lambda s: print(s, flush=True)
            )


if __name__ == "__main__":
    run(main)
