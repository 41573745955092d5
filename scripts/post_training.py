#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure pruning without training on the tasks: docs/results/data/post_training.json.

With --again N every Nth kept row is run again; if all are equal the kept ones stay, with today's
sources, and with --keep rows are added that are missing.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.reports.resumed import resumed
from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.plans import PLANS
from csb_rnn.experiments.tasks.post_training_runs import NAME, again, cases, key_of, place, run
from csb_rnn.experiments.tasks.records import Records


def main() -> int:
    parser = commands.Parser(description=__doc__)
    known = [n for n, plan in PLANS.items() if Records(n).dense(plan.seeds[:1])]
    parser.add_argument("--tasks", default=",".join(known), help="default: all with a dense model")
    parser.add_argument("--seeds", type=commands.positive_int, default=1, help="number of seeds")
    parser.add_argument("--work", type=Path, default=Path("build/tries"), help="of dense models")
    parser.add_argument(
        "--log", type=Path, default=Path("build/post_training.jsonl"), help="of finished rows"
    )
    parser.add_argument("--keep", action="store_true", help="write the result file")
    parser.add_argument("--again", type=commands.positive_int, metavar="N",
                        help="every Nth kept row, and missing ones, in place of all")  # fmt: skip
    args = parser.parse_args()
    torch.set_num_threads(1)
    began, rows = measured.begin(NAME), []
    keys = [key for name in args.tasks.split(",") for key in cases(get(name), args.seeds)]
    kept = measured.read(NAME) if args.again else None
    if kept is not None:
        keys = again(keys, kept.rows, args.again)
    for _, found in resumed(args.log, began.sources, keys, lambda key: run(key, args.work)):
        rows.append(found)
        print(found, flush=True)
    if kept is not None:
        print(measured.confirm(NAME, rows))
        old = {key_of(row) for row in kept.rows}
        more = [row for row in rows if key_of(row) not in old]
        if args.keep and more:
            measured.write(NAME, sorted([*kept.rows, *more], key=place), measured.read(NAME))
    elif args.keep:
        measured.write(NAME, rows, began)
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
