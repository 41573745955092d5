# SPDX-License-Identifier: Apache-2.0
"""What the pruning scripts share: arguments in the project's notation, and their errors."""

from __future__ import annotations

import argparse

from csb_rnn.experiments.tasks.base import TaskError
from csb_rnn.experiments.tasks.data import DataError
from csb_rnn.pruning.admm import PruningError
from csb_rnn.pruning.projection import ProjectionError

__all__ = ["EXPECTED", "parse_align", "positive_int", "rate"]

EXPECTED = (DataError, ProjectionError, PruningError, TaskError)
"""Errors of pruning and tasks that mean bad input, for :func:`csb_rnn.commands.run`."""


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
