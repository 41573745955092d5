# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn simulate``, ``scripts/simulate.py``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from csb_rnn import commands, flow, verify
from csb_rnn.api import plots
from csb_rnn.api.wave_groups import write_groups
from csb_rnn.simulation import capacity

HELP = "Run an image on the RTL, compare every output bit and every frame's cycles with the models."


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument("image", help="folder of csb-rnn build or scripts/gen_image.py")
    parser.add_argument(
        "--inputs",
        required=True,
        metavar="X.npy",
        help="float [frames, inputs], with several streams [streams, frames, inputs]; if the image "
        "has host parts: the ONNX file's input, or .npz of all its inputs by name",
    )
    parser.add_argument("--state", metavar="S.npz", help="initial state: h_l0, c_l0, ...")
    parser.add_argument("--out", required=True, metavar="OUT", help="folder of the results")
    parser.add_argument("--sim", default="verilator", help=", ".join(capacity.SIM_BEATS))
    parser.add_argument(
        "--waves",
        action="store_true",
        help="also write waves.fst, and its signals in named groups for GTKWave and Surfer",
    )
    parser.add_argument(
        "--plot",
        action="store_true",
        help="also write values.png (source, machine, difference), timeline.png, losses.png",
    )
    parser.add_argument(
        "--trace",
        action="store_true",
        help="also write trace.json, for ui.perfetto.dev, and losses.json; print lost cycles",
    )
    parser.add_argument("--stall", default="none", help=", ".join(verify.STALLS))


def _show_losses(file: Path) -> None:
    """Print a summary written by ``--trace``."""
    lost = json.loads(file.read_text())
    print(f"{file}: {lost['pes']} PEs x {lost['cycles_per_frame']:g} cycles a frame")
    rows = [
        (c["cause"], f"{c['share']:.2%}", f"{c['cycles_per_frame']:.2f}") for c in lost["causes"]
    ]
    print("\n".join(commands.table(("PE time", "share", "cycles a frame"), rows)))


def run(arguments: argparse.Namespace) -> int:
    """Run, write the results, and print the differences in a line."""
    a = arguments
    x = flow.read_inputs(Path(a.inputs))
    state = None if a.state is None else flow.read_state(Path(a.state))

    settings = {"sim": a.sim, "waves": a.waves, "stall": a.stall, "timeline": a.trace}
    build = flow.load(a.image)
    if a.plot:
        plots.check(build, x)
    runs = verify.run_whole(build, x, state, a.out, **settings).runs
    if a.waves:
        write_groups(build.config, Path(a.out))
    if a.plot:
        for file in plots.plot(build, x, runs[0].outputs, state, Path(a.out)):
            print(file)
    if a.trace:
        for file in sorted(Path(a.out).rglob("losses.json")):  # one for each part
            _show_losses(file)
    for file in sorted(Path(a.out).rglob(verify.DIFFERENCES)):
        print(f"{file}:\n{file.read_text()}", file=sys.stderr, end="")
    for n, r in enumerate(one.report for one in runs):
        interval = "no" if r["cycles_per_frame"] is None else f"{r['cycles_per_frame']:g}"
        print(
            f"{Path(a.out) / f'run{n}' if len(runs) > 1 else a.out}: "
            f"{r['frames']} frames on {r['config']} ({r['sim']}),"
            f" {r['mismatches']} outputs, {r['state_mismatches']} states,"
            f" {r['cycle_mismatches']} cycles differ, {interval} cycles a frame"
        )
        for line in verify.describe(r):
            print(line)
        if r["warning"] is not None:
            print(r["warning"], file=sys.stderr)
    return commands.OK if all(verify.is_equal(r.report) for r in runs) else commands.MISMATCH
