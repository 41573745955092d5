#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: trained, pruned models on real data through the RTL, bit for bit, cycle for cycle.

Every sequence starts from a zero state, as in training. On WHOLE, every held-out sequence runs (of
a large split the first ones) and the task's accuracy is computed from what the RTL put out;
elsewhere the first SOME of them. Z7's decoder runs on the RTL too, one frame at a time, fed with
its own output; without a checkpoint of it the weights that its package ships are run, unpruned.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import numpy as np

from csb_rnn import commands, errors, flow, verify
from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing
from csb_rnn.experiments.reports import measured
from csb_rnn.flow import schema
from csb_rnn.machine import config
from csb_rnn.machine.folders import BUILD
from csb_rnn.machine.numerics import Ints, Saturations
from csb_rnn.models import quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.network.stacking import network_from_checkpoint
from csb_rnn.program.program import CompileError, Program
from csb_rnn.simulation import capacity
from csb_rnn.system import processes

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = ROOT / "checkpoints"
OUT = BUILD / "sim"
MODELS = ("z2_gru", "z6_lstm")
CONFIGS = ("paper256", "small")
WHOLE = "paper256"
MOST = 25_000  # frames on WHOLE
WORDS = 50  # sequences of Z7, each of which its decoder answers frame by frame
SOME = (20, 300)  # sequences and frames at least, where not everything runs
CALIBRATION = 50  # sequences of the validation split that set the number formats
CHUNK = 4096  # frames of one simulation at most: chunks keep both processes busy to the end
BATCH = 64  # sequences that the fixed model runs at once
WORKERS = 2


def expected(q: QNetwork, c: config.Config, xs: Sequence[Ints]) -> tuple[list[Ints], dict]:
    """Outputs [frames, outputs] of each sequence by the fixed model, and the last one's state
    [1, H]; sequences of like length run together, as independent streams."""
    model = FixedModel(q, c)
    order = sorted(range(len(xs)), key=lambda i: len(xs[i]))
    outputs: list[Ints] = [np.empty(0)] * len(xs)
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        padded = np.zeros((len(chosen), max(len(xs[i]) for i in chosen), q.inputs), np.int64)
        for row, i in enumerate(chosen):
            padded[row, : len(xs[i])] = xs[i]
        y, _ = model.run(padded)
        for row, i in enumerate(chosen):
            outputs[i] = y[row, : len(xs[i])]
    return outputs, model.run(xs[-1][None])[1]


def work(
    p: Program,
    q: QNetwork,
    xs: Sequence[Ints],
    predicted: np.ndarray,
    folder: Path,
    sim: str,
    waves: Path | None,
) -> verify.Comparison:
    """One simulation, in a process of its own; its files stay in ``folder``."""
    want, state = expected(q, p.config, xs)
    shutil.rmtree(folder, ignore_errors=True)
    found = verify.compare(
        p,
        xs,
        np.concatenate(want),
        state,
        predicted,
        folder,
        network=q,
        sim=sim,
        waves=waves is not None,
        count_last=True,
    )
    for file in list(folder.rglob("*.fst"))[:1] if waves else []:
        shutil.copyfile(file, waves)
    return found


@dataclasses.dataclass
class Case:
    """One row of the table."""

    model: str
    checkpoint: Checkpoint
    task: Any  # csb_rnn.experiments.tasks.Task
    part: flow.Part
    xs: list[Ints]
    saturated: int
    parts: list[Future]


