# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn estimate``."""

from __future__ import annotations

import argparse
from pathlib import Path

from csb_rnn import commands
from csb_rnn.api.build import Build
from csb_rnn.cli.build import add_source, build_source

HELP = "Predict cycles, efficiency and memory of a trained model; nothing runs."


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    add_source(parser)
    parser.add_argument(
        "--clock", type=float, metavar="HZ", help="clock frequency, for microseconds a frame"
    )
    parser.add_argument(
        "--plot",
        metavar="DIR",
        help="write kernels.png, timeline.png and losses.png, the pictures of the prediction",
    )


def run(arguments: argparse.Namespace) -> int:
    """Build in memory and print the prediction, which the RTL meets to the cycle."""
    build = Build(build_source(arguments))
    r, p = build.record, build.predict()
    print(f"{r.cell} {r.inputs} -> {r.outputs} on {r.config.name}, {r.kept_weights} kept weights")
    print(f"cycles a frame    {p.cycles:g}, bound by: {p.bound}")
    print(f"latency           {p.latency} cycles in an idle machine")
    if arguments.clock:
        micro = 1e6 / arguments.clock
        print(
            f"time              {p.cycles * micro:g} us a frame, latency {p.latency * micro:g} us"
        )
    print(f"efficiency        {p.frame_efficiency:.3f} of all PE cycles, {p.mac_efficiency:.3f} of")
    print("                  those between the first and the last product")
    for name, m in p.memory.items():
        print(f"memory {name:<10} {m.used} of {m.depth} words")
    if arguments.plot is not None:
        from csb_rnn.api import plots

        for file in plots.plot_prediction(r, Path(arguments.plot)):
            print(file)
    return commands.OK
