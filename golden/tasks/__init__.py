# SPDX-License-Identifier: Apache-2.0
"""Real tasks, one file each: ``get("Z2")`` gives a :class:`golden.tasks.base.Task`."""

from __future__ import annotations

from importlib import import_module

from golden.tasks.base import Score, Task, TaskError, float_outputs, recurrent_module
from golden.tasks.data import DataError

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
    "Z1": ("golden.tasks.z1", "BibleWords"),
    "Z2": ("golden.tasks.z2", "Digits"),
    "Z3": ("golden.tasks.z3", "DigitsLiGru"),
    "Z4": ("golden.tasks.z4", "Phones"),
    "Z5": ("golden.tasks.z5", "PriceRange"),
    "Z6": ("golden.tasks.z6", "Sentences"),
    "Z7": ("golden.tasks.z7", "Pronunciation"),
}
"""Task id -> module and class; imported when asked for."""


def get(name: str) -> Task:
    """A task by its id, whatever its case. Data is fetched when it is first needed."""
    entry = TASKS.get(name.upper())
    if entry is None:
        raise TaskError(f"unknown task {name!r}; known: {', '.join(TASKS)}")
    return getattr(import_module(entry[0]), entry[1])()
