#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure the ten benchmark models and compare with published figures.

Prints tables and draws figures in build/bench; a whole run keeps each measured part
in docs/results/data, from which ``make docs`` renders docs/results/engine.md.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands, errors
from csb_rnn.experiments.bench import results, run
from csb_rnn.experiments.reports import measured
from csb_rnn.flow import check_out, schema, write_json
from csb_rnn.machine.folders import BUILD

OUT = BUILD / "bench"
TABLES = {"efficiency": schema.EFFICIENCY, "latency": schema.LATENCY}


def write(found: results.Results, out: Path) -> None:
    """``efficiency.json`` and ``latency.json``, the columns of their schema; both or none."""
    out.mkdir(parents=True, exist_ok=True)
    for name, kind in TABLES.items():
        whole = (row for row in getattr(found, name) if kind[0].keys() <= row.keys())
        rows = [{key: row[key] for key in kind[0]} for row in whole]
        write_json(out / f"{name}.json.new", rows, kind)
    for name in TABLES:
        (out / f"{name}.json.new").replace(out / f"{name}.json")


def show(found: results.Results) -> None:
    """The tables and the notes, at most 100 columns wide."""
    from csb_rnn.experiments.bench.page import engine_tables

    for t in engine_tables(found):
        print("\n".join(["", t.title, *commands.table(t.heads, t.rows, t.left)]))
        if t.note:
            print(textwrap.fill(t.note, commands.WIDTH))
    for note in found.notes:
        print(textwrap.fill(note, commands.WIDTH))


def measure(args: Any, parts: list[str], folder: Path) -> None:
    """Measure parts and keep each in a folder as soon as it is whole."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    from csb_rnn.experiments.bench import plan

    rtl = (
        [] if args.timing_only else args.rtl.split(",") if args.rtl else plan.simulated(args.quick)
    )
    began = {part: measured.begin(results.result_of(part)) for part in parts}
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, disable=not sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task("Verilator builds")

        def notify(title: str, done: int, total: int) -> None:
            bar.update(task, description=title, completed=done, total=total)
            if not sys.stdout.isatty():
                print(f"{done}/{total} {title}", file=sys.stderr, flush=True)

        def keep(found: results.Results, part: str) -> None:
            found.keep(part, began[part], folder)

        run.run(args.quick, rtl, notify, args.jobs, parts, keep, args.build_seconds)


def confirm(parts: list[str], folder: Path) -> None:
    """The rows of a quick run against the kept ones: are they those of today's sources?"""
    quick = results.read(folder, parts)
    for part in parts:
        name = results.result_of(part)
        print(f"{name}: {measured.confirm(name, getattr(quick, part))}")


def main() -> int:
    os.environ.setdefault("CSB_OPT", "-O2")  # long runs, whose speed is measured
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three models, block 32")
    parser.add_argument("--rtl", metavar="CONFIGS", help="run the RTL of these alone; with commas")
    parser.add_argument("--timing-only", action="store_true", help="no RTL: predict every row")
    parser.add_argument(
        "--only", metavar="PARTS", help=f"of {', '.join(results.PARTS)}; with commas"
    )
    parser.add_argument("--jobs", type=int, help="processes; default: one a core")
    parser.add_argument("--out", default=str(OUT), metavar="FOLDER")
    parser.add_argument("--build-seconds", type=int, default=run.BUILD_SECONDS,
                        help="of one Verilator build; what takes longer is predicted")  # fmt: skip
    parser.add_argument("--confirm", action="store_true",
                        help="with --quick: are the kept rows also today's?")  # fmt: skip
    parser.add_argument("--show", action="store_true", help="tables of the kept results only")
    args = parser.parse_args()
    if args.jobs is not None and args.jobs < 1:
        raise errors.UsageError(f"--jobs {args.jobs}: at least one")
    parts = args.only.split(",") if args.only else list(results.PARTS)
    if unknown := set(parts) - results.PARTS.keys():
        known = ", ".join(results.PARTS)
        raise errors.UsageError(f"unknown part '{min(unknown)}': known are {known}")
    out = Path(args.out)
    check_out(out)
    folder = out if args.quick else measured.FOLDER
    began = time.monotonic()
    if not args.show:
        try:
            measure(args, parts, folder)
        except (RuntimeError, AssertionError) as error:  # a SimulationError is one
            print(f"error: {error}", file=sys.stderr)
            return commands.MISMATCH
    if args.quick and args.confirm:
        confirm(parts, out)
    found = results.read(folder, results.kept_parts(folder))
    write(found, out)
    show(found)
    from csb_rnn.experiments.bench import figures

    figures.draw(found, out)
    print(f"{out} in {time.monotonic() - began:.0f} s")
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
