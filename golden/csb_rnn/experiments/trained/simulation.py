# SPDX-License-Identifier: Apache-2.0
"""The simulations of a case, in processes of their own, and their row.

Z7's decoder runs on the RTL too, one frame at a time, fed with its own output.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import verify
from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing
from csb_rnn.experiments.trained.cases import OUT, Case
from csb_rnn.machine import config
from csb_rnn.machine.numerics import Ints, Saturations
from csb_rnn.models import directions, quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.stacking import network_from_checkpoint
from csb_rnn.program.program import Program
from csb_rnn.simulation import capacity
from csb_rnn.verify import loss

CHUNK = 4096  # frames of one simulation at most: chunks keep both processes busy to the end
BATCH = 64  # sequences of the fixed model at once


def together(
    xs: Sequence[np.ndarray],
    run: Callable[[np.ndarray, Any], tuple[np.ndarray, Mapping[str, np.ndarray]]],
) -> list[np.ndarray]:
    """Outputs of each sequence; sequences of like length run side by side.

    A sequence leaves when its frames are over, so ``run`` never sees a frame that is none.

    Args:
        xs: inputs ``[frames, inputs]`` of each.
        run: outputs and final states of ``[sequences, frames, inputs]`` from states (None: zero).
    """
    order = sorted(range(len(xs)), key=lambda i: len(xs[i]))
    found: list[list[np.ndarray]] = [[] for _ in xs]
    for start in range(0, len(order), BATCH):
        chosen, at, state = order[start : start + BATCH], 0, None
        while chosen:
            end = len(xs[chosen[0]])
            y, final = run(np.stack([xs[i][at:end] for i in chosen]), state)
            for row, i in enumerate(chosen):
                found[i].append(y[row])
            on = [row for row, i in enumerate(chosen) if len(xs[i]) > end]
            state = {k: v[on] for k, v in final.items()}
            chosen, at = [chosen[row] for row in on], end
    return [np.concatenate(parts) for parts in found]


def expected(
    q: QNetwork, c: config.Config, xs: Sequence[Ints]
) -> tuple[list[Ints], dict[str, Ints], Saturations]:
    """Outputs [frames, outputs] of each sequence by the fixed model, the last one's state [1, H],
    and how often each named point saturated."""
    model = FixedModel(q, c)
    outputs = together(xs, model.run)
    return outputs, FixedModel(q, c).run(xs[-1][None])[1], model.saturations


def work(
    p: Program,
    q: QNetwork,
    xs: Sequence[Ints],
    predicted: np.ndarray,
    folder: Path,
    sim: str,
    waves: Path | None,
) -> tuple[verify.Comparison, Saturations]:
    """One simulation, in a process of its own; its files stay in ``folder``. Saturations are the
    fixed model's."""
    want, state, counts = expected(q, p.config, xs)
    shutil.rmtree(folder, ignore_errors=True)
    found = verify.compare(
        verify.Ran(
            p, q, np.concatenate(xs), [len(x) for x in xs], np.concatenate(want), state, predicted
        ),
        folder,
        sim=sim,
        waves=waves is not None,
        count_last=True,
    )
    if waves is not None:
        for file in list(folder.rglob("*.fst"))[:1]:
            shutil.copyfile(file, waves)
    return found, counts


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


def source(case: Case) -> list[np.ndarray]:
    """Outputs ``[frames, outputs]`` of each sequence by the float model, equal to its source."""
    model = case.built.model
    assert model is not None, "a build that was read from a folder has no float model"
    return together(case.floats, lambda x, state: directions.run(model, x, state))


def row(case: Case, sim: str) -> dict[str, Any]:
    """The summary's row of a case, when all its simulations are done."""
    done = [part.result() for part in case.parts]
    total = verify.merge([found for found, _ in done])
    counts = sum((c for _, c in done), Saturations(input=case.saturated))
    p, q = case.part.compiled(), case.part.quantised
    if total.explanation:
        text = "\n".join([f"{case.model} on {p.config.name}:", *total.explanation])
        print(text, file=sys.stderr)
    result = verify.report(
        total, p, sim=sim, input_saturations=case.saturated, saturated=loss.by_place(counts)
    )
    y = np.split(q.output_float(total.outputs), np.cumsum(total.lengths)[:-1])
    result["accuracy"] = loss.difference(
        np.concatenate(y), np.concatenate(source(case)), loss.reference_of(case.built)
    )
    result["warning"] = loss.warning(result, [q])
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