def chunks(xs: Sequence[Ints], limit: int) -> list[list[Ints]]:
    """Consecutive sequences in groups of at most ``limit`` frames, one at least, of like size."""
    total = sum(len(x) for x in xs)
    goal = total / -(-total // limit)
    groups: list[list[Ints]] = [[]]
    for x in xs:
        size = sum(len(y) for y in groups[-1])
        if groups[-1] and (size >= goal or size + len(x) > limit):
            groups.append([])
        groups[-1].append(x)
    return groups


def choose(xs: Sequence[np.ndarray], sim: str, waves: bool, whole: bool) -> list[np.ndarray]:
    """The sequences that run: an event-driven simulator and waves ask for few."""
    if waves or sim == "icarus":
        return list(xs[:1])
    frames = np.cumsum([len(x) for x in xs])
    if whole:
        return list(xs[: max(1, int(np.searchsorted(frames, MOST, side="right")))])
    return list(xs[: max(SOME[0], int(np.searchsorted(frames, SOME[1])) + 1)])


def prepare(
    path: Path, names: Sequence[str], sim: str, waves: bool, every: bool = False
) -> list[Case]:
    """Data, formats, programs of one model; of ``every`` model where it fits."""
    from csb_rnn.experiments import tasks

    checkpoint = read_checkpoint(path)
    task = tasks.get(str(checkpoint.csb.get("task")))
    frames = task.frames(checkpoint, "test", WORDS if task.id == "Z7" else None)
    calibrate = np.concatenate(task.frames(checkpoint, "valid", CALIBRATION))
    cases = []
    for name in names:
        try:
            built = flow.build(path, name, calibrate=calibrate)
            flow.save(built, OUT / f"{path.stem}_{name}")
        except CompileError as error:
            if path.stem in MODELS and not every:  # what runs by default fits everywhere
                raise
            print(f"{path.stem} does not fit {name}: {error}")
            continue
        counts = Saturations()
        chosen = choose(frames, sim, waves, name == WHOLE)
        xs = [built.part.quantised.quantise_inputs(x, counts) for x in chosen]
        cases.append(Case(path.stem, checkpoint, task, built.part, xs, counts["input"], []))
    return cases


def start(case: Case, pool: ProcessPoolExecutor, sim: str, waves: bool) -> None:
    """Put a case's simulations in the queue."""
    p = case.part.compiled()
    longest = max(len(x) for x in case.xs)
    predicted = timing.predict(p, longest).last_out  # a shorter sequence is the begin of it
    limit = min(CHUNK, capacity.SIM_BEATS[sim] // max(p.in_beats, p.out_beats))
    capacity.check_size(p, longest, sim)
    file = OUT / f"{case.model}_{p.config.name}.fst" if waves else None
    for i, xs in enumerate(chunks(case.xs, limit)):
        folder = OUT / f"runs/{case.model}_{p.config.name}_{i}"
        job = (p, case.part.quantised, xs, predicted, folder, sim, file)
        case.parts.append(pool.submit(work, *job))


def pronounce(case: Case, y: Sequence[np.ndarray], sim: str) -> tuple[list[list[int]], int]:
    """Z7's decoder on the RTL, from the encoder's outputs ``[T, 256]``.

    Returns:
        Phonemes of each word, and how many values differed from the fixed model's.
    """
    from csb_rnn.experiments.tasks import z7_pronunciation
    from csb_rnn.experiments.tasks.base import linear_head
    from csb_rnn.simulation.simulator import Simulator

    decoder = z7_pronunciation.decoder_checkpoint(case.checkpoint)
    table = case.task.extra(case.checkpoint, "dec_embed.weight")
    c = case.part.compiled().config
    q = quantise.quantise(network_from_checkpoint(decoder), c, table)
    frames, model, wrong, spoken = q.quantise_inputs(table), FixedModel(q, c), 0, []
    with Simulator(compile_network(q, c), OUT / f"runs/{case.model}_decoder", sim=sim) as machine:
        for encoded in y:
            state = q.quantise_state({"h_l0": encoded[-1]})
            machine.start(state)
            last, word = z7_pronunciation.START, []
            for _ in range(z7_pronunciation.LONGEST):
                got = machine.step(frames[last])
                wrong += int((got != model.step(frames[last], state)).sum())
                last = int(linear_head(case.task, case.checkpoint, q.output_float(got)).argmax())
                if last == z7_pronunciation.STOP:
                    break
                word.append(last)
            wrong += sum(int((v != state[k]).sum()) for k, v in machine.stop().items())
            spoken.append(word)
    return spoken, wrong


def row(case: Case, sim: str) -> dict[str, Any]:
    """The summary's row of a case, when all its simulations are done."""
    total = verify.merge([part.result() for part in case.parts])
    p, q = case.part.compiled(), case.part.quantised
    if total.explanation:
        text = "\n".join([f"{case.model} on {p.config.name}:", *total.explanation])
        print(text, file=sys.stderr)
    result = verify.report(total, p, sim=sim, input_saturations=case.saturated)
    y = np.split(q.output_float(total.outputs), np.cumsum(total.lengths)[:-1])
    if case.task.id == "Z7":
        spoken, wrong = pronounce(case, y, sim)
        score = case.task.judge(spoken, "test")
        result["mismatches"] += wrong
    else:
        score = case.task.score(case.checkpoint, y, "test")
    floating = case.task.evaluate(case.checkpoint, "test", len(y))
    return {
        "model": case.model,
        "cell": case.checkpoint.cell,
        **result,
        "task": case.task.id,
        "task_metric": score.metric,
        "task_value": float(score.value),
        "task_value_float": float(floating.value),
        "task_items": int(score.items),
    }


def shipped(folder: Path) -> Path:
    """Z7 as its package ships it, dense, as a checkpoint file."""
    from csb_rnn.experiments.tasks import z7_pronunciation
    from csb_rnn.network.checkpoint_files import write_checkpoint
    from csb_rnn.network.state_dict import from_state_dict

    state = z7_pronunciation.LettersToPhonemes().checkpoint_state()
    file = folder / "z7_gru.npz"
    write_checkpoint(file, from_state_dict(state, "rnn", {"task": "Z7"}))
    return file


def find(model: str | None, every: bool) -> list[Path]:
    """Checkpoint files to run.

    Args:
        model: name of a file in checkpoints/, or of a task: the files that begin with it.
        every: all of them.

    Raises:
        UsageError: there is none of that name.
    """
    files = sorted(CHECKPOINTS.glob("*.npz"))
    if not any(f.stem.startswith("z7_") for f in files) and (every or model in ("z7", "z7_gru")):
        files.append(shipped(OUT))
    if every:
        return files
    names = MODELS if model is None else (model,)
    found = [f for f in files if f.stem in names or f.stem.split("_")[0] in names]
    if not found:
        known = ", ".join([*(f.stem for f in files), "z7"])
        raise errors.UsageError(f"unknown model '{model}': known are {known}")
    return found


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The one table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="trained models on the RTL")
    heads = ("model", "configuration", "frames", "mismatching\noutputs", "cycles/frame\nmeasured",
             "cycles/frame\npredicted", "frames not in\ntheir cycle", "kept\nweights",
             "MAC\nefficiency", "frame\nefficiency", "simulated\ncycles/s", "task result",
             "RTL", "float")  # fmt: skip
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i < 2 or i == 11 else "right", no_wrap=True)
    for r in rows:
        table.add_row(
            r["model"],
            r["config"],
            str(r["frames"]),
            str(r["mismatches"] + r["state_mismatches"]),
            f"{r['cycles_per_frame']:.2f}",
            f"{r['cycles_per_frame_predicted']:.2f}",
            str(r["cycle_mismatches"]),
            str(r["kept_weights"]),
            f"{r['mac_efficiency']:.3f}",
            f"{r['frame_efficiency']:.3f}",
            f"{r['cycles_per_second']:,.0f}",
            f"{r['task_metric']} of {r['task_items']}",
            f"{r['task_value']:.2f}",
            f"{r['task_value_float']:.2f}",
        )
    # A log has no width of its own: nothing is cut there.
    Console(width=None if sys.stdout.isatty() else 190).print(table)


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--sim", default="verilator", help=", ".join(capacity.SIM_BEATS))
    parser.add_argument("--config", help=f"default: {', '.join(CONFIGS)}")
    parser.add_argument(
        "--model", help=f"name in checkpoints/, or task (z1, ...); default: {', '.join(MODELS)}"
    )
    parser.add_argument("--all", action="store_true", help="every model there is")
    parser.add_argument("--waves", action="store_true", help="record one sequence as FST")
    parser.add_argument(
        "--results", action="store_true", help="keep the table as README's (docs/results/data)"
    )
    args = parser.parse_args()
    if args.sim not in capacity.SIM_BEATS:
        raise errors.UsageError(
            f"unknown simulator '{args.sim}': known are {', '.join(capacity.SIM_BEATS)}"
        )
    names = (args.config,) if args.config else CONFIGS
    for name in names:
        config.load(name)
    files = find(args.model, args.all)

    from csb_rnn.system.locks import locked

    with locked(OUT / "lock"):  # one at a time: all write the same folders
        return job(files, names, args.sim, args.waves, args.all, args.results)


