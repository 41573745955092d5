# SPDX-License-Identifier: Apache-2.0
"""Which rows are measured, and the order in which two processes measure them."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from csb_rnn.compiler import COMPILERS
from csb_rnn.experiments.bench import measure, models
from csb_rnn.experiments.bench.measure import Job, UnsupportedError
from csb_rnn.experiments.bench.models import MODELS, Benchmark, Shape
from csb_rnn.program.program import CompileError
from csb_rnn.system import processes

BLOCKS = (32, 64, 128)  # those of the paper's Fig. 12
ALIGNED, UNALIGNED = (4, 4), (1, 1)
QUICK = ("MT1", "SR4", "SC2")
CONFIGS = ("paper256", "paper512")
WIDE = "wide256"  # published models that their recurrence bounds run on it too
STREAMS = 4  # of the models that their recurrence bounds
BUILD_SECONDS = 600  # of one Verilator build; a configuration that takes longer is predicted
UNALIGNED_RATE = 12.0  # at block 32: the case of engine_study
Z3_WHOLE = ("MT1", "SR4", "SC2")
Z3_SAMPLES = 20
Z3_SECONDS = 1.0  # of one solver call

Row = dict[str, Any]
Notify = Callable[[str, int, int], None]  # (what is done, how many are, of how many)


@dataclasses.dataclass
class Results:
    """Rows as measured, with what is not a column of theirs under ``extra``."""

    efficiency: list[Row] = dataclasses.field(default_factory=list)
    latency: list[Row] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def chosen(quick: bool) -> list[Benchmark]:
    return [m for m in MODELS.values() if not quick or m.name in QUICK]


def layer_jobs(quick: bool) -> Iterator[tuple]:
    """Arguments of :func:`csb_rnn.experiments.bench.measure.layer_rows`, heavy ones first: the
    default compiler everywhere, the reference compiler on aligned patterns."""
    every = [(m, n) for m in chosen(quick) for n in range(len(m.layers))]
    every.sort(key=lambda job: -weights(job[0].layers[job[1]]))
    for m, n in every:
        for block in BLOCKS[: 1 if quick else None]:
            for compiler in COMPILERS:
                yield m, n, block, ALIGNED, measure.SHARING, None, compiler
        if not quick or m.name == QUICK[0]:
            yield m, n, 32, UNALIGNED, measure.SHARING, UNALIGNED_RATE
    for m in models.trained():
        for n in range(len(m.layers)):
            yield m, n, 32, ALIGNED, measure.SHARING, None


def paper_jobs(quick: bool) -> Iterator[tuple]:
    """Arguments of :func:`csb_rnn.experiments.bench.measure.paper_rows`."""
    for m in chosen(quick):
        whole = m.name in Z3_WHOLE
        for n in range(len(m.layers)):
            for block in BLOCKS[: 1 if quick else None]:
                samples = None if whole and not quick else Z3_SAMPLES
                yield m, n, block, ALIGNED, measure.SHARING, samples, Z3_SECONDS


def weights(shape: Shape) -> int:
    return shape.hidden * (shape.inputs + shape.outputs)


def bound_by_recurrence(row: Row) -> bool:
    return bool(row["extra"]["bound_by_recurrence"])


class _Progress:
    """Counts jobs as they end, in whatever order."""

    def __init__(self, notify: Notify) -> None:
        self.notify, self.total, self.done = notify, 0, 0

    def watch(self, futures: dict[Future, str]) -> dict[Future, str]:
        """Count these in; returns them."""
        self.total += len(futures)
        for f, name in futures.items():
            f.add_done_callback(functools.partial(self._ended, name))
        return futures

    def _ended(self, name: str, _: Future) -> None:
        self._step(name)

    def _step(self, name: str) -> None:
        self.done += 1
        self.notify(name, self.done, self.total)


def _quiet() -> None:
    import torch

    torch.set_num_threads(1)


def _tried(f: Future, results: Results) -> Any:
    """A job's result; None, with a note, for what this version does not do."""
    try:
        return f.result()
    except (UnsupportedError, CompileError) as error:
        results.note(" ".join(str(error).split()))
        return None


