#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Synthesises csb_top and runs networks on its netlist: equal bits, or exit code 1."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.direct import netlist
from csb_rnn.experiments.direct.host import MismatchError
from csb_rnn.experiments.reports import measured

NAME = "netlist"


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument(
        "--config", choices=sorted({n for n, _ in netlist.NETLISTS}), help="only this"
    )
    parser.add_argument("--results", action="store_true", help="keep the table")
    args = parser.parse_args()
    began, rows = measured.begin(NAME), []
    for name, parity in netlist.NETLISTS:
        if args.config not in (None, name):
            continue
        text = netlist.synthesise(name, parity)
        try:
            frames, cycles = netlist.smoke(name, text)
        except MismatchError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return commands.MISMATCH
        rows.append({"config": name, "parity": parity, **netlist.counted(text), "frames": frames,
                     "cycles": cycles})  # fmt: skip
        print(f"{name}, parity {parity}: {frames} frames on the netlist, all outputs equal")
    if args.results and not args.config:
        measured.write(NAME, rows, began)
        print(f"{measured.path_of(NAME)}: written; make docs renders its table")
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
