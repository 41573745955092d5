#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure the costs of pruning: time of a projection, share of ADMM in a training step.

Limits are ratios of two times of the same process, so they hold on any machine: a projection
against a sort of the same matrix, ADMM's part against the training step it is added to.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import torch

from csb_rnn import commands
from csb_rnn.commands import positive_int
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.tasks.z1_words import STEPS, VOCABULARY, WordLstm
from csb_rnn.pruning import AdmmPruner, csb_project, make_scheme

BATCH = 64
STEPS_PER_UPDATE = 46  # Z1: 368 steps an epoch, 8 updates
LIMITS = {"projection": 0.25, "overhead": 0.1}  # of a sort; of a training step
LARGE, LARGE_LIMIT = 10_000, 20  # side of a matrix; processor seconds of its projection
SORT = "sort of 1500x6000"


def seconds(work, repeat: int) -> float:
    """Median processor time of a call, after an uncounted one: others do not disturb it."""
    work()
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def measure(repeat: int) -> dict[str, float]:
    """Times in seconds: projection, dense step, its penalty both ways, one update."""
    torch.manual_seed(0)
    w = torch.randn(1500, 6000)
    found = {
        f"project 1500x6000, {label}": seconds(
            lambda a=align: csb_project(w, 32, 12, a), max(3, repeat // 4)
        )
        for label, align in (("unaligned", (1, 1)), ("aligned 4x4", (4, 4)))
    }
    found[SORT] = seconds(lambda: w.abs().flatten().sort(), max(3, repeat // 4))
    model = WordLstm()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    pruner = AdmmPruner(model, make_scheme("csb", 32, (4, 4)), 8)
    words = torch.randint(VOCABULARY, (BATCH, STEPS))

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        logits = model(words, True)
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), words.flatten()).backward()
        optimizer.step()

    def penalty() -> None:
        for parameter in pruner.params.values():
            parameter.grad = None
        pruner.penalty().backward()

    found["training step of Z1"] = seconds(step, repeat)
    found["penalty and its backward"] = seconds(penalty, repeat)
    found["add_gradients instead"] = seconds(pruner.add_gradients, repeat)
    found["update (Z and U)"] = seconds(pruner.update, repeat)
    pruner.harden()
    found["constrain (masked retraining)"] = seconds(pruner.constrain, repeat)
    return found


def large() -> list[dict[str, object]]:
    """Processor seconds of a projection of 100 million weights."""
    w = torch.randn(LARGE, LARGE, generator=torch.Generator().manual_seed(0))
    rows = []
    for align in ((1, 1), (4, 4)):
        begin = time.process_time()
        csb_project(w, 32, 12, align)
        seconds = round(time.process_time() - begin, 1)
        aligned = "{}x{}".format(*align)
        rows.append({"weights": w.numel(), "align": aligned, "cpu_seconds": seconds,
                     "limit": LARGE_LIMIT, "within": seconds < LARGE_LIMIT})  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = commands.Parser(description=__doc__)
    parser.add_argument(
        "--large", action="store_true", help="100 million weights alone; kept as a result"
    )
    parser.add_argument("--repeat", type=positive_int, default=20)
    parser.add_argument("--threads", type=positive_int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.large:
        began = measured.begin("projection")
        measured.write("projection", large(), began)
        return
    found = measure(args.repeat)
    for name, value in found.items():
        print(f"{name:35} {value * 1e3:8.2f} ms")
    update = found["update (Z and U)"] / STEPS_PER_UPDATE
    shares = {
        way: (found[way] + update) / found["training step of Z1"]
        for way in ("penalty and its backward", "add_gradients instead")
    }
    for way, share in shares.items():
        print(f"overhead with {way}, an update every {STEPS_PER_UPDATE} steps: {share:.1%}")
    slowest = max(value for name, value in found.items() if name.startswith("project"))
    of_sort = slowest / found[SORT]
    print(f"slowest projection: {of_sort:.0%} of a sort of its matrix")
    good = of_sort < LIMITS["projection"] and max(shares.values()) < LIMITS["overhead"]
    print(f"limits: {LIMITS['projection']:.0%}, {LIMITS['overhead']:.0%}:", end=" ")
    print("met" if good else "MISSED")
    if not good:
        sys.exit(1)


if __name__ == "__main__":
    commands.run(main)
