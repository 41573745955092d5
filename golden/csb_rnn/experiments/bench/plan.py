# SPDX-License-Identifier: Apache-2.0
"""The rows to measure, and their order for two processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from csb_rnn.compiler import COMPILERS
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.frames import TASK, Job
from csb_rnn.experiments.bench.models import MODELS, Benchmark, Shape
from csb_rnn.experiments.bench.tables import Row
from csb_rnn.machine.sharing_modes import PAPER_MODES

BLOCKS = (32, 64, 128)  # those of the paper's Fig. 12
ALIGNED, UNALIGNED = (4, 4), (1, 1)
QUICK = ("MT1", "SR4", "SC2")
CONFIGS = ("paper256", "paper512")
CALIBRATED = ("z2_gru", "z6_lstm")  # also measured in the formats of make sim, to run them
WIDE = "wide256"  # published models bound by their recurrence run on it too
STREAMS = 4  # of the models bound by their recurrence
UNALIGNED_RATE = 12.0  # at block 32: the case of engine_study
Z3_WHOLE = ("MT1", "SR4", "SC2")
Z3_SAMPLES = 20
Z3_SECONDS = 1.0  # of one solver call


def chosen(quick: bool) -> list[Benchmark]:
    return [m for m in MODELS.values() if not quick or m.name in QUICK]


def layer_jobs(quick: bool) -> Iterator[tuple]:
    """Arguments of :func:`csb_rnn.experiments.bench.layers.layer_rows`, heavy ones first: the
    default compiler everywhere, the reference compiler on aligned patterns."""
    every = [(m, n) for m in chosen(quick) for n in range(len(m.layers))]
    every.sort(key=lambda job: -weights(job[0].layers[job[1]]))
    for m, n in every:
        for block in BLOCKS[: 1 if quick else None]:
            for compiler in COMPILERS:
                yield m, n, block, ALIGNED, PAPER_MODES, None, compiler
        if not quick or m.name == QUICK[0]:
            yield m, n, 32, UNALIGNED, PAPER_MODES, UNALIGNED_RATE


def trained_jobs() -> Iterator[tuple]:
    """Arguments of :func:`csb_rnn.experiments.bench.layers.layer_rows` for shipped checkpoints."""
    for m in models.trained():
        for n in range(len(m.layers)):
            yield m, n, 32, ALIGNED, PAPER_MODES, None


def paper_jobs(quick: bool) -> Iterator[tuple]:
    """Arguments of :func:`csb_rnn.experiments.bench.layers.paper_rows`."""
    for m in chosen(quick):
        whole = m.name in Z3_WHOLE
        for n in range(len(m.layers)):
            for block in BLOCKS[: 1 if quick else None]:
                samples = None if whole else Z3_SAMPLES
                yield m, n, block, ALIGNED, PAPER_MODES, samples, Z3_SECONDS


def weights(shape: Shape) -> int:
    return shape.hidden * (shape.inputs + shape.outputs)


def frame_jobs(quick: bool) -> list[Job]:
    """Whole models measured in any case; :func:`again` gives the rows behind a result."""
    every = [*chosen(quick), *models.trained(), *([] if quick else models.comparisons())]
    jobs = [Job(m, name) for m in every for name in CONFIGS]
    trained = [m for m in models.trained() if m.file is not None and m.file.stem in CALIBRATED]
    jobs += [Job(m, name, calibrated=TASK) for m in trained for name in CONFIGS]
    return [*jobs, Job(models.EDGE, "edge8")]


def again(job: Job, row: Row) -> Iterator[Job]:
    """Further measurements of a model bound by its recurrence, beside one stream."""
    if not row["bound_by_recurrence"] or job.calibrated == TASK:
        return
    yield dataclasses.replace(job, streams=STREAMS)
    if job.config == CONFIGS[0] and job.model.name in MODELS:
        yield dataclasses.replace(job, config=WIDE)
        yield dataclasses.replace(job, config=WIDE, streams=STREAMS)


def simulated(quick: bool) -> list[str]:
    """Configurations for the RTL, slow builds first."""
    if quick:
        return ["paper256", "edge8"]
    return ["paper512", "paper512_sim", "paper256", "edge8", "paper256_sim", WIDE]
