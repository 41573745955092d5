# SPDX-License-Identifier: Apache-2.0
"""Real tasks, one file each: ``get("Z2")`` gives a :class:`csb_rnn.experiments.tasks.base.Task`."""

from __future__ import annotations

from importlib import import_module

from csb_rnn.experiments.tasks.base import Score, Task, TaskError, float_outputs, recurrent_module
from csb_rnn.experiments.tasks.data import DataError

__all__ = [
    "TASKS",
    "DataError",
    "Score",
    "Task",
    "TaskError",
    "float_outputs",
    "get",
    "recurrent_module",
]

TASKS = {
    "Z1": ("csb_rnn.experiments.tasks.z1_words", "BibleWords"),
    "Z1L": ("csb_rnn.experiments.tasks.z1_words", "BibleWordsLong"),
    "Z2": ("csb_rnn.experiments.tasks.z2_digits", "Digits"),
    "Z3": ("csb_rnn.experiments.tasks.z3_digits_ligru", "DigitsLiGru"),
    "Z4": ("csb_rnn.experiments.tasks.z4_phones", "Phones"),
    "Z4L": ("csb_rnn.experiments.tasks.z4_phones", "PhonesLong"),
    "Z5": ("csb_rnn.experiments.tasks.z5_price_range", "PriceRange"),
    "Z6": ("csb_rnn.experiments.tasks.z6_sentiment", "Sentences"),
    "Z7": ("csb_rnn.experiments.tasks.z7_pronunciation", "Pronunciation"),
}
"""Task id -> module and class; imported when asked for."""


def get(name: str) -> Task:
    """A task by its id, whatever its case. Data is fetched when it is first needed."""
    entry = TASKS.get(name.upper())
    if entry is None:
        raise TaskError(f"unknown task {name!r}; known: {', '.join(TASKS)}")
    return getattr(import_module(entry[0]), entry[1])()
