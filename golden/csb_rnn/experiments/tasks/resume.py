# SPDX-License-Identifier: Apache-2.0
"""A phase of training on disk after every epoch: it goes on after a stop at any moment.

An interrupted phase that goes on gives the same model, bit for bit, as one in one piece: the file
holds the model, the optimiser and its schedule, the pruner, and both random generators. Example: of
ten epochs six are in the file; the machine stops in the seventh; called again, the phase begins the
seventh from its start.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

__all__ = ["Phase", "Stateful", "forget"]

_RUN = uuid.uuid4().hex  # of this process


class Stateful(Protocol):
    """Anything with a state of its own."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Any) -> Any: ...


class Phase:
    """One phase of a training and its file.

    Args:
        path: of the file; None keeps nothing.
        parts: whose states are kept, by name.
        generator: of the batches.
    """

    def __init__(
        self, path: Path | None, parts: Mapping[str, Stateful], generator: torch.Generator
    ) -> None:
        self.path, self.parts, self.generator = path, parts, generator
        self.begin = time.process_time()
        self.before = 0.0  # processor seconds of earlier processes

    def load(self) -> dict[str, Any]:
        """Take the states of the file; returns its values, none if there is no file."""
        if self.path is None or not self.path.is_file():
            return {}
        found: dict[str, Any] = torch.load(self.path, weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(found["parts"][name])
        self.generator.set_state(found["generator"])
        torch.set_rng_state(found["torch"])
        self.before = found["seconds"]
        return dict(found["values"])

    def save(self, **values: float) -> None:
        """Write states and values; an interrupted write leaves the last file as it was."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        torch.save(
            {
                "parts": {name: part.state_dict() for name, part in self.parts.items()},
                "generator": self.generator.get_state(),
                "torch": torch.get_rng_state(),
                "run": _RUN,
                "before": self.before,
                "seconds": self.before + time.process_time() - self.begin,
                "values": values,
            },
            temporary,
        )
        temporary.replace(self.path)


def forget(folder: Path) -> float:
    """Delete the phases of a finished training; returns the processor seconds that they took in
    earlier processes."""
    seconds = 0.0
    for path in sorted(folder.glob("*.pt")):
        found = torch.load(path, weights_only=True)
        seconds += float(found["before" if found["run"] == _RUN else "seconds"])
        path.unlink()
    if folder.is_dir():
        folder.rmdir()
    return seconds
