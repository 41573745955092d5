# SPDX-License-Identifier: Apache-2.0
"""Rows of a whole model: the distance of its frames, predicted or run on the RTL."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import flow
from csb_rnn.execution import timing, trace
from csb_rnn.experiments import tasks
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.models import Benchmark
from csb_rnn.experiments.bench.on_rtl import on_rtl
from csb_rnn.experiments.bench.programs import build, fitted
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.network.network import Network
from csb_rnn.program.program import Program

FRAMES = 240  # of a run, all streams together: an interval over at least 200
CALIBRATION = 50  # frames of normal inputs, or sequences of a task, for the number formats
NORMAL, TASK = "normal inputs", "task"


@dataclasses.dataclass(frozen=True)
class Job:
    """A row of ``latency.json`` to be measured.

    Attributes:
        calibrated: inputs for the number formats: :data:`NORMAL`, drawn, or those of the
            :data:`TASK` of the model's training, as in ``make sim``.
        rtl: configurations whose simulation is built: a row on one of them runs on the RTL with
            Verilator, any other is predicted.
    """

    model: Benchmark
    config: str
    streams: int = 1
    block: int = 32
    align: tuple[int, int] = (4, 4)
    sharing: str | None = None  # those of the configuration
    frames: int = FRAMES
    calibrated: str = NORMAL
    rtl: tuple[str, ...] = ()


def whole(job: Job) -> tuple[Network, QNetwork, Program, float]:
    """Network, its integers, its program, and the processor seconds of the latter two.

    Raises:
        UnsupportedError, CompileError: as above.
    """
    m = job.model
    layers = [models.tensors(m, n, job.block, job.align) for n in range(len(m.layers))]
    network = build(m, layers, job.block)
    x = calibration(job, network.inputs)
    began = time.process_time()
    q = quantise.quantise(network, config.load(job.config), x)
    p, _ = fitted(q, job.config, job.sharing, job.streams, job.block)
    return network, q, p, time.process_time() - began


def calibration(job: Job, width: int) -> np.ndarray:
    """Float inputs [.., frames, width] for the number formats of a job."""
    if job.calibrated == NORMAL:
        return inputs(job, width)[:, :CALIBRATION]
    assert job.model.file is not None
    checkpoint = read_checkpoint(job.model.file)
    task = tasks.get(str(checkpoint.csb.get("task")))
    return np.concatenate(task.frames(checkpoint, "valid", CALIBRATION))


def inputs(job: Job, width: int) -> np.ndarray:
    """Float inputs [streams, frames, width] of a job."""
    shape = (job.streams, -(-job.frames // job.streams), width)
    if job.calibrated == TASK:
        return calibration(job, width)[: shape[0] * shape[1]].reshape(shape)
    rng = np.random.default_rng(models.SEED)
    return rng.normal(size=shape).clip(-4, 4).astype(np.float32)


def latency_row(job: Job, work: Path | None = None) -> dict[str, Any]:
    """A row of ``latency.json``; beside its columns the share of each cause of lost cycles, the
    idle latency piece by piece, whether the recurrence bounds it, speed of compiler and simulation.

    Raises:
        UnsupportedError, CompileError: it cannot be built.
        SimulationError: the simulation failed.
        AssertionError: the RTL differs from the models.
    """
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
    speed = None
    if on_machine:
        report = on_rtl(p, q, x, t.times.last_out, work)
        interval, idle = report["cycles_per_frame"], report["latency_idle"]
        typical = report["latency_steady"]
        speed = report["cycles_per_second"]
    loop = flow.recurrence_cycles(network, c)
    kept = network.kept_weights
    return {
        "model": job.model.name,
        "rate": job.model.rate(job.block),
        "config": c.name,
        "streams": job.streams,
        "kept_weights": kept,
        "pes": c.pes,
        "cycles_per_frame": interval,
        "latency_idle": idle,
        "latency_steady": typical,
        "bound_cycles": flow.bound_cycles(network, c, job.streams),
        "frame_efficiency": kept / (c.pes * interval),
        "source": "rtl" if on_machine else "timing",
        "calibrated": job.calibrated,
        "bound_by_recurrence": loop > kept / c.pes,
        "compile_seconds": round(seconds, 1),
        "simulated_cycles_per_second": speed and round(speed),
        "losses": {k["cause"]: round(k["share"], 6) for k in trace.losses(t).record()["causes"]},
        "idle": [[step["step"], step["cycles"]] for step in trace.idle_path(t)],
    }
