# SPDX-License-Identifier: Apache-2.0
"""One image: its run on the RTL and the results."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.errors import UsageError
from csb_rnn.execution import timing, trace
from csb_rnn.flow import schema
from csb_rnn.flow.files import npz, write_json
from csb_rnn.flow.record import Part
from csb_rnn.machine.numerics import Ints, Saturations
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.simulation.capacity import check_size, image_words
from csb_rnn.verify import loss
from csb_rnn.verify.comparison import STALLS, compare, report
from csb_rnn.verify.ran import Ran


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a run is made.

    Attributes:
        sim: ``verilator`` or ``icarus``.
        waves: record every signal.
        stall: who stalls at random, a key of :data:`STALLS`; cycles are not compared then.
        timeline: write who worked when and where cycles were lost, see
            :mod:`csb_rnn.execution.trace`.
    """

    sim: str = "verilator"
    waves: bool = False
    stall: str = "none"
    timeline: bool = False

    def __post_init__(self) -> None:
        """
        Raises:
            UsageError: an unknown stall or combination.
        """
        if self.stall not in STALLS:
            raise UsageError(f"unknown stall '{self.stall}': known are {', '.join(STALLS)}")
        if self.timeline and self.stall != "none":
            raise UsageError("a trace is of the machine that nobody stalls: not with --stall")


@dataclasses.dataclass(frozen=True)
class Run:
    """Outputs of the RTL.

    Attributes:
        outputs: float32, shaped as the inputs but as wide as the last layer.
        state: final states by torch's names, float32 ``[hidden]`` or ``[streams, hidden]``.
        report: as :data:`csb_rnn.flow.schema.REPORT` says.
        expected: the fixed model's outputs; of several parts, those of the last ones, from the
            inputs that they got.

    All floats are exact, so a run from the final state of another continues it bit for bit.
    """

    outputs: np.ndarray
    state: dict[str, np.ndarray]
    report: dict[str, Any]
    expected: np.ndarray


DIFFERENCES = "differences.txt"  # where the RTL first differs from the models


def interleave(x: np.ndarray) -> np.ndarray:
    """``[streams, frames, n]`` to ``[streams * frames, n]`` in the machine's order: frame after
    frame, one of each stream."""
    return np.swapaxes(x, 0, 1).reshape(-1, x.shape[-1])


def _inputs(x: ArrayLike, part: Part) -> tuple[Ints, int]:
    """Inputs as integers [streams, frames, inputs], and how many of them saturated.

    Raises:
        UsageError, QuantError: wrong shape, NaN or infinity.
    """
    x, streams, width = np.asarray(x), part.compiled().streams, part.quantised.inputs
    wanted = f"[frames, {width}]" if streams == 1 else f"[{streams}, frames, {width}]"
    if x.ndim != (2 if streams == 1 else 3) or x.shape[-1] != width or 0 in x.shape:
        raise UsageError(f"inputs have shape {list(x.shape)}, expected {wanted}")
    if streams > 1 and len(x) != streams:
        raise UsageError(f"inputs have shape {list(x.shape)}, expected {wanted}")
    counts = Saturations()
    ints = part.quantised.quantise_inputs(x, counts)
    return ints.reshape(streams, -1, width), counts["input"]


def _state(state: Mapping[str, ArrayLike] | None, part: Part) -> dict[str, Ints] | None:
    """Initial state as integers, key -> [streams, H].

    Raises:
        UsageError, QuantError: an unknown name, a wrong shape, NaN or infinity.
    """
    if state is None:
        return None
    streams = part.compiled().streams
    ints = part.quantised.quantise_state(state)
    for key, v in ints.items():
        if v.ndim == 2 and len(v) != streams:
            raise UsageError(f"state '{key}' has {len(v)} streams, the image has {streams}")
    return {k: np.broadcast_to(v, (streams, v.shape[-1])).copy() for k, v in ints.items()}


def run_part(
    part: Part,
    x: ArrayLike,
    state: Mapping[str, ArrayLike] | None,
    settings: Settings,
    folder: Path | None = None,
) -> Run:
    """Run one image on the RTL and compare with the fixed and the timing model.

    Args:
        part: the image.
        x: float inputs ``[frames, inputs]``, with several streams ``[streams, frames, inputs]``.
        state: initial state ``[hidden]`` or ``[streams, hidden]``, by the network's own names;
            absent states are zero. None: the model's own, or zero.
        folder: gets ``outputs.npy``, ``expected.npy``, ``state.npz``, ``report.json``, if anything
            differs ``differences.txt`` (where it does first), with ``waves`` also ``waves.fst``,
            with ``timeline`` ``trace.json`` and ``losses.json``.

    Raises:
        UsageError, QuantError: bad input; nothing is written.
        SimulationError: the simulation failed.
    """
    p, q = part.compiled(), part.quantised
    single, sim = p.streams == 1, settings.sim
    ints, saturated = _inputs(x, part)
    if state is None and part.initial:
        state = part.initial
    initial = _state(state, part)
    frames = interleave(ints)
    check_size(p, len(frames), sim)
    if len(part.data) // 4 > image_words(p.config, sim):
        raise UsageError(f"the image has {len(part.data) // 4} words, too many for {sim}")
    model = FixedModel(q, p.config)
    want, want_state = model.run(ints, initial)
    counts = model.saturations + Saturations(input=saturated)
    times = trace.timeline(p, len(frames)) if settings.timeline else None
    predicted = timing.predict(p, len(frames)) if times is None else times.times
    work = Path(tempfile.mkdtemp())  # stays if the simulation fails: its log is there
    try:
        comparison = compare(
            Ran(
                p,
                q,
                frames,
                [len(frames)],
                interleave(want),
                want_state,
                predicted.last_out,
                initial,
            ),
            work,
            sim=sim,
            waves=settings.waves,
            stall=settings.stall,
        )
    except KeyboardInterrupt:
        shutil.rmtree(work)
        raise
    result = report(
        comparison,
        p,
        sim=sim,
        stall=settings.stall,
        input_saturations=saturated,
        saturated=loss.by_place(counts),
    )
    y = comparison.outputs.reshape(-1, p.streams, p.outputs).swapaxes(0, 1)
    final = q.state_float(comparison.state)
    run = Run(
        q.output_float(y[0] if single else y),
        {k: v[0] if single else v for k, v in final.items()},
        result,
        q.output_float(want[0] if single else want),
    )
    if folder is not None:
        np.save(folder / "outputs.npy", run.outputs)
        np.save(folder / "expected.npy", run.expected)
        if comparison.explanation:
            text = [s for s in comparison.explanation if not s.startswith("files:")]
            (folder / DIFFERENCES).write_text("\n".join(text) + "\n")
        (folder / "state.npz").write_bytes(npz(run.state))
        write_json(folder / "report.json", result, schema.REPORT)
        if times is not None:
            (folder / "trace.json").write_text(json.dumps(trace.trace_events(times)) + "\n")
            write_json(folder / "losses.json", trace.losses(times).record(), schema.LOSSES)
        for wave in list(work.rglob("*.fst"))[:1] if settings.waves else []:
            shutil.copyfile(wave, folder / "waves.fst")
    shutil.rmtree(work)
    return run
