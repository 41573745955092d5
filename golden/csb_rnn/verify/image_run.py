# SPDX-License-Identifier: Apache-2.0
"""From an image folder to a run on the RTL and its results."""

from __future__ import annotations

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
from csb_rnn.flow.building import Image, load_image
from csb_rnn.flow.files import check_out, staged, write_json
from csb_rnn.machine.numerics import Ints, Saturations
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.verify.comparison import STALLS, check_size, compare, image_words, report


def interleave(x: np.ndarray) -> np.ndarray:
    """``[streams, frames, n]`` to ``[streams * frames, n]`` in the machine's order: frame after
    frame, one of each stream."""
    return np.swapaxes(x, 0, 1).reshape(-1, x.shape[-1])


def _inputs(x: ArrayLike, img: Image) -> tuple[Ints, int]:
    """Inputs as integers [streams, frames, inputs], and how many of them saturated.

    Raises:
        UsageError, QuantError: wrong shape, NaN or infinity.
    """
    x, streams, width = np.asarray(x), img.program.streams, img.network.inputs
    wanted = f"[frames, {width}]" if streams == 1 else f"[{streams}, frames, {width}]"
    if x.ndim != (2 if streams == 1 else 3) or x.shape[-1] != width or 0 in x.shape:
        raise UsageError(f"inputs have shape {list(x.shape)}, expected {wanted}")
    if streams > 1 and len(x) != streams:
        raise UsageError(f"inputs have shape {list(x.shape)}, expected {wanted}")
    counts = Saturations()
    ints = img.network.quantise_inputs(x, counts)
    return ints.reshape(streams, -1, width), counts["input"]


def _state(state: Mapping[str, ArrayLike] | None, img: Image) -> dict[str, Ints] | None:
    """Initial state as integers, key -> [streams, H].

    Raises:
        UsageError, QuantError: an unknown name, a wrong shape, NaN or infinity.
    """
    if state is None:
        return None
    streams = img.program.streams
    ints = img.network.quantise_state(state)
    for key, v in ints.items():
        if v.ndim == 2 and len(v) != streams:
            raise UsageError(f"state '{key}' has {len(v)} streams, the image has {streams}")
    return {k: np.broadcast_to(v, (streams, v.shape[-1])).copy() for k, v in ints.items()}


def run(
    image_dir: str | Path,
    x: ArrayLike,
    state: Mapping[str, ArrayLike] | None = None,
    out: str | Path | None = None,
    *,
    sim: str = "verilator",
    waves: bool = False,
    stall: str = "none",
    timeline: bool = False,
) -> dict[str, Any]:
    """Run an image folder on the RTL and compare with the fixed and the timing model.

    Writes ``outputs.npy`` (float32, shaped as ``x`` but as wide as the last layer), ``state.npz``
    (final state, torch's keys, float32 ``[hidden]`` or ``[streams, hidden]``), ``report.json``,
    with ``waves`` also ``waves.fst``, with ``timeline`` ``trace.json`` and ``losses.json``. All
    floats are exact, so a run that starts from the ``state.npz`` of another continues it bit for
    bit.

    Args:
        image_dir: from :func:`build_image`.
        x: float inputs ``[frames, inputs]``, with several streams ``[streams, frames, inputs]``.
        state: initial state ``[hidden]`` or ``[streams, hidden]``; absent states are zero. None:
            the one that came with the model, or zero.
        out: folder for the results; None writes nothing.
        sim: ``verilator`` or ``icarus``.
        waves: record every signal.
        stall: who stalls at random, a key of :data:`STALLS`; cycles are not compared then.
        timeline: write who worked when and where cycles were lost, see
            :mod:`csb_rnn.execution.trace`.

    Returns:
        The report.

    Raises:
        UsageError, StoreError, QuantError: bad input; nothing is written.
        SimulationError: the simulation failed.
    """
    if stall not in STALLS:
        raise UsageError(f"unknown stall '{stall}': known are {', '.join(STALLS)}")
    if timeline and stall != "none":
        raise UsageError("a trace is of the machine that nobody stalls: not with --stall")
    if out is not None:
        check_out(Path(out))
    img = load_image(image_dir)
    p, q = img.program, img.network
    single = p.streams == 1
    ints, saturated = _inputs(x, img)
    if state is None:
        state = img.initial
    initial = _state(state, img)
    frames = interleave(ints)
    check_size(p, len(frames), sim)
    if len(img.data) // 4 > image_words(p.config, sim):
        raise UsageError(f"the image has {len(img.data) // 4} words, too many for {sim}")
    want, want_state = FixedModel(q, p.config).run(ints, initial)
    times = trace.timeline(p, len(frames)) if timeline else None
    predicted = timing.predict(p, len(frames)) if times is None else times.times
    work = Path(tempfile.mkdtemp())  # stays if the simulation fails: its log is there
    try:
        comparison = compare(
            p,
            [frames],
            interleave(want),
            want_state,
            predicted.last_out,
            work,
            sim=sim,
            state=initial,
            waves=waves,
            stall=stall,
        )
    except KeyboardInterrupt:
        shutil.rmtree(work)
        raise
    result = report(comparison, p, sim=sim, stall=stall, input_saturations=saturated)
    if out is not None:
        y = comparison.outputs.reshape(-1, p.streams, p.outputs).swapaxes(0, 1)
        final = q.state_float(comparison.state)
        with staged(Path(out), "report.json") as folder:
            np.save(folder / "outputs.npy", q.output_float(y[0] if single else y))
            np.savez(folder / "state.npz", **{k: v[0] if single else v for k, v in final.items()})
            write_json(folder / "report.json", result, schema.REPORT)
            if times is not None:
                (folder / "trace.json").write_text(json.dumps(trace.trace_events(times)) + "\n")
                write_json(folder / "losses.json", trace.losses(times).record(), schema.LOSSES)
            for wave in list(work.rglob("*.fst"))[:1] if waves else []:
                shutil.copyfile(wave, folder / "waves.fst")
    shutil.rmtree(work)
    return result
