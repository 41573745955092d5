# SPDX-License-Identifier: Apache-2.0
"""Jobs for workers of a farm in tests: they import this file in processes of their own."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.experiments.farm import sweep
from csb_rnn.experiments.tasks import z2_digits

HIDDEN = 32


def squared(n: int) -> int:
    return n * n


def killed_once(n: int, folder: str) -> int:
    """The first of all jobs to find no mark kills its worker, in the middle of its work."""
    mark = Path(folder, "mark")
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return n * n
    os.kill(os.getpid(), signal.SIGKILL)
    return -1


def failing(n: int) -> int:
    if n == 1:
        raise ValueError("a bad job\nof two lines")
    return n


def made_up_recordings() -> dict[str, tuple[list[np.ndarray], np.ndarray]]:
    """Short stand-ins for the recordings of Z2: 40 to train, 12 for each of the other splits. The
    class shifts the coefficients."""
    rng = np.random.default_rng(0)
    splits = {}
    for name, count in {"train": 40, "valid": 12, "test": 12}.items():
        labels = rng.integers(0, 10, count)
        pieces = [
            z2_digits.differences(rng.normal(size=(rng.integers(3, 9), 13)) + label)
            for label in labels
        ]
        splits[name] = (pieces, labels.astype(np.int64))
    return splits


def made_up_digits() -> None:
    """Z2 of this process on made-up recordings, with a small model."""
    splits = made_up_recordings()
    z2_digits.recordings = lambda: splits
    z2_digits.statistics.cache_clear()
    z2_digits.Digits.model = lambda task: z2_digits.DigitGru(hidden=HIDDEN)
    z2_digits.Digits.epochs = 1


def train(*arguments: Any) -> sweep.Made:
    made_up_digits()
    return sweep.train(*arguments)


def attempt(*arguments: Any) -> sweep.Made:
    made_up_digits()
    return sweep.attempt(*arguments)
