# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn evaluate``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from csb_rnn import commands, flow
from csb_rnn.api.build import Build
from csb_rnn.cli.build import add_source, build_source
from csb_rnn.errors import UsageError
from csb_rnn.verify import Evaluation

HELP = "Accuracy on data of your own: float model, fixed model and RTL side by side."


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    add_source(parser)
    parser.add_argument(
        "--inputs",
        required=True,
        metavar="X.npy",
        help="float [sequences, frames, n]; of a file that needs the host its input, or .npz",
    )
    parser.add_argument(
        "--labels", metavar="Y.npy", help="classes [sequences] of last frames, or of every frame"
    )
    parser.add_argument("--reference", metavar="Y.npy", help="outputs as they should be")
    parser.add_argument("--lengths", metavar="N.npy", help="frames of each sequence [sequences]")
    parser.add_argument("--output", metavar="NAME", help="output of an ONNX file (first)")
    parser.add_argument("--rtl", type=int, default=2, help="sequences on the RTL (2), 0: none")
    parser.add_argument("--sim", default="verilator", help="verilator, icarus")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")


def _classes(path: str | None) -> Any:
    if path is None:
        return None
    a = flow.read_array(Path(path))
    if a.dtype.kind not in "iub":
        raise UsageError(f"{path}: expected whole numbers, found {a.dtype}")
    return a.astype("int64")


def run(arguments: argparse.Namespace) -> int:
    """Build in memory, run, and print a line for each engine."""
    a = arguments
    x = flow.read_inputs(Path(a.inputs))
    labels, lengths = _classes(a.labels), _classes(a.lengths)
    reference = None if a.reference is None else flow.read_array(Path(a.reference))
    if a.json and not Path(a.json).absolute().parent.is_dir():
        raise UsageError(f"{a.json}: no folder for it")
    if a.calibrate is None:
        a.calibrate = a.inputs
    build = Build(build_source(a))
    found = build.evaluate(
        x, labels, reference, lengths=lengths, output=a.output, rtl=a.rtl, sim=a.sim
    )
    show(found)
    if a.json:
        Path(a.json).write_text(json.dumps(found.record(), indent=1) + "\n")
    return commands.MISMATCH if found.mismatches else commands.OK


def show(found: Evaluation) -> None:
    """Print the columns of an evaluation, one a line."""
    print(f"'{found.output}' {list(found.shape)}, largest value {found.scale:.3g}")
    heads = ("", "sequences", "accuracy", "99.9 % of errors", "largest", "from reference")
    print(f"{heads[0]:<6}" + "".join(f"{h:>17}" for h in heads[1:]))
    for c in found.columns:
        cells = (
            str(c.sequences),
            "-" if c.accuracy is None else f"{c.accuracy:.4f}",
            f"{c.percentile:.3g}",
            f"{c.largest:.3g}",
            "-" if c.reference is None else f"{c.reference:.3g}",
        )
        print(f"{c.engine:<6}" + "".join(f"{v:>17}" for v in cells))
    if found.labels != "none":
        print(f"labels: {found.labels}")
    if found.saturations:
        print(f"{found.saturations} inputs are beyond their format: calibrate on data of this kind")
    if found.mismatches:
        print(f"the RTL differs from the models in {found.mismatches} places")
