# SPDX-License-Identifier: Apache-2.0
"""One row of a table: compile and count, or predict, or run on the RTL."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import flow, verify
from csb_rnn.compiler import compile_network, reference
from csb_rnn.errors import CsbError
from csb_rnn.execution import timing, trace
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.models import Benchmark
from csb_rnn.machine import config
from csb_rnn.machine.config import SHARING, Config
from csb_rnn.machine.folders import ROOT
from csb_rnn.models import quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.checkpoint import CheckpointError
from csb_rnn.network.network import Network, NetworkError
from csb_rnn.program.program import CompileError, Program

CONFIG = "paper256"  # of the efficiency table
PAPER = "paper"  # in place of a compiler: the published machine and its compiler, analysed
FRAMES = 240  # of a run, all streams together: an interval over at least 200
CALIBRATION = 50


class UnsupportedError(CsbError, ValueError):
    """This version cannot measure a row: the cell is not built yet, or a mode is not."""


def shared(c: Config, sharing: str | None) -> Config:
    """The configuration with exactly the paths of a sharing mode built in; itself for None."""
    if sharing is None:
        return c
    h, v = (int(sharing in (one, "both")) for one in ("horizontal", "vertical"))
    return dataclasses.replace(c, share_h=h, share_v=v)


def build(model: Benchmark, layers: list[dict[str, np.ndarray]], block: int) -> Network:
    """The network of pruned matrices.

    Raises:
        UnsupportedError: its cell is not built yet.
    """
    try:
        return models.network(model.cell, layers, block)
    except (CheckpointError, NetworkError) as error:
        raise UnsupportedError(f"{model.name}: {error}") from None


def fitted(
    q: QNetwork,
    name: str,
    sharing: str | None,
    streams: int = 1,
    block: int = 32,
    compiler: str = "default",
) -> tuple[Program, str]:
    """The program on a named configuration, or on the one with larger memories (``NAME_sim``) if it
    does not fit; and the name of the one that was used.

    Raises:
        CompileError: it fits neither.
    """

    def compiled(c: Config) -> Program:
        return compile_network(q, shared(c, sharing), streams, sharing, block, compiler)

    try:
        return compiled(config.load(name)), name
    except CompileError:
        larger = f"{name}_sim"
        if larger not in config.names(sim_only=True):
            raise
        return compiled(config.load(larger)), larger


def busy_share(p: Program) -> float:
    """Busy-PE utilisation: share of the issue cycles in which a PEGroup does useful work."""
    work = sum(int(g.ctl["work"].sum()) for g in p.groups)
    return work / (len(p.groups) * max(1, flow.issue_cycles(p)))


def layer_rows(
    model: Benchmark,
    n: int,
    block: int,
    align: tuple[int, int],
    sharings: Sequence[str] = SHARING,
    rate: float | None = None,
    compiler: str = "default",
) -> list[dict[str, Any]]:
    """MAC efficiency of layer ``n``, its matrices back to back, on ``paper256``: rows of
    ``efficiency.json``, and what goes with each under ``extra``.

    Args:
        compiler: one of :data:`csb_rnn.compiler.COMPILERS`.

    Raises:
        UnsupportedError: the cell is not built yet.
    """
    layer = models.tensors(model, n, block, align, rate)
    kept = models.kept([layer])
    q = quantise.quantise(build(model, [layer], block), config.load(CONFIG))
    rows = []
    for sharing in sharings:
        began = time.perf_counter()
        p, used = fitted(q, CONFIG, sharing, block=block, compiler=compiler)
        cycles = flow.issue_cycles(p)
        row = {
            "model": model.name,
            "layer": n,
            "block": block,
            "rate": rate or model.rate(block),
            "pattern": pattern(model, align),
            "sharing": sharing,
            "compiler": compiler,
            "config": used,
            "kept_weights": kept,
            "pes": p.config.pes,
            "cycles": cycles,
            "bound_cycles": int(p.bound_words),
            "mac_efficiency": kept / (p.config.pes * cycles),
            "source": "timing",
        }
        seconds = time.perf_counter() - began
        extra = {"busy_pe_utilisation": busy_share(p), "compile_seconds": seconds}
        rows.append({**row, "extra": extra})
    return rows


def paper_rows(
    model: Benchmark,
    n: int,
    block: int,
    align: tuple[int, int],
    sharings: Sequence[str],
    samples: int | None,
    seconds: float,
) -> list[dict[str, Any]]:
    """Rows of ``efficiency.json`` for the published machine and its compiler, analysed; cycles and
    weights are those of the sampled block iterations where not all are solved.

    Args:
        samples, seconds: see :func:`csb_rnn.compiler.reference.search`.
    """
    c = config.load(CONFIG)
    layer = models.tensors(model, n, block, align)
    matrices = [w for name, w in layer.items() if name.startswith("weight")]
    rows = []
    for sharing in sharings:
        began = time.perf_counter()
        r = reference.search(matrices, block, c, sharing, seconds, samples, models.SEED)
        row = {
            "model": model.name,
            "layer": n,
            "block": block,
            "rate": model.rate(block),
            "pattern": pattern(model, align),
            "sharing": sharing,
            "compiler": PAPER,
            "config": CONFIG,
            "kept_weights": r.kept,
            "pes": c.pes,
            "cycles": r.cycles,
            "bound_cycles": r.bound_cycles,
            "mac_efficiency": r.mac_efficiency(c),
            "source": "timing",
        }
        extra = {
            "busy_pe_utilisation": r.busy,
            "compile_seconds": time.perf_counter() - began,
            "sets": r.sets,
            "of": r.of,
            "timeouts": r.timeouts,
            "seconds_each": seconds,
        }
        rows.append({**row, "extra": extra})
    return rows


def pattern(model: Benchmark, align: tuple[int, int]) -> str:
    """What a row says of its weights' pattern."""
    if model.file is not None:
        return "trained"
    return "aligned" if max(align) > 1 else "unaligned"