def keep_or_compare(rows: list[dict[str, Any]], keep: bool) -> None:
    """Keep the rows as README's table, or say where README shows other figures."""
    if keep:
        wanted = [key for _, key in measured.SIM_COLUMNS]
        measured.write("sim", [{key: row[key] for key in wanted} for row in rows])
        return
    figures = ("frames", "cycles_per_frame", "kept_weights", "task_value")
    for line in measured.differences("sim", rows, figures):
        print(f"README's table is stale: {line}; {measured.COMMANDS['sim']} measures it again")


def job(
    files: Sequence[Path], names: Sequence[str], sim: str, waves: bool, every: bool, keep: bool
) -> int:
    """All models on all configurations; returns the exit code."""
    from csb_rnn.simulation.toolchain import SimulationError

    began = time.monotonic()
    cases: list[Case] = []
    with processes.pool(min(WORKERS, os.cpu_count() or 1)) as pool:
        for file in files:
            new = prepare(file, names, sim, waves, every)
            for case in new:
                start(case, pool, sim, waves)
            cases += new
        if not cases:
            raise errors.UsageError("no model fits any of these configurations")
        try:
            rows = [row(case, sim) for case in cases]
        except SimulationError as error:
            pool.shutdown(cancel_futures=True)
            print(f"error: {error}", file=sys.stderr)
            return commands.MISMATCH
    OUT.mkdir(parents=True, exist_ok=True)
    temporary = OUT / "summary.json.new"
    flow.write_json(temporary, rows, schema.SUMMARY)
    temporary.replace(OUT / "summary.json")
    show(rows)
    bad = [f"{r['model']} on {r['config']}" for r in rows if not verify.is_equal(r)]
    if not bad:
        keep_or_compare(rows, keep)
    print(
        f"{'DIFFERENT: ' + ', '.join(bad) if bad else 'all equal'}; "
        f"{(OUT / 'summary.json').relative_to(ROOT)} in {time.monotonic() - began:.0f} s"
    )
    return commands.MISMATCH if bad else commands.OK


if __name__ == "__main__":
    commands.run(main)
