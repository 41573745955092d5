# SPDX-License-Identifier: Apache-2.0
"""One budget of weights dealt over the matrices of a network, by the error of each.

Every matrix is cut by itself at some rates, the rest solved for, and its error noted; between them
the error's logarithm is a line over the rate's. Then each gets the rate whose error + price of
its weights is least, at the one price for the whole budget.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from csb_rnn.pruning.parts import Part, join, problems_of, split
from csb_rnn.pruning.reconstruct import row_errors, solve_rows

__all__ = ["deal_rates"]

STEPS = (0.5, 1.0, 2.0, 4.0)  # rates over the budget's, at which a matrix's error is looked at
HALVINGS = 40


def deal_rates(
    parts: list[list[Part]],
    used: Tensor,
    rate: float,
    project: Callable[[str, Tensor, float], Tensor],
) -> dict[str, float]:
    """Rates by matrix with ``rate`` together and the least sum of errors."""
    curves: dict[str, tuple[int, np.ndarray, np.ndarray]] = {}
    for p in (p for row in parts for p in row):
        problems = problems_of(p, p.run.vectors, used)
        seen = split(p, [q.root()[:, : q.root().shape[1] - q.free] * q.start[:, : q.start.shape[1]
                          - q.free] for q in problems])  # fmt: skip
        whole = {name: torch.ones_like(w, dtype=torch.bool) for name, w in seen.items()}
        for name, w in seen.items():
            tried = [max(1.0, rate * step) for step in STEPS]
            errors = []
            for r in tried:
                masks = whole | {name: project(name, w, r) != 0}
                rows = [solve_rows(q, m) for q, m in zip(problems, join(p, masks), strict=True)]
                errors.append(sum(row_errors(q, r_) for q, r_ in zip(problems, rows, strict=True)))
            curves[name] = w.numel(), np.log(tried), np.log(np.maximum(errors, 1e-30))
    total = sum(size for size, *_ in curves.values())
    logs = np.linspace(0, np.log(rate * STEPS[-1]), 200)

    def chosen(price: float) -> dict[str, float]:
        """Of every matrix the rate with least error + price * kept weights."""
        found = {}
        for name, (size, tried, errors) in curves.items():
            error = np.exp(np.interp(logs, tried, errors))
            found[name] = float(np.exp(logs[(error + price * size / np.exp(logs)).argmin()]))
        return found

    def kept(rates: dict[str, float]) -> float:
        return sum(curves[name][0] / r for name, r in rates.items())

    low, high = -60.0, 60.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if kept(chosen(np.exp(middle))) > total / rate else (low, middle)
    found = chosen(np.exp(high))
    share = kept(found) / (total / rate)
    return {name: max(1.0, r * share) for name, r in found.items()}
