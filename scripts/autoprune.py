#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Find a task's largest lossless pruning rate and keep the model."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.commands import parse_align, positive_int, rate
from csb_rnn.experiments.tasks import TASKS, get
from csb_rnn.experiments.tasks.autoprune import autoprune
from csb_rnn.experiments.tasks.pictures import tries_picture
from csb_rnn.network.checkpoint_files import check_target, read_checkpoint, write_checkpoint
from csb_rnn.pictures import check_name, save
from csb_rnn.pruning import SCHEMES, make_scheme
from csb_rnn.pruning.schemes import for_machine


def main() -> None:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--task", required=True, help=", ".join(TASKS))
    parser.add_argument("--scheme", default="csb", choices=list(SCHEMES))
    parser.add_argument("--block", type=positive_int, default=32)
    parser.add_argument("--align", type=parse_align, default=(1, 1), metavar="PxQ")
    parser.add_argument(
        "--joint", action="store_true", help="csb, rowcol: choose rows and columns together"
    )
    parser.add_argument(
        "--classes",
        type=positive_int,
        default=1,
        metavar="N",
        help="csb: kernels keep as many rows of each of N classes of a block's units",
    )
    parser.add_argument(
        "--config",
        metavar="NAME",
        help="csb: configuration that the model is for; sets alignment and classes, and a block "
        "that fits",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=rate, default=8.0, help="first rate (default 8)")
    parser.add_argument(
        "--step", type=float, default=8.0, help="first step of the rate (default 8)"
    )
    parser.add_argument("--tries", type=positive_int, default=8, help="cap on tries (default 8)")
    parser.add_argument("--threads", type=positive_int, default=1)
    parser.add_argument(
        "--quick", action="store_true", help="do not train the dense model as long as the pruned"
    )
    parser.add_argument("--work", help="folder for resuming (default build/prune/...)")
    parser.add_argument("--out", help="pruned checkpoint (default in the work folder)")
    parser.add_argument(
        "--tables-8bit", action="store_true", help="store head and embedding in 8 bits"
    )
    parser.add_argument("--plot", metavar="FILE", help="picture: rate against result, .png or .svg")
    args = parser.parse_args()
    if args.plot:
        check_name(args.plot)
    torch.set_num_threads(args.threads)
    task = get(args.task)
    scheme = make_scheme(args.scheme, args.block, args.align, args.joint)
    scheme = for_machine(scheme, args.classes, args.config)
    name = "_".join(str(v) for v in scheme.describe().values()).replace("[", "").replace("]", "")
    name = f"{task.id}_{name.replace(', ', 'x')}_seed{args.seed}".lower()
    work = Path(args.work or f"build/prune/{name}")
    out = Path(args.out or work / f"{task.id.lower()}.npz")
    check_target(out)
    checkpoint, record, found = autoprune(
        task,
        scheme,
        seed=args.seed,
        init_rate=args.rate,
        step=args.step,
        cap=args.tries,
        folder=work,
        quick=args.quick,
        show=sys.stderr.isatty(),
    )
    if checkpoint is not None:
        write_checkpoint(out, checkpoint, args.tables_8bit)
        test = task.evaluate(read_checkpoint(out))  # the stored model, 8-bit tables and all
        checkpoint = read_checkpoint(out)
        note = {
            "metric": test.metric,
            "value": round(test.value, 4),
            "count": test.items,
            "split": "test",
        }
        write_checkpoint(out, checkpoint.with_tensors({}, result=note), args.tables_8bit)
        record["stored_test"] = test.value
        print(f"{out}: rate {checkpoint.rate:.4g}, test {test}")
    else:
        print(f"{task.id}: no rate tried meets the target")
    if args.plot:
        save(tries_picture(record), args.plot)
    text = json.dumps(record, indent=1) + "\n"
    (work / "record.json").write_text(text)
    if checkpoint is not None:
        out.with_suffix(".json").write_text(text)
    if found.capped:
        print(
            f"stopped after {len(found.tries)} tries: the largest rate that met the target is given"
        )


if __name__ == "__main__":
    commands.run(main)
