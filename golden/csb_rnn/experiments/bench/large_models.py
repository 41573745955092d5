# SPDX-License-Identifier: Apache-2.0
"""The largest published model, MT2, on a board: ``vu9p`` holds all its words in UltraRAM."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.frames import Job, latency_row
from csb_rnn.experiments.bench.on_rtl import rtl_build
from csb_rnn.experiments.bench.tables import Row, Table, pick
from csb_rnn.experiments.silicon import synthesis
from csb_rnn.machine import config, design

CONFIG, MODEL = "vu9p", "MT2"
FRAMES = 60
BUILD_SECONDS = 1800.0
#: Memories of the device: Yosys' cells with the blocks that each takes, and blocks of a VU9P.
KINDS: dict[str, tuple[dict[str, int], int | None]] = {
    "UltraRAM, 288 kbit": ({"URAM288": 1, "URAM288_BASE": 1}, 960),
    "block RAM, 18 kbit": ({"RAMB18E2": 1, "RAMB36E2": 2}, 4320),
    "LUT RAM, LUTs": (
        {"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM64X1D": 2},
        None,
    ),
}


def frames_row() -> Row:
    """MT2 on the RTL of ``vu9p``; every bit and every cycle is that of the models.

    Raises:
        RuntimeError: the simulation is not built in time.
    """
    if not rtl_build(CONFIG, BUILD_SECONDS):
        raise RuntimeError(f"{CONFIG} is not built in {BUILD_SECONDS:g} s")
    row = latency_row(Job(models.MODELS[MODEL], CONFIG, frames=FRAMES, rtl=(CONFIG,)))
    names = ("model", "config", "kept_weights", "cycles_per_frame", "bound_cycles",
             "frame_efficiency", "latency_idle", "source")  # fmt: skip
    return {"table": "frames", "frames": FRAMES, **{name: row[name] for name in names}}


def memory_rows(out: Path) -> list[Row]:
    """Memories of the synthesised ``csb_top``, by kind.

    Args:
        out: folder for Yosys, below the working folder.
    """
    parameters = config.rtl_parameters(CONFIG)
    synthesis.synthesise("xcup", CONFIG, design.TOP, parameters, out=out)
    count, _ = synthesis.shared_modules(design.elaborate(design.TOP, parameters))
    cells: Counter[str] = Counter()
    found = json.loads((out / f"{CONFIG}_xcup.stat.json").read_text())["modules"]
    for name, module in found.items():
        for cell, n in module["num_cells_by_type"].items():
            cells[cell] += n * count[name.lstrip("\\")]
    return [
        {"table": "memory", "config": CONFIG, "kind": kind, "of": of,
         "used": sum(cells[cell] * n for cell, n in blocks.items())}
        for kind, (blocks, of) in KINDS.items()
    ]  # fmt: skip


def tables(rows: Sequence[Row]) -> list[Table]:
    """All of them, in the order of the page."""
    out = []
    if found := pick(rows, table="frames"):
        heads = ("model", "configuration", "kept weights", "cycles a frame", "bound",
                 "frame efficiency", "idle latency", "source")  # fmt: skip
        out.append(Table(f"{MODEL} whole on `{CONFIG}`", heads, [
            (r["model"], f"`{r['config']}`", str(r["kept_weights"]), f"{r['cycles_per_frame']:.1f}",
             f"{r['bound_cycles']:.0f}", f"{r['frame_efficiency']:.4f}", str(r["latency_idle"]),
             r["source"]) for r in found], left=2))  # fmt: skip
    if found := pick(rows, table="memory"):
        out.append(Table(f"memory of `{CONFIG}` by kind, counted in synthesis",
                         ("kind", "used", "of a VU9P"), [
            (r["kind"], str(r["used"]), "-" if r["of"] is None else str(r["of"]))
            for r in found], left=1))  # fmt: skip
    streamed = ("model", "streams", "piece, words", "DRAM", "needed, GB/s", "rooms, Kibit",
             "accumulators, Kibit", "cycles a frame", "PEs wait")  # fmt: skip
    out.append(Table("words from DRAM, in the timing model", streamed, [
        (r["model"], str(r["streams"]), str(r["piece"]), r["memory"], f"{r['needed_gbytes']:.1f}",
         f"{r['buffer_kibit']:.0f}", f"{r['accumulators_kibit']:.0f}", f"{r['cycles']:.0f}",
         f"{r['stalled']:.1%}") for r in pick(rows, table="streamed")], left=1))  # fmt: skip
    return out