def run(
    quick: bool, rtl: list[str], notify: Notify, workers: int | None = None, z3: bool = True
) -> Results:
    """Measure everything.

    Args:
        quick: three models, one block size.
        rtl: configurations whose latency rows are to run on the RTL; the others are predicted.
        notify: called after each job.
        workers: processes.
        z3: solve the published machine's problems too.

    Raises:
        SimulationError, RuntimeError: the RTL does not compile or cannot be run.
        AssertionError: it contradicts the models.
    """
    results = Results()
    layers, solves = list(layer_jobs(quick)), list(paper_jobs(quick)) if z3 else []
    every = [*chosen(quick), *models.trained(), *([] if quick else models.comparisons())]
    single = [Job(m, name) for m in every for name in CONFIGS] + [Job(models.EDGE, "edge8")]
    progress = _Progress(notify)
    workers = workers or os.cpu_count() or 1
    with processes.pool(workers, _quiet) as p:
        builds = {p.submit(measure.rtl_build, name, BUILD_SECONDS): name for name in rtl}
        rows = progress.watch({p.submit(measure.layer_rows, *job): _title(*job) for job in layers})
        solved = progress.watch(
            {p.submit(measure.paper_rows, *job): _title(*job) + ", paper" for job in solves}
        )
        try:
            built = tuple(name for f, name in builds.items() if f.result() is not None)
            for f, name in builds.items():
                results.note(_about_build(name, f.result()))
            single = [dataclasses.replace(job, rtl=built) for job in single]
            timed = progress.watch({p.submit(measure.latency_row, j): _name(j) for j in single})
            more: dict[Future, str] = {}
            for f, job in zip(timed, single, strict=True):
                row = _tried(f, results)
                if row is None:
                    continue
                results.latency.append(row)
                for again in _again(job, row):
                    more[p.submit(measure.latency_row, again)] = _name(again)
            progress.watch(more)
            results.latency += [row for f in more if (row := _tried(f, results))]
            for f in (*rows, *solved):
                results.efficiency += _tried(f, results) or []
        except BaseException:
            p.shutdown(wait=False, cancel_futures=True)
            raise
    order = {name: i for i, name in enumerate(MODELS)}

    def place(r: Row) -> tuple[int, str]:
        """The published models in their order, the others behind the one of their shape."""
        return order.get(r["model"].split(" (")[0], -1), r["model"]

    results.efficiency.sort(key=lambda r: (place(r), r["layer"], r["block"]))
    results.latency.sort(key=lambda r: (r["pes"], r["config"] == WIDE, place(r), r["streams"]))
    return results


def _again(job: Job, row: Row) -> Iterator[Job]:
    """What a model that its recurrence bounds is measured by beside one stream."""
    if not bound_by_recurrence(row):
        return
    yield dataclasses.replace(job, streams=STREAMS)
    if job.config == CONFIGS[0] and job.model.name in MODELS:
        yield dataclasses.replace(job, config=WIDE)
        yield dataclasses.replace(job, config=WIDE, streams=STREAMS)


def _about_build(name: str, seconds: float | None) -> str:
    """The rule by which a row is not from the RTL, where it applies."""
    if seconds is None:
        return (
            f"{name}: its Verilator build takes more than {BUILD_SECONDS} s on this machine, so "
            "its rows are predicted (`timing`)"
        )
    return f"{name}: rows are from the RTL; Verilator build ready after {seconds:.0f} s"


def _title(m: Benchmark, n: int, block: int, *_: Any) -> str:
    return f"{m.name} layer {n}, block {block}"


def _name(job: Job) -> str:
    streams = f", {job.streams} streams" if job.streams > 1 else ""
    return f"{job.model.name} on {job.config}{streams}"


def simulated(quick: bool) -> list[str]:
    """Configurations that are to run on the RTL, slow builds first."""
    if quick:
        return ["paper256", "edge8"]
    return ["paper512", "paper512_sim", "paper256", "edge8", "paper256_sim", WIDE]
