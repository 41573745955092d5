# SPDX-License-Identifier: Apache-2.0
"""The design on a board with an ECP5: its netlist computes a frame, then it is placed and routed.

Results: ``build/ecp5/image`` for the board's flash, ``ulx3s.bit`` beside the log of each tool in a
folder of ``build/ecp5`` named after the sources, and docs/results/data/ecp5.json. A step that was
done on the same sources is not made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import commands, flow
from csb_rnn.experiments import tasks
from csb_rnn.experiments.board import netlist, path, place, sources
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.silicon import flat
from csb_rnn.experiments.silicon.synthesis import COLUMNS
from csb_rnn.flow.record import Build
from csb_rnn.machine import folders
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.checkpoint_files import read_checkpoint

CONFIG, MODEL = "small", "z2_gru"
SMALLEST = "random_gru"  # netlist.least
ONLY = ("quick", "netlist", "place")  # quick: the netlist with the smallest network
CALIBRATION = 50  # sequences of the validation split for the number formats
SEED = 1
IMAGE = sources.HOME / "image"


def network() -> Build:
    """The shipped network for the board's configuration."""
    file = folders.ROOT / "checkpoints" / f"{MODEL}.npz"
    checkpoint = read_checkpoint(file)
    task = tasks.get(str(checkpoint.csb.get("task")))
    samples = np.concatenate(task.frames(checkpoint, "valid", CALIBRATION))
    return flow.build(file, CONFIG, calibrate=samples)


def _once(folder: Path, name: str, make: Callable[[], Any]) -> Any:
    """The value that a step has left in a folder, or that it gives now."""
    kept = folder / f"{name}.step.json"
    if not kept.is_file():
        print(f"{name}, in {folder.relative_to(folders.ROOT)}", file=sys.stderr, flush=True)
        value = make()
        new = kept.with_suffix(".new")
        new.write_text(json.dumps(value))
        new.replace(kept)
    return json.loads(kept.read_text())


def rows(build: Build, folder: Path, only: str) -> list[dict[str, Any]]:
    """The rows of the result; those of one step if ``only`` names it.

    Raises:
        RuntimeError: a tool failed.
        SimulationError: the netlist gives other bits than the fixed model.
    """
    prefix = folder / sources.TOP
    out: list[dict[str, Any]] = []

    def synthesised() -> dict[str, dict[str, int]]:
        place.synthesise(build.config, prefix)
        found = flat.areas(Path(f"{prefix}.json"), sources.TOP, place.PARTS)
        return {part: {r: int(area[r]) for r in COLUMNS} for part, area in found.items()}

    for part, area in _once(folder, "synthesis", synthesised).items():
        out.append({"table": "part", "name": part, **area})

    def frame(name: str, q: QNetwork) -> None:
        where = folder / name
        found = _once(folder, name, lambda: netlist.simulate(
            q, build.config, Path(f"{prefix}.v"), where))  # fmt: skip
        out.append({"table": "netlist", "name": name, **found})

    if only != "place":
        frame(SMALLEST, netlist.least(build.config))
    if only not in ("place", "quick"):
        frame(MODEL, build.part.quantised)
    if only in ("", "place"):
        report = _once(folder, "place", lambda: place.place(prefix, SEED))
        clock = max(report["fmax"].values(), key=lambda found: found["constraint"])
        bits = Path(f"{prefix}.bit").stat().st_size
        out.append({"table": "clock", "name": "accelerator", "mhz": clock["achieved"],
                    "wanted": sources.CLOCK, "seed": SEED, "bitstream": bits})  # fmt: skip
        out += [{"table": "path", "name": s["kind"], **s} for s in path.steps(report)]
    return out


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=ONLY, help="one step; keeps no result")
    args = parser.parse_args()
    os.chdir(folders.ROOT)
    began = measured.begin("ecp5")
    code = hashlib.sha256(json.dumps(began.sources).encode()).hexdigest()[:12]
    folder = sources.HOME / code
    folder.mkdir(parents=True, exist_ok=True)
    build = network()
    flow.save(build, IMAGE)
    found = rows(build, folder, args.only or "")
    for row in found:
        print(", ".join(f"{key} {value}" for key, value in row.items()))
    if args.only is None:
        measured.write("ecp5", found, began)
    slow = [r for r in found if r["table"] == "clock" and r["mhz"] < r["wanted"]]
    if slow:
        print(f"error: the clock is {slow[0]['mhz']:.1f} MHz, not {sources.CLOCK}", file=sys.stderr)
    return commands.MISMATCH if slow else commands.OK
