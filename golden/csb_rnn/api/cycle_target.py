# SPDX-License-Identifier: Apache-2.0
"""The smallest rate at which the compiled program of a network takes so many cycles a frame.

Each rate of the search is pruned and compiled, for kept weights alone do not tell cycles: kernels
share words, and loops through the state wait for each other. Example: a GRU 16 -> 64 on ``tiny``
takes 286 cycles at rate 3.4 and 128 at rate 8.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path

from csb_rnn import flow
from csb_rnn.api.build import Build
from csb_rnn.errors import UsageError
from csb_rnn.machine.config import Config
from csb_rnn.network import stacking
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.read import Source
from csb_rnn.program.program import CompileError
from csb_rnn.pruning.projection import ProjectionError
from csb_rnn.pruning.report import Pruned

__all__ = ["cycles_of", "prune_to_cycles"]

TOP = (128, 64, 32, 16, 8, 4, 2)  # largest rate of the search: the first one that blocks can have
STEPS = 7  # halvings of the ratio of two rates: 128 to within 4 %
AGAIN = 6  # rates of the last method, each a twentieth above the one before
MORE = 1.05

PruneAt = Callable[[float], tuple[Checkpoint, Pruned]]


def cycles_of(checkpoint: Checkpoint, c: Config) -> float:
    """Cycles a frame of the compiled program; infinite if the machine cannot hold it."""
    found = Source(Path("pruned"), stacking.from_checkpoint(checkpoint), checkpoint)
    try:
        record = flow.build_source(found, c, unchecked=True)
    except CompileError:
        return math.inf
    return Build(record).predict().cycles


def _top(fast: PruneAt, c: Config) -> tuple[float, float]:
    """Largest rate of the search, and its cycles.

    Raises:
        ProjectionError: the matrices are too small for any rate.
    """
    for rate in TOP[:-1]:
        with contextlib.suppress(ProjectionError):
            return float(rate), cycles_of(fast(rate)[0], c)
    return float(TOP[-1]), cycles_of(fast(TOP[-1])[0], c)


def prune_to_cycles(
    c: Config,
    cycles: float,
    fast: PruneAt,
    last: PruneAt | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Checkpoint, Pruned, float]:
    """Prune as little as a number of cycles allows.

    Args:
        c: the machine.
        cycles: a frame may take so many.
        fast: prunes to a rate; the search uses it.
        last: prunes to a rate with more time; if None, ``fast`` does all. Its program is compiled
            too, and where it takes more cycles the rate rises in steps of a twentieth.
        say: takes a line for each compiled rate.

    Returns:
        The pruned checkpoint, its kept part, its cycles.

    Raises:
        UsageError: no rate takes so few cycles.
    """
    if not (math.isfinite(cycles) and cycles > 0):
        raise UsageError(f"expected a number of cycles, got {cycles:g}")
    high, reached = _top(fast, c)
    if reached > cycles:
        least = "does not fit" if math.isinf(reached) else f"takes {reached:g} cycles a frame"
        raise UsageError(
            f"{cycles:g} cycles a frame are out of reach on {c.name}: at rate {high:g} the network"
            f" {least}"
        )
    low = 1.0
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        try:
            taken = cycles_of(fast(middle)[0], c)
        except ProjectionError:
            taken = math.inf  # a small matrix has no pattern of this rate: look above
        say(f"rate {middle:.4g}: {taken:g} cycles")
        low, high = (low, middle) if taken <= cycles else (middle, high)
    for _ in range(AGAIN):
        found, kept = (last or fast)(high)
        taken = cycles_of(found, c)
        say(f"rate {high:.4g}: {taken:g} cycles, as written")
        if taken <= cycles:
            return found, kept, taken
        high *= MORE
    raise UsageError(
        f"{cycles:g} cycles a frame are out of reach on {c.name}: at rate {high / MORE:.3g} pruned"
        f" with data the network takes {taken:g}"
    )
