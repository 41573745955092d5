#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the tries of the table of pruning schemes; finished ones are not repeated."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.commands import positive_int, rate
from csb_rnn.experiments.farm.cluster import add_arguments, workers
from csb_rnn.experiments.farm.sweep import sweep
from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.base import TaskError
from csb_rnn.experiments.tasks.kept_models import BITS, export, measure
from csb_rnn.experiments.tasks.plans import PLANS, QUICK, QUICK_SCHEMES
from csb_rnn.experiments.tasks.records import FOLDER, Records
from csb_rnn.experiments.tasks.table import lossless, make_try, tries_to_make


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
    add_arguments(parser)
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
    wanted = []
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
        if args.cluster:
            wanted += [(records, scheme, seeds) for scheme in schemes]
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
    if wanted:
        with workers(args.cluster, args.workers) as client:
            sweep(wanted, args.work, client, lambda s: print(s, flush=True), only=args.rate)


if __name__ == "__main__":
    commands.run(main)
