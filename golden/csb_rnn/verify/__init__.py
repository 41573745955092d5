# SPDX-License-Identifier: Apache-2.0
"""Runs of a build on the RTL beside the models: comparison, report, results as files.

:func:`run_whole` is behind ``scripts/simulate.py``; :func:`compare` and :func:`report` are the
parts shared with other jobs. Efficiencies are defined by :func:`report`.
"""

from csb_rnn.verify.comparison import (
    STALLS,
    Comparison,
    compare,
    is_equal,
    judge,
    merge,
    report,
)
from csb_rnn.verify.evaluation import Evaluation, evaluate
from csb_rnn.verify.host_run import Whole, on_machine, run_whole
from csb_rnn.verify.image_run import DIFFERENCES, Run, Settings, interleave
from csb_rnn.verify.loss import describe
from csb_rnn.verify.model_run import run
from csb_rnn.verify.ran import Ran

__all__ = [
    "DIFFERENCES",
    "STALLS",
    "Comparison",
    "Evaluation",
    "Ran",
    "Run",
    "Settings",
    "Whole",
    "compare",
    "describe",
    "evaluate",
    "interleave",
    "is_equal",
    "judge",
    "merge",
    "on_machine",
    "report",
    "run",
    "run_whole",
]
