# SPDX-License-Identifier: Apache-2.0
"""Measures the parts of the benchmark in a few processes."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

from csb_rnn.experiments.bench import frames, layers, plan
from csb_rnn.experiments.bench.frames import Job
from csb_rnn.experiments.bench.models import Benchmark
from csb_rnn.experiments.bench.on_rtl import rtl_build
from csb_rnn.experiments.bench.programs import UnsupportedError
from csb_rnn.experiments.bench.results import PARTS, Results, place
from csb_rnn.program.program import CompileError
from csb_rnn.system import processes

Notify = Callable[[str, int, int], None]  # (name of the step, how many are done, of how many)
Keep = Callable[[Results, str], None]  # a part is whole
BUILD_SECONDS = 600  # of one Verilator build; a slower configuration is predicted


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
    """A job's result; None, with a note, for jobs beyond this version."""
    try:
        return f.result()
    except (UnsupportedError, CompileError) as error:
        results.note(" ".join(str(error).split()))
        return None


class Runner:
    """Measures parts in a pool of processes.

    Args:
        pool: of processes.
        quick: three models, one block size.
        rtl: configurations whose frames are to run on the RTL; the others are predicted.
        notify: called after each job.
        build_seconds: limit of one Verilator build.
    """

    def __init__(
        self,
        pool: ProcessPoolExecutor,
        quick: bool,
        rtl: Sequence[str],
        notify: Notify,
        build_seconds: float = BUILD_SECONDS,
    ) -> None:
        self.pool, self.quick, self.rtl = pool, quick, rtl
        self.progress, self.build_seconds = _Progress(notify), build_seconds
        self.results = Results()

    def layers(self) -> None:
        """Rows of the part ``layers``."""
        self.results.layers = self._layer_rows(layers.layer_rows, plan.layer_jobs(self.quick), "")

    def trained(self) -> None:
        """Rows of the part ``trained``."""
        self.results.trained = self._layer_rows(layers.layer_rows, plan.trained_jobs(), "")

    def paper(self) -> None:
        """Rows of the part ``paper``."""
        jobs = plan.paper_jobs(self.quick)
        self.results.paper = self._layer_rows(layers.paper_rows, jobs, ", paper")

    def frames(self) -> None:
        """Rows of the part ``frames``."""
        built = self._build()
        single = [dataclasses.replace(job, rtl=built) for job in plan.frame_jobs(self.quick)]
        timed = {self.pool.submit(frames.latency_row, job): _name(job) for job in single}
        self.progress.watch(timed)
        rows, more = [], {}
        for f, job in zip(timed, single, strict=True):
            row = _tried(f, self.results)
            if row is None:
                continue
            rows.append(row)
            for again in plan.again(job, row):
                more[self.pool.submit(frames.latency_row, again)] = _name(again)
        self.progress.watch(more)
        rows += [row for f in more if (row := _tried(f, self.results))]
        rows.sort(key=lambda r: (r["pes"], r["config"] == plan.WIDE, place(r), r["streams"]))
        self.results.frames = rows

    def _layer_rows(self, function: Callable[..., Any], jobs: Iterable[tuple], end: str) -> list:
        futures = {self.pool.submit(function, *job): _title(*job) + end for job in jobs}
        self.progress.watch(futures)
        rows = [row for f in futures for row in _tried(f, self.results) or []]
        return sorted(rows, key=lambda r: (place(r), r["layer"], r["block"]))

    def _build(self) -> tuple[str, ...]:
        """Build the simulations; returns the finished ones."""
        builds = {self.pool.submit(rtl_build, name, self.build_seconds): name for name in self.rtl}
        built = tuple(name for f, name in builds.items() if f.result())
        for name in self.rtl:
            self.results.note(_about_build(name, name in built, self.build_seconds))
        return built


def run(
    quick: bool,
    rtl: Sequence[str],
    notify: Notify,
    workers: int | None = None,
    parts: Collection[str] = tuple(PARTS),
    keep: Keep = lambda results, part: None,
    build_seconds: float = BUILD_SECONDS,
) -> Results:
    """Measure parts of the benchmark, one after the other.

    Args:
        quick, rtl, notify, build_seconds: see :class:`Runner`.
        workers: processes.
        parts: names of :data:`csb_rnn.experiments.bench.results.PARTS`.
        keep: called with each whole part.

    Raises:
        SimulationError, RuntimeError: the RTL does not compile or cannot be run.
        AssertionError: it contradicts the models.
    """
    with processes.pool(workers or os.cpu_count() or 1, _quiet) as pool:
        runner = Runner(pool, quick, rtl, notify, build_seconds)
        try:
            for part in (part for part in PARTS if part in parts):
                getattr(runner, part)()
                keep(runner.results, part)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return runner.results


def _about_build(name: str, built: bool, limit: float) -> str:
    """The rule against a row from the RTL, where it applies."""
    if built:
        return f"{name}: rows are from the RTL"
    return (
        f"{name}: its Verilator build took more than {limit:.0f} s, so its rows are predicted "
        "(`timing`)"
    )


def _title(m: Benchmark, n: int, block: int, *_: Any) -> str:
    return f"{m.name} layer {n}, block {block}"


def _name(job: Job) -> str:
    streams = f", {job.streams} streams" if job.streams > 1 else ""
    formats = f", formats by {job.calibrated}" if job.calibrated != frames.NORMAL else ""
    return f"{job.model.name} on {job.config}{streams}{formats}"
