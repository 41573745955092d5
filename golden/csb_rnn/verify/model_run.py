# SPDX-License-Identifier: Apache-2.0
"""A whole model on the RTL: its parts, one after the other on the same machine.

A network of one direction is one part. Otherwise outputs of one span are the inputs of the next,
as floats, exact; a backward part takes the frames from the last to the first.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.errors import UsageError
from csb_rnn.flow import schema
from csb_rnn.flow.cycles import ratio
from csb_rnn.flow.files import npz, write_json
from csb_rnn.flow.record import Build
from csb_rnn.models import directions, formats, integers
from csb_rnn.system.staging import staged
from csb_rnn.verify import loss
from csb_rnn.verify.image_run import DIFFERENCES, Run, Settings, run_part


def run(
    build: Build,
    x: ArrayLike,
    state: Mapping[str, ArrayLike] | None = None,
    out: str | Path | None = None,
    **settings: Any,
) -> Run:
    """Run a build on the RTL and compare with the fixed and the timing model.

    Args:
        build: from :func:`csb_rnn.flow.build` or :func:`csb_rnn.flow.load`.
        x: float inputs ``[frames, inputs]``, with several streams ``[streams, frames, inputs]``.
        state: initial states by the model's names; absent ones are zero. None: those that came
            with the model, or zero. A resumed run continues each direction from its state, as
            torch does.
        out: folder for the results (:func:`csb_rnn.verify.image_run.run_part`), which of a model of
            several parts has a folder for each part; None writes nothing.
        settings: fields of :class:`~csb_rnn.verify.image_run.Settings`.

    Returns:
        Outputs, states, and the report. Of several parts: counts are sums, cycles a frame as well.

    Raises:
        UsageError, QuantError: bad input; nothing is written.
        SimulationError: the simulation failed.
    """
    how = Settings(**settings)
    places = build.state_keys()
    for key in state or {}:
        if key not in places:
            raise UsageError(f"unknown state '{key}': known are {', '.join(sorted(places))}")
    with contextlib.ExitStack() as stack:
        folder = None if out is None else stack.enter_context(staged(Path(out), "report.json"))
        if out is not None:
            Path(out, DIFFERENCES).unlink(missing_ok=True)  # of an earlier run
        if build.single:
            one = run_part(build.part, x, state, how, folder)
            return _judged(build, x, state, one, folder)
        v, reports = np.asarray(x), []
        final: dict[str, np.ndarray] = {}
        for span in build.spans:
            outputs, wanted = [], []
            for part in span:
                own = None
                if state is not None:
                    own = {k: state[key] for key, k in part.model_keys().items() if key in state}
                inner = None if folder is None else folder / part.name
                if inner is not None:
                    inner.mkdir()
                frames = v[..., ::-1, :] if part.reverse else v
                one = run_part(part, frames, own, how, inner)
                reports.append(one.report)
                y = one.outputs[..., ::-1, :] if part.reverse else one.outputs
                outputs.append(formats.to_float(integers.to_int(y, part.frac), part.frac))
                wanted.append(one.expected[..., ::-1, :] if part.reverse else one.expected)
                final |= {key: one.state[k] for key, k in part.model_keys().items()}
            v = np.concatenate(outputs, axis=-1)
        whole = Run(v.astype(np.float32), final, _sum(reports), np.concatenate(wanted, -1))
        words = [len(part.data) // 4 for part in build.parts]
        whole.report["reloads"] = loss.reloads(words, whole.report["cycles"])
        if folder is not None:
            np.save(folder / "outputs.npy", whole.outputs)
            np.save(folder / "expected.npy", whole.expected)
            (folder / "state.npz").write_bytes(npz(whole.state))
        return _judged(build, x, state, whole, folder)


def _judged(
    build: Build,
    x: ArrayLike,
    state: Mapping[str, ArrayLike] | None,
    made: Run,
    folder: Path | None,
) -> Run:
    """The run with the report's ``accuracy`` and ``warning``."""
    if build.model is not None:
        start = state
        if state is not None:  # absent ones are zero, not the model's own
            start = {k: np.zeros(n) for k, n in build.model.state_shapes().items()} | dict(state)
        want, _ = directions.run(build.model, np.asarray(x), start)
        found = loss.difference(made.outputs, want, loss.reference_of(build))
        made.report["accuracy"] = found
    made.report["warning"] = loss.warning(made.report, [p.quantised for p in build.parts])
    if folder is not None:
        kind = schema.REPORT if build.single else schema.MODEL_REPORT
        write_json(folder / "report.json", made.report, kind)
    return made


def _total(parts: Iterable[float | None]) -> float | None:
    """The sum, or None if one of them is unknown."""
    values = list(parts)
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _sum(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The report of several parts, one after the other: counts and cycles are sums,
    entry i of the cycles is of the i-th frame of every part; shares are of all cycles."""
    first = reports[0]
    same = ("schema", "frames", "sequences", "streams", "pes", "config", "sim", "stall",
            "input_saturations")  # fmt: skip
    sums = ("mismatches", "state_mismatches", "cycle_mismatches", "saturations", "kept_weights",
            "cycles", "cycles_per_frame", "cycles_per_frame_predicted", "issue_cycles",
            "latency_idle", "latency_steady")  # fmt: skip
    value: dict[str, Any] = {k: first[k] for k in same}
    value |= {"saturated": loss.total(reports), "accuracy": None, "warning": None}
    value |= {k: _total(r[k] for r in reports) for k in sums}
    for k in ("frame_cycles", "frame_cycles_predicted"):
        value[k] = [_total(parts) for parts in zip(*(r[k] for r in reports), strict=True)]
    counters: Counter[str] = Counter()
    for r in reports:
        counters.update(r["counters"])
    busy = sum(r["busy_pe_utilisation"] * r["issue_cycles"] for r in reports)
    seconds = sum(ratio(r["cycles"], r["cycles_per_second"]) for r in reports)
    ideal = ratio(value["kept_weights"], value["pes"])
    interval = value["cycles_per_frame"]
    return value | {
        "mac_efficiency": ratio(ideal, value["issue_cycles"]),
        "busy_pe_utilisation": ratio(busy, value["issue_cycles"]),
        "frame_efficiency": interval and ratio(ideal, interval),
        "cycles_per_second": ratio(value["cycles"], seconds),
        "counters": dict(counters),
        "error": next((r["error"] for r in reports if r["error"] != "none"), "none"),
        "stuck": any(r["stuck"] for r in reports),
        "parts": reports,
    }
