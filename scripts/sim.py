#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trained, pruned models on real data through the RTL, bit for bit, cycle for cycle."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands, errors, flow, verify
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.trained import cases, simulation, table
from csb_rnn.flow import schema
from csb_rnn.machine import config
from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation import capacity
from csb_rnn.system import processes

WORKERS = 2


def keep_or_compare(rows: list[dict[str, Any]], keep: bool) -> None:
    """Keep the rows as README's table, or say where README shows other figures."""
    if keep:
        measured.write("sim", [table.kept(row) for row in rows])
        return
    figures = ("frames", "cycles_per_frame", "kept_weights", "task_value", "difference")
    for line in measured.differences("sim", [table.kept(row) for row in rows], figures):
        print(f"README's table is stale: {line}; {measured.COMMANDS['sim']} measures it again")


def job(
    files: Sequence[Path], names: Sequence[str], sim: str, waves: bool, every: bool, keep: bool
) -> int:
    """All models on all configurations; returns the exit code."""
    from csb_rnn.simulation.toolchain import SimulationError

    began = time.monotonic()
    found: list[cases.Case] = []
    with processes.pool(min(WORKERS, os.cpu_count() or 1)) as pool:
        for file in files:
            new = cases.prepare(file, names, sim, waves, every)
            for case in new:
                simulation.start(case, pool, sim, waves)
            found += new
        if not found:
            raise errors.UsageError("no model fits any of these configurations")
        try:
            rows = [simulation.row(case, sim) for case in found]
        except SimulationError as error:
            pool.shutdown(cancel_futures=True)
            print(f"error: {error}", file=sys.stderr)
            return commands.MISMATCH
    cases.OUT.mkdir(parents=True, exist_ok=True)
    temporary = cases.OUT / "summary.json.new"
    flow.write_json(temporary, rows, schema.SUMMARY)
    temporary.replace(cases.OUT / "summary.json")
    table.show(rows)
    bad = [f"{r['model']} on {r['config']}" for r in rows if not verify.is_equal(r)]
    if not bad:
        keep_or_compare(rows, keep)
    print(
        f"{'DIFFERENT: ' + ', '.join(bad) if bad else 'all equal'}; "
        f"{(cases.OUT / 'summary.json').relative_to(ROOT)} in {time.monotonic() - began:.0f} s"
    )
    return commands.MISMATCH if bad else commands.OK


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--sim", default="verilator", help=", ".join(capacity.SIM_BEATS))
    parser.add_argument("--config", help=f"default: {', '.join(cases.CONFIGS)}")
    parser.add_argument(
        "--model",
        help=f"name in checkpoints/, or task (z1, ...); default: {', '.join(cases.MODELS)}",
    )
    parser.add_argument("--all", action="store_true", help="every model there is")
    parser.add_argument("--waves", action="store_true", help="record one sequence as FST")
    parser.add_argument(
        "--results", action="store_true", help="keep the table as README's (docs/results/data)"
    )
    args = parser.parse_args()
    if args.sim not in capacity.SIM_BEATS:
        raise errors.UsageError(
            f"unknown simulator '{args.sim}': known are {', '.join(capacity.SIM_BEATS)}"
        )
    names = (args.config,) if args.config else cases.CONFIGS
    for name in names:
        config.load(name)
    files = cases.find(args.model, args.all)

    from csb_rnn.system.locks import locked

    with locked(cases.OUT / "lock"):  # one at a time: all write the same folders
        return job(files, names, args.sim, args.waves, args.all, args.results)


if __name__ == "__main__":
    commands.run(main)
