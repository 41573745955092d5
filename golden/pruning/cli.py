# SPDX-License-Identifier: Apache-2.0
"""What the pruning scripts share: arguments in the project's notation, errors for people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from golden.checkpoint import CheckpointError
from golden.pruning.admm import PruningError
from golden.pruning.projection import ProjectionError
from golden.tasks.base import TaskError
from golden.tasks.data import DataError

__all__ = ["parse_align", "positive_int", "rate", "run"]

EXPECTED = (CheckpointError, DataError, ProjectionError, PruningError, TaskError, OSError)


def parse_align(text: str) -> tuple[int, int]:
    """``"4x4"`` to ``(4, 4)``."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(p.isdecimal() and int(p) > 0 for p in parts):
        raise argparse.ArgumentTypeError(f"expected PxQ, for example 4x4, got {text!r}")
    return int(parts[0]), int(parts[1])


def positive_int(text: str) -> int:
    """A positive integer."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return int(text)


def rate(text: str) -> float:
    """A rate, weights / non-zeros: a number of at least 1, or ``inf``."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value >= 1:
        raise argparse.ArgumentTypeError(f"expected a rate of at least 1, got {text!r}")
    return value


def run(main: Callable[[], None]) -> None:
    """Run a script: an expected error is one line and exit code 2."""
    try:
        main()
    except EXPECTED as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
