# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a build: its float model, its fixed model and the RTL side by side on labelled data.

All three run the same sequences, under the same host parts. The RTL runs the first few of them; the
float and the fixed column are given over those as well, so columns of one line compare.

Example: 120 sequences with a label each. Float and fixed have 117 of them right, the RTL 2 of the
first 2, and the fixed model's outputs are within 3.1e-5 of the float ones.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from csb_rnn.errors import UsageError
from csb_rnn.flow.engines import fixed_engine, float_engine
from csb_rnn.flow.record import Build
from csb_rnn.machine.numerics import Saturations
from csb_rnn.network.onnx import hosting
from csb_rnn.verify.host_run import on_machine
from csb_rnn.verify.image_run import Run


@dataclasses.dataclass(frozen=True)
class Column:
    """Results of one engine over some sequences.

    Attributes:
        engine: ``float``, ``fixed`` or ``rtl``.
        sequences: so many.
        accuracy: share of labels equal to the largest output; None without labels.
        largest, percentile: largest and 99.9th percentile of the difference from the float model.
        reference: largest difference from the reference; None without one.
    """

    engine: str
    sequences: int
    accuracy: float | None
    largest: float
    percentile: float
    reference: float | None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What :func:`evaluate` found.

    Attributes:
        output: name of the judged output.
        shape: of it.
        labels: ``every frame``, ``last frame`` or ``none``.
        scale: largest value of the float model.
        columns: float and fixed over all sequences; then all three over those of the RTL.
        mismatches: values and cycles of the RTL other than the models'.
        saturations: inputs limited by their format, in the fixed model's run.
    """

    output: str
    shape: tuple[int, ...]
    labels: str
    scale: float
    columns: tuple[Column, ...]
    mismatches: int
    saturations: int

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self) | {"shape": list(self.shape)}


@dataclasses.dataclass(frozen=True)
class Truth:
    """Labels and reference of some sequences, and how many frames of each count.

    Attributes:
        labels: integers ``[sequences, ...]``, the class of every frame or of the last one; below
            zero: no label.
        reference: outputs as they should be.
        lengths: frames of each sequence; None: all.
    """

    labels: np.ndarray | None = None
    reference: np.ndarray | None = None
    lengths: np.ndarray | None = None

    def first(self, n: int, of: int) -> Truth:
        """The one of the first ``n`` of so many sequences."""
        cut = {
            f.name: v[:n] if v is not None and len(v) == of else v
            for f in dataclasses.fields(self)
            for v in [getattr(self, f.name)]
        }
        return Truth(**cut)

    def inside(self, y: np.ndarray) -> np.ndarray:
        """Whether a frame of ``y [sequences, frames, n]`` counts."""
        if self.lengths is None or y.ndim != 3:
            return np.ones(y.shape[:-1], bool)
        return np.arange(y.shape[1]) < self.lengths[:, None]

    def last_only(self, y: np.ndarray) -> bool:
        """Whether labels are of the last frame alone.

        Raises:
            UsageError: labels of another shape.
        """
        assert self.labels is not None
        if self.labels.shape == y.shape[:-1]:
            return False
        if y.ndim == 3 and self.labels.shape == y.shape[:1]:
            return True
        raise UsageError(
            f"labels have shape {list(self.labels.shape)}, the output {list(y.shape)}: expected "
            f"{list(y.shape[:-1])}" + (f", or {list(y.shape[:1])}: last frames" * (y.ndim == 3))
        )

    def accuracy(self, y: np.ndarray) -> float | None:
        """Share of labels equal to the largest value; of one value: whether it is above 1/2."""
        if self.labels is None:
            return None
        labels, inside = self.labels, self.inside(y)
        if self.last_only(y):
            ends = np.full(len(y), y.shape[1]) if self.lengths is None else self.lengths
            y, inside = y[np.arange(len(y)), ends - 1], np.ones(len(y), bool)
        guess = y.argmax(-1) if y.shape[-1] > 1 else y[..., 0] > 0.5
        counted = inside & (labels >= 0)
        return float((guess == labels)[counted].mean()) if counted.any() else None

    def error(self, y: np.ndarray) -> float | None:
        """Largest difference from the reference.

        Raises:
            UsageError: it has another shape.
        """
        if self.reference is None:
            return None
        if self.reference.shape != y.shape:
            raise UsageError(
                f"reference has shape {list(self.reference.shape)}, the output {list(y.shape)}"
            )
        return float(np.abs(y - self.reference)[self.inside(y)].max(initial=0.0))


def _runs(build: Build, inputs: object) -> tuple[list[Any], bool]:
    """Inputs of each run of the graph, and whether results are stacked: a file for one sequence at
    a time gets them one by one."""
    parts = build.host
    if parts is None:
        return [inputs], False
    feeds = parts.named(inputs)
    name = parts.source[0] if parts.source[0] in feeds else parts.inputs[0]
    extents = parts.extents(name)
    x = feeds[name]
    if extents is None or len({len(v) for v in feeds.values() if v.ndim}) != 1:
        return [feeds], False
    if x.ndim == len(extents) + 1:
        return [{k: v[i] for k, v in feeds.items()} for i in range(len(x))], True
    if x.ndim == len(extents) and extents[:1] == [1] and len(x) > 1:
        return [{k: v[i : i + 1] for k, v in feeds.items()} for i in range(len(x))], False
    return [feeds], False


def _outputs(
    build: Build, engine: hosting.Engine, runs: list[Any], stacked: bool, lengths: Any, name: str
) -> np.ndarray:
    """The judged output of all sequences."""
    found = []
    for one in runs:
        if build.host is not None:
            found.append(build.host.run(one, engine, build.options.streams)[0][name])
        elif lengths is not None:
            found.append(hosting.by_length(engine, one, {}, lengths, build.options.streams)[0])
        else:
            found.append(engine(one, {})[0])
    return np.stack(found) if stacked else np.concatenate(found)


def _column(kind: str, y: np.ndarray, floats: np.ndarray, truth: Truth) -> Column:
    error = np.abs(np.asarray(y, np.float64) - floats)[truth.inside(y)]
    return Column(
        kind,
        len(y),
        truth.accuracy(y),
        float(error.max(initial=0.0)),
        float(np.percentile(error, 99.9)) if error.size else 0.0,
        truth.error(y),
    )


def evaluate(
    build: Build,
    inputs: object,
    labels: Any = None,
    reference: Any = None,
    lengths: Any = None,
    output: str | None = None,
    rtl: int = 2,
    sim: str = "verilator",
) -> Evaluation:
    """Run float, fixed and RTL over the same sequences and compare.

    Args:
        build: from a source (a folder has no float model).
        inputs: ``[sequences, frames, inputs]``; with host parts the inputs of the file. A file for
            one sequence at a time gets them one by one.
        labels: integers, of the shape of the output without its last axis, or ``[sequences]`` of
            the last frames; below zero: no label.
        reference: the expected output.
        lengths: ``[sequences]`` frames of each, if they differ.
        output: name of the judged output of the file; the first if None.
        rtl: sequences for the RTL too.
        sim: simulator.

    Raises:
        UsageError, OnnxError, QuantError: inputs, labels or reference of a wrong shape.
        SimulationError: the simulation failed.
    """
    if build.host is None:
        x = np.asarray(inputs)
        x = x[None] if x.ndim == 2 else x
        if x.ndim != 3 or x.shape[-1] != build.inputs or 0 in x.shape:
            raise UsageError(
                f"inputs have shape {list(x.shape)}, expected [sequences, frames, {build.inputs}]"
            )
        inputs, name = x, "outputs"
    else:
        name = output or build.host.outputs[0]
        if lengths is not None:
            raise UsageError("lengths are an input of the file: give them with the others")
    known = [name] if build.host is None else build.host.outputs
    if (output or name) not in known:
        raise UsageError(f"no output '{output}': known are {', '.join(known)}")
    arrays = [None if a is None else np.asarray(a) for a in (labels, reference, lengths)]
    truth = Truth(*arrays)
    runs, stacked = _runs(build, inputs)
    counts: Saturations = Saturations()
    floats = _outputs(build, float_engine(build), runs, stacked, truth.lengths, name)
    kind = "none" if truth.labels is None else "every frame"
    if truth.labels is not None and truth.last_only(floats):
        kind = "last frame"
    fixed = _outputs(build, fixed_engine(build, None, counts), runs, stacked, truth.lengths, name)
    columns = [_column("float", floats, floats, truth), _column("fixed", fixed, floats, truth)]
    machine: list[Run] = []
    if rtl > 0:
        few = min(-(-rtl // build.options.streams) * build.options.streams, len(floats))
        part = truth.first(few, len(floats))
        y = _on_rtl(build, few, machine, sim, runs, stacked, part.lengths, name)
        for engine, values in (("float", floats), ("fixed", fixed), ("rtl", y)):
            columns.append(_column(engine, values[:few], floats[:few], part))
    wrong = ("mismatches", "state_mismatches", "cycle_mismatches")
    return Evaluation(
        name,
        floats.shape,
        kind,
        float(np.abs(floats).max(initial=0.0)),
        tuple(columns),
        sum(r.report[k] or 0 for r in machine for k in wrong),
        counts["input"],
    )


def _on_rtl(
    build: Build,
    few: int,
    machine: list[Run],
    sim: str,
    runs: list[Any],
    stacked: bool,
    lengths: np.ndarray | None,
    name: str,
) -> np.ndarray:
    """The judged output, of which the first few sequences are the RTL's."""
    on_rtl, fixed = on_machine(build, None, None, machine, sim=sim), fixed_engine(build)
    if build.host is None:
        return _outputs(build, on_rtl, [one[:few] for one in runs], stacked, lengths, name)
    if build.host.lengths:  # sorted by length
        return _outputs(build, on_rtl, runs, stacked, lengths, name)
    left = few

    def engine(x: np.ndarray, given: dict[str, np.ndarray]) -> Any:
        nonlocal left
        y, final = fixed(x, given)
        n, left = min(left, len(x)), max(0, left - len(x))
        if n > 0:
            y = np.array(y)
            y[:n], end = on_rtl(x[:n], {k: v[:n] for k, v in given.items()})
            final = {k: np.concatenate([end[k], np.asarray(v)[n:]]) for k, v in final.items()}
        return y, final

    return _outputs(build, engine, runs, stacked, lengths, name)