# --- whole models -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Job:
    """A row of ``latency.json`` to be measured.

    Attributes:
        rtl: configurations whose simulation is built: a row on one of them runs on the RTL with
            Verilator, any other is predicted.
    """

    model: Benchmark
    config: str
    streams: int = 1
    block: int = 32
    align: tuple[int, int] = (4, 4)
    sharing: str | None = None  # what the configuration has
    frames: int = FRAMES
    rtl: tuple[str, ...] = ()


def whole(job: Job) -> tuple[Network, QNetwork, Program, float]:
    """Network, its integers, its program, and the seconds of processor that the latter two took.

    Raises:
        UnsupportedError, CompileError: as above.
    """
    m = job.model
    layers = [models.tensors(m, n, job.block, job.align) for n in range(len(m.layers))]
    network = build(m, layers, job.block)
    x = inputs(job, network.inputs)[:, :CALIBRATION]
    began = time.process_time()
    q = quantise.quantise(network, config.load(job.config), x)
    p, _ = fitted(q, job.config, job.sharing, job.streams, job.block)
    return network, q, p, time.process_time() - began


def inputs(job: Job, width: int) -> np.ndarray:
    """Float inputs [streams, frames, width] of a job."""
    rng = np.random.default_rng(models.SEED)
    shape = (job.streams, -(-job.frames // job.streams), width)
    return rng.normal(size=shape).clip(-4, 4).astype(np.float32)


def latency_row(job: Job, work: Path | None = None) -> dict[str, Any]:
    """A row of ``latency.json``, with what goes with it under ``extra``: lost cycles by cause, the
    bound by recurrence, the idle latency piece by piece, seconds.

    Raises:
        UnsupportedError, CompileError: it cannot be built.
        SimulationError: the simulation failed.
        AssertionError: the RTL does not do what the models say.
    """
    began = time.perf_counter()
    network, q, p, seconds = whole(job)
    c = p.config
    on_machine = c.name in job.rtl
    x = q.quantise_inputs(inputs(job, network.inputs))
    frames = x.shape[0] * x.shape[1]
    t = trace.timeline(p, frames)
    interval = timing.interval(t.times.last_out)
    first = trace.first_beats(t)
    steady = flow.steady_frames([frames])
    idle = int(t.times.last_out[0])
    typical = float(np.median((t.times.last_out - first)[steady]))
    extra: dict[str, Any] = {"compile_seconds": seconds}
    if on_machine:
        report = on_rtl(p, q, x, t.times.last_out, work)
        interval, idle = report["cycles_per_frame"], report["latency_idle"]
        typical = report["latency_steady"]
        extra["simulated_cycles_per_second"] = report["cycles_per_second"]
        extra["busy_pe_utilisation"] = report["busy_pe_utilisation"]
    loop = flow.recurrence_cycles(network, c)
    kept = network.kept_weights
    row = {
        "model": job.model.name,
        "rate": job.model.rate(job.block),
        "config": c.name,
        "streams": job.streams,
        "kept_weights": kept,
        "pes": c.pes,
        "cycles_per_frame": interval,
        "latency_idle": idle,
        "latency_steady": typical,
        "bound_cycles": max(kept / c.pes, loop / job.streams),
        "frame_efficiency": kept / (c.pes * interval),
        "source": "rtl" if on_machine else "timing",
    }
    extra |= {
        "losses": trace.losses(t).record(),
        "recurrence_cycles": loop,
        "bound_by_recurrence": loop > kept / c.pes,
        "idle": trace.idle_path(t),
        "pattern": pattern(job.model, job.align),
        "sharing": c.choose_sharing(job.sharing),
        "issue_cycles": flow.issue_cycles(p),
        "seconds": time.perf_counter() - began,
    }
    return {**row, "extra": extra}


def rtl_build(name: str, limit: float) -> float | None:
    """Compile the simulation of a configuration, if it is not there.

    Args:
        limit: seconds it may take.

    Returns:
        The seconds it took; None if they were over, and nothing is built.

    Raises:
        RuntimeError: it does not compile.
    """
    code = "from csb_rnn.machine import config; from csb_rnn.simulation import simulate; "
    code += f"simulate.build(config.load({name!r}), 'verilator')"
    began = time.perf_counter()
    # A process group of its own: make and the compilers end with it.
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as build:
        try:
            _, said = build.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(build.pid, signal.SIGKILL)
            return None
    if build.returncode:
        raise RuntimeError(f"{name}: {said[-2000:]}")
    return time.perf_counter() - began


def on_rtl(
    p: Program, q: QNetwork, x: np.ndarray, predicted: np.ndarray, work: Path | None
) -> dict[str, Any]:
    """Run on the RTL with Verilator; every bit and every cycle must be that of the models.

    Returns:
        The report of :mod:`csb_rnn.flow`.
    """
    want, state = FixedModel(q, p.config).run(x)
    with tempfile.TemporaryDirectory() as scratch:
        found = verify.compare(
            p,
            [verify.interleave(x)],
            verify.interleave(want),
            state,
            predicted,
            work or Path(scratch),
            network=q,
        )
    report = verify.report(found, p, sim="verilator")
    if not verify.is_equal(report):
        wrong = ("mismatches", "state_mismatches", "cycle_mismatches", "stuck", "error")
        counts = ", ".join(f"{k} {report[k]}" for k in wrong)
        kept = [s for s in found.explanation if work or not s.startswith("files:")]
        raise AssertionError("\n".join([counts, *kept]))
    return report
