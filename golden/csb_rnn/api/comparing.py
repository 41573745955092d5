# SPDX-License-Identifier: Apache-2.0
"""Why a larger machine is slower: the cycles of its units beside those of a smaller one.

Example: a GRU of 16 units takes more cycles on ``paper512`` than on ``tiny`` if no unit is busy for
long and the frame waits for the one before it: each step of the wait is longer there, as the sum
across an engine row has two stages instead of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from csb_rnn.api.results import Prediction
from csb_rnn.execution.utilisation import DEPENDENCES, Utilisation
from csb_rnn.machine.config import Config


class Measured(Protocol):
    """A network on a machine: :class:`csb_rnn.api.explore.Point`."""

    @property
    def config(self) -> Config: ...
    @property
    def rate(self) -> float | None: ...
    @property
    def block(self) -> int | None: ...
    @property
    def prediction(self) -> Prediction | None: ...
    @property
    def usage(self) -> tuple[Utilisation, ...]: ...


def _cycles(point: Measured) -> Counter[str]:
    """Cycles of a frame in use by each unit, summed over the parts of the network."""
    total: Counter[str] = Counter()
    for part in point.usage:
        total.update(part.cycles)
    return total


def _paths(small: Config, large: Config) -> list[str]:
    """Differences of two machines that lengthen the way from a product to the next frame."""
    found = []
    if large.reduce_stages > small.reduce_stages:
        found.append(f"{large.reduce_stages} adder stages across a row, not {small.reduce_stages}")
    if large.deep > small.deep:
        found.append("registers in its long paths (deep)")
    if large.sub_slots > small.sub_slots:
        found.append(f"{large.sub_slots} cycles a slot on the neuron bus, not {small.sub_slots}")
    return found


def reason(small: Measured, large: Measured) -> str:
    """Why the larger machine takes more cycles a frame."""
    assert small.prediction is not None
    assert large.prediction is not None
    bound, own, other = large.prediction.bound, _cycles(large), _cycles(small)
    if bound != DEPENDENCES:
        text = f"its {bound} bounds it, {own[bound]} cycles a frame where the smaller has "
        text += str(other[bound])
        if bound == "engine" and large.config.shared_cols > small.config.shared_cols:
            text += "; its PE rows share columns, and kernels keep uneven numbers of rows"
        return text
    unit, busiest = max(own.items(), key=lambda item: item[1])
    text = f"no unit bounds it (the busiest, {unit}, has {busiest} cycles): a frame waits for the "
    text += "one before it, along a longer path"
    paths = _paths(small.config, large.config)
    return text + (f": {', '.join(paths)}" if paths else "")


def slower(points: Sequence[Measured]) -> Iterator[str]:
    """A line for each machine that takes more cycles than one with fewer PEs, beside the fastest of
    those; at the same rate and block."""
    groups: dict[tuple[float | None, int | None], list[Measured]] = {}
    for p in points:
        if p.prediction is not None:
            asked = None if p.rate is None else round(p.rate)
            groups.setdefault((asked, p.block), []).append(p)
    for (rate, _), group in groups.items():
        for p in group:
            assert p.prediction is not None
            fewer = [
                (q.prediction.cycles, n)
                for n, q in enumerate(group)
                if q.prediction is not None and q.config.pes < p.config.pes
            ]
            if not fewer or min(fewer)[0] >= p.prediction.cycles:
                continue
            best = group[min(fewer)[1]]
            at = "" if rate is None else f" at rate {rate:g}"
            yield (
                f"{p.config.name} ({p.config.pes} PEs) takes {p.prediction.cycles:g} cycles{at}, "
                f"{best.config.name} ({best.config.pes}) {min(fewer)[0]:g}: {reason(best, p)}"
            )
