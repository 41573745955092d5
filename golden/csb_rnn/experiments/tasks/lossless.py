# SPDX-License-Identifier: Apache-2.0
"""When a pruned model counts as lossless: the one rule of the search, the table and the reports.

Fixed beforehand: on validation data, perplexity at most 1.5 % above the dense model's, any other
result at most 0.5 points or two items worse, whichever is more (for R2, 0.005).
"""

from __future__ import annotations

from csb_rnn.experiments.tasks.base import Score, Task

ROUNDING = 1e-9  # a mean of counts is not exact; its rounding must not decide


def limit(task: Task, dense: Score) -> float:
    """The worst lossless validation result.

    Example: 94.0 % of 1000 items dense, 93.5; of 100 items, 92.0.
    """
    if dense.metric == "perplexity":
        return dense.value * 1.015
    if dense.metric == "R2":
        return dense.value - 0.005
    slack = max(0.5, 200 / dense.items)
    return dense.value - slack if task.higher_is_better else dense.value + slack


def meets(task: Task, value: float, limit: float) -> bool:
    """Whether a result, or a mean of results, is no worse than the limit."""
    if task.higher_is_better:
        return value >= limit - ROUNDING
    return value <= limit + ROUNDING
