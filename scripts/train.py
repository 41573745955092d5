#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a task's dense model on real data, which is fetched and cached."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.commands import positive_int
from csb_rnn.experiments.tasks import TASKS, get
from csb_rnn.experiments.tasks.training import to_checkpoint, train_dense
from csb_rnn.network.checkpoint_files import check_target, write_checkpoint


def main() -> None:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--task", required=True, help=", ".join(TASKS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=positive_int, help="default: the task's")
    parser.add_argument("--threads", type=positive_int, default=1)
    parser.add_argument("--out", help="checkpoint (default build/train/TASK.npz)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    task = get(args.task)
    out = args.out or f"build/train/{task.id.lower()}.npz"
    check_target(out)
    model = train_dense(task, args.seed, args.epochs, show=sys.stderr.isatty())
    checkpoint = to_checkpoint(task, model)
    valid, test = task.evaluate(checkpoint, "valid"), task.evaluate(checkpoint, "test")
    write_checkpoint(out, checkpoint)
    print(f"{task.id} {task.title}: valid {valid}, test {test}")
    print(f"source: {task.source} ({task.licence})")
    print(out)


if __name__ == "__main__":
    commands.run(main)
