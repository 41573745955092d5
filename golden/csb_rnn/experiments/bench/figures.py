# SPDX-License-Identifier: Apache-2.0
"""The figures of the benchmark, PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
from matplotlib import pyplot as plt

from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.layer_tables import default_rows
from csb_rnn.experiments.bench.layers import PAPER
from csb_rnn.experiments.bench.plan import BLOCKS
from csb_rnn.experiments.bench.results import Results
from csb_rnn.experiments.bench.tables import long_enough, mean, pick
from csb_rnn.machine.sharing_modes import PAPER_MODES

STYLE: dict[Any, Any] = {"font.size": 9, "axes.grid": True, "axes.axisbelow": True,
         "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "csb"}  # fmt: skip


def _save(figure: plt.Figure, folder: Path, name: str) -> list[Path]:
    out = []
    for kind in ("png", "svg"):
        path = folder / f"{name}.{kind}"
        figure.savefig(
            path, dpi=150, bbox_inches="tight", metadata={"Date": None} if kind == "svg" else None
        )
        out.append(path)
    plt.close(figure)
    return out


def _bars(axis: plt.Axes, groups: list[str], series: dict[str, list[float | None]]) -> None:
    """Bars side by side in each group; None leaves a gap."""
    width = 0.8 / max(1, len(series))
    for i, (name, values) in enumerate(series.items()):
        at = np.arange(len(groups)) + (i - (len(series) - 1) / 2) * width
        axis.bar(at, [v or 0 for v in values], width, label=name)
    axis.set_xticks(range(len(groups)), groups)
    if series:
        axis.legend(fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.1))


def efficiency(results: Results, folder: Path) -> list[Path]:
    """Means by block size: MAC efficiency here, busy PEs of the published machine."""
    blocks = [b for b in BLOCKS if default_rows(results, block=b)]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    mac: dict[str, list[float | None]] = {}
    busy: dict[str, list[float | None]] = {}
    for s in PAPER_MODES:
        rows = [r for r in default_rows(results, sharing=s) if long_enough(r)]
        mac[s] = [mean(r["mac_efficiency"] for r in pick(rows, block=b)) for b in blocks]
        rows = pick(results.efficiency, compiler=PAPER, sharing=s)
        busy[s] = [mean(r["busy_pe_utilisation"] for r in pick(rows, block=b)) for b in blocks]
    names = [f"block {b}" for b in blocks]
    _bars(left, names, {k: v for k, v in mac.items() if any(v)})
    left.set_title("MAC efficiency, default compiler")
    left.set_ylim(0, 1)
    if any(any(v) for v in busy.values()):
        _bars(right, names, busy)
    for i, b in enumerate(blocks):
        for (low, high), x in zip(models.PAPER_BUSY[b], (-0.3, 0.3), strict=True):
            middle, half = (low + high) / 2, (high - low) / 2
            right.errorbar(i + x, middle, half, color="black", capsize=4)
    right.set_title("busy PEs, published machine by Z3; black: Fig. 12")
    return _save(figure, folder, "efficiency")


def latency(results: Results, folder: Path) -> list[Path]:
    """Frame efficiency of every model."""
    rows = [r for r in results.latency if r["model"] in models.MODELS]
    names = [m for m in models.MODELS if pick(rows, model=m)]
    series = {}
    for config in dict.fromkeys(r["config"].removesuffix("_sim") for r in rows):
        for streams in sorted({r["streams"] for r in rows}):
            values = []
            for m in names:
                found = [r for r in pick(rows, model=m, streams=streams)
                         if r["config"].removesuffix("_sim") == config]  # fmt: skip
                values.append(found[0]["frame_efficiency"] if found else None)
            series[f"{config}, {streams} stream{'s' if streams > 1 else ''}"] = values
    figure, axis = plt.subplots(figsize=(10, 3.6))
    _bars(axis, names, series)
    axis.set_ylim(0, 1)
    axis.set_title("frame efficiency: useful share of all PE time, everything counted")
    return _save(figure, folder, "latency")


def losses(results: Results, folder: Path) -> list[Path]:
    """Where the PE time goes, a bar for each model."""
    rows = [r for r in results.latency if r["model"] in models.MODELS]
    causes: dict[str, None] = {}
    for r in rows:
        for cause, share in r["losses"].items():
            if share > 0.002 and cause != "useful":
                causes.setdefault(cause)
    figure, axis = plt.subplots(figsize=(10, 0.3 * len(rows) + 1.5))
    names = [f"{r['model']} {r['config']}, {r['streams']} str." for r in rows]
    done = np.zeros(len(rows))
    for cause in causes:
        part = np.array([r["losses"].get(cause, 0.0) for r in rows])
        axis.barh(names, part, left=done, label=cause)
        done += part
    axis.invert_yaxis()
    axis.set_title("lost share of PE time by cause")
    axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)
    return _save(figure, folder, "losses")


def area(rows: list[dict[str, Any]], folder: Path) -> list[Path]:
    """LUTs per PE by sharing mode, of the UltraScale+ estimates."""
    rows = [r for r in rows if r["target"] == "xcup"]
    figure, axis = plt.subplots(figsize=(6, 3.6))
    names = [f"{r['config']}\n{r['sharing']}, {r['max_block']}" for r in rows]
    axis.bar(names, [r["lut"] / r["pes"] for r in rows])
    axis.tick_params(axis="x", labelsize=6)
    axis.set_title("LUTs per PE, everything included")
    return _save(figure, folder, "area")


def draw(results: Results, folder: Path) -> list[Path]:
    """All figures of a benchmark; returns their files."""
    with plt.rc_context(STYLE):
        return [
            *efficiency(results, folder),
            *latency(results, folder),
            *losses(results, folder),
        ]
