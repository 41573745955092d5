#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure the ten benchmark models and compare with what was published.

Prints tables and writes efficiency.json, latency.json, details.json and figures to build/bench; a
whole run also writes docs/results/engine.md.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands, errors
from csb_rnn.experiments.bench import plan
from csb_rnn.flow import check_out, schema, write_json
from csb_rnn.machine.folders import BUILD

ROOT = Path(__file__).resolve().parents[1]
OUT = BUILD / "bench"
PAGE = ROOT / "docs/results/engine.md"


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what is not a column of theirs."""
    return [{k: v for k, v in row.items() if k != "extra"} for row in rows]


def write(results: plan.Results, out: Path) -> None:
    """The JSON files of a run; all or none."""
    files = {
        "efficiency.json": (plain(results.efficiency), schema.EFFICIENCY),
        "latency.json": (plain(results.latency), schema.LATENCY),
        "details.json": (
            {
                "efficiency": [r["extra"] for r in results.efficiency],
                "latency": [r["extra"] for r in results.latency],
                "notes": results.notes,
            },
            dict,
        ),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, (value, kind) in files.items():
        write_json(out / f"{name}.new", value, kind)
    for name in files:
        (out / f"{name}.new").replace(out / name)


def read(out: Path) -> plan.Results:
    """What :func:`write` wrote.

    Raises:
        UsageError: it is not there.
    """
    try:
        rows = [json.loads((out / f"{n}.json").read_text()) for n in ("efficiency", "latency")]
        details = json.loads((out / "details.json").read_text())
    except (OSError, ValueError) as error:
        raise errors.UsageError(f"no results of an earlier run: {error}") from None
    for kind, these in zip(("efficiency", "latency"), rows, strict=True):
        for row, extra in zip(these, details[kind], strict=True):
            row["extra"] = extra
    return plan.Results(*rows, details["notes"])


def show(results: plan.Results) -> None:
    from rich.console import Console
    from rich.table import Table

    from csb_rnn.experiments.bench.tables import tables

    console = Console(width=None if sys.stdout.isatty() else 200)
    for t in tables(results):
        table = Table(title=t.title, caption=t.note or None)
        for i, head in enumerate(t.heads):
            table.add_column(head, justify="left" if i < t.left else "right")
        for row in t.rows:
            table.add_row(*row)
        console.print(table)
    for note in results.notes:
        console.print(note)


def measure(args: Any) -> plan.Results:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    rtl = [] if args.timing_only else plan.simulated(args.quick)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, disable=not sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task("Verilator builds")

        def notify(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)
            if not sys.stdout.isatty():
                print(f"{done}/{total} {what}", file=sys.stderr, flush=True)

        return plan.run(args.quick, rtl, notify, args.jobs, not args.no_z3)


def main() -> int:
    os.environ.setdefault("CSB_OPT", "-O2")  # long runs, whose speed is measured
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three models, block 32")
    parser.add_argument("--timing-only", action="store_true", help="no RTL: predict every row")
    parser.add_argument("--no-z3", action="store_true", help="without the paper's compiler")
    parser.add_argument("--jobs", type=int, help="processes; default: one a core")
    parser.add_argument("--out", default=str(OUT), metavar="FOLDER")
    parser.add_argument("--show", action="store_true", help="tables and page of the last run only")
    args = parser.parse_args()
    if args.jobs is not None and args.jobs < 1:
        raise errors.UsageError(f"--jobs {args.jobs}: at least one")
    out = Path(args.out)
    check_out(out)
    from csb_rnn.experiments.bench import figures, page

    began = time.monotonic()
    if args.show:
        results = read(out)
    else:
        try:
            results = measure(args)
        except (RuntimeError, AssertionError) as error:  # a SimulationError is one
            print(f"error: {error}", file=sys.stderr)
            return commands.MISMATCH
        seconds = time.monotonic() - began
        results.note(f"measured in {seconds / 60:.1f} minutes")
        write(results, out)
    show(results)
    figures.draw(results, out)
    if not args.quick and out.resolve() == OUT:
        page.write(results, OUT / "area.json", PAGE)
    print(f"{out} in {time.monotonic() - began:.0f} s")
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
