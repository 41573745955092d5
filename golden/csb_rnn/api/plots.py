# SPDX-License-Identifier: Apache-2.0
"""Pictures of a run: values over frames beside the source, the timeline, lost cycles.

Values are small multiples: a row for each output or state, on the left the source in float and the
machine, on the right their difference. matplotlib is imported when a picture is drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from csb_rnn.errors import UsageError
from csb_rnn.execution.trace import Timeline, losses, timeline, trace_events
from csb_rnn.flow import Build
from csb_rnn.models import directions
from csb_rnn.models.fixed_model import FixedModel

ROWS = 4  # values of each kind: those that differ most
FRAMES = 3  # of the timeline, from the middle of the run on
SOURCE, MACHINE, DIFFERENCE = "#1b6ca8", "#d1495b", "#333333"


class Track(NamedTuple):
    """One value over frames; ``source`` is missing if the folder holds no float model."""

    name: str
    machine: NDArray[np.float64]
    source: NDArray[np.float64] | None


def _plt() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise UsageError("--plot needs matplotlib: pip install 'csb-rnn[plot]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def check(build: Build, x: Any) -> None:
    """
    Raises:
        UsageError: several parts, streams or sequences, parts on the host; or no matplotlib.
    """
    if not build.single or build.host is not None or build.options.streams > 1 or np.ndim(x) != 2:
        raise UsageError("--plot draws one sequence [frames, inputs] of a model of one image")
    _plt()


def _chosen(name: str, machine: Any, source: Any | None) -> list[Track]:
    """The values of a kind that differ most, or the first ones without a source."""
    apart = np.zeros(machine.shape[1]) if source is None else np.abs(machine - source).max(axis=0)
    order = np.sort(np.argsort(-apart, kind="stable")[:ROWS])
    return [
        Track(f"{name}[{i}]", machine[:, i], None if source is None else source[:, i])
        for i in order.tolist()
    ]


def tracks(build: Build, x: NDArray[Any], outputs: NDArray[Any], state: Any) -> list[Track]:
    """Outputs of the RTL, and states of the fixed model after each frame, from which the RTL's
    outputs and last states do not differ if the report says so; beside the source in float.

    Args:
        build: of one image.
        x: ``[frames, inputs]``.
        outputs: of the RTL, ``[frames, outputs]``.
        state: initial states by name, or None.
    """
    q, c = build.part.quantised, build.config
    wanted = None if build.model is None else directions.run(build.model, x, state)[0]
    found = _chosen("output", outputs, wanted)
    start = state if state is not None else (build.initial_states() or None)
    integers: Any = None if start is None else q.quantise_state(start)
    fixed: dict[str, list[Any]] = {}
    floats: dict[str, list[Any]] = {}
    model, ints = FixedModel(q, c), q.quantise_inputs(x)
    float_state: Any = start
    for n in range(len(x)):
        _, integers = model.run(ints[n : n + 1], integers)
        for key, value in q.state_float(integers).items():
            fixed.setdefault(key, []).append(np.ravel(value))
        if build.model is not None:
            _, float_state = directions.run(build.model, x[n : n + 1], float_state)
            for key, value in float_state.items():
                floats.setdefault(key, []).append(np.ravel(value))
    for key, values in fixed.items():
        if not np.array_equal(values, outputs):  # h of the last layer is the output
            source = np.array(floats[key]) if key in floats else None
            found += _chosen(key, np.array(values), source)
    return found


def draw_values(found: list[Track], file: Path) -> None:
    """A row for each value: source and machine on the left, difference on the right."""
    plt = _plt()
    figure, axes = plt.subplots(
        len(found), 2, figsize=(11, 1.5 * len(found) + 0.8), sharex=True, squeeze=False,
        width_ratios=(2, 1), layout="constrained",
    )  # fmt: skip
    for (left, right), track in zip(axes, found, strict=True):
        frames = np.arange(len(track.machine))
        left.plot(frames, track.machine, ".", color=MACHINE, markersize=5)
        left.set_ylabel(track.name, rotation=0, ha="right", va="center")
        if track.source is None:
            right.text(0.5, 0.5, "no float model", ha="center", transform=right.transAxes)
            continue
        left.plot(frames, track.source, "-", color=SOURCE, linewidth=1)
        apart = track.machine - track.source
        right.axhline(0, color="#cccccc", linewidth=0.8)
        right.plot(frames, apart, "-", color=DIFFERENCE, linewidth=1)
        right.set_title(f"largest {np.abs(apart).max():.2g}", loc="right", fontsize=8)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.locator_params(axis="y", nbins=4)
    axes[0][0].set_title("source in float", color=SOURCE, loc="left", fontsize=10)
    axes[0][0].set_title("machine", color=MACHINE, loc="right", fontsize=10)
    axes[0][1].set_title("machine - source", loc="left", fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("frame")
    figure.savefig(file, dpi=120)
    plt.close(figure)


def _colour(name: str) -> str:
    """Work is blue, waits are warm, the rest is grey."""
    if name.startswith("multiply") or name in ("words", "slot"):
        return "#7fb2d9"
    if name.startswith("frame"):
        return "#9ccc9c"
    return "#e8a87c" if "recurrent" in name or "input" in name else "#f1d9a7"


def draw_timeline(t: Timeline, file: Path) -> None:
    """Who worked when, over some frames from the middle of the run on; slices are labelled if
    their name fits."""
    plt = _plt()
    events = trace_events(t)["traceEvents"]
    names = {
        (e["pid"], e["tid"]): e["args"]["name"] for e in events if e.get("name") == "thread_name"
    }
    ends = t.times.last_out
    first = max(0, t.iterations // 2 - 1)
    begin, end = int(ends[first]), int(ends[min(first + FRAMES, t.iterations - 1)])
    if end <= begin:
        begin, end = 0, int(ends[-1]) + 1
    rows = {track: n for n, track in enumerate(sorted(names))}
    figure, axis = plt.subplots(figsize=(13, 0.42 * len(rows) + 1.2), layout="constrained")
    for e in events:
        if e["ph"] != "X" or e["ts"] >= end or e["ts"] + e["dur"] <= begin:
            continue
        low, high = max(begin, e["ts"]), min(end, e["ts"] + e["dur"])
        y = rows[e["pid"], e["tid"]]
        axis.barh(y, high - low, left=low, height=0.8, color=_colour(e["name"]), edgecolor="white")
        name = e["name"].removeprefix("multiply by ").removeprefix("wait for ")
        if (high - low) / (end - begin) * 165 > len(name):
            axis.text((low + high) / 2, y, name, ha="center", va="center", fontsize=7)
    axis.set_yticks(list(rows.values()), [names[track] for track in rows], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlim(begin, end)
    axis.set_xlabel(
        "cycle; blue: work on a vector or words, orange and yellow: waits, green: frames"
    )
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)
    plt.close(figure)


def draw_losses(t: Timeline, file: Path) -> None:
    """A bar for each cause, with its share of all PE time."""
    plt = _plt()
    record = losses(t).record()
    causes = [c for c in record["causes"] if abs(c["share"]) > 5e-5]
    figure, axis = plt.subplots(figsize=(8, 0.4 * len(causes) + 1.1), layout="constrained")
    for y, c in enumerate(causes):
        axis.barh(y, c["share"], color="#7fb2d9" if c["cause"] == "useful" else "#e8a87c")
        text = f"{c['share']:.1%}, {c['cycles_per_frame']:.1f} cycles a frame"
        axis.text(max(c["share"], 0) + 0.01, y, text, va="center", fontsize=8)
    axis.set_yticks(range(len(causes)), [c["cause"] for c in causes], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlim(min(0.0, *(c["share"] for c in causes)), 1.6 * max(c["share"] for c in causes))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_title(
        f"time of {record['pes']} PEs, {record['cycles_per_frame']:g} cycles a frame",
        loc="left", fontsize=10,
    )  # fmt: skip
    figure.savefig(file, dpi=120)
    plt.close(figure)


def plot(build: Build, x: Any, outputs: NDArray[Any], state: Any, out: Path) -> list[Path]:
    """All pictures of a run into its folder: ``values.png``, ``timeline.png``, ``losses.png``.

    Args:
        build, x, outputs, state: as :func:`tracks`.
        out: an existing folder.
    """
    found = tracks(build, np.asarray(x), outputs, state)
    t = timeline(build.part.compiled(), len(x))
    files = [out / f"{name}.png" for name in ("values", "timeline", "losses")]
    draw_values(found, files[0])
    draw_timeline(t, files[1])
    draw_losses(t, files[2])
    return files
