# SPDX-License-Identifier: Apache-2.0
"""Runs of a build on the RTL beside the models: comparison, report, results as files.

:func:`run_whole` is behind ``scripts/simulate.py``; :func:`compare` and :func:`report` are the
parts that other jobs share. Efficiencies are defined by :func:`report`.
"""

from csb_rnn.verify.comparison import (
    SIM_BEATS,
    SIM_FRAMES,
    SIM_IMAGE_WORDS,
    STALLS,
    Comparison,
    check_size,
    compare,
    image_words,
    is_equal,
    judge,
    merge,
    report,
)
from csb_rnn.verify.host_run import run_whole
from csb_rnn.verify.image_run import DIFFERENCES, Run, Settings, interleave
from csb_rnn.verify.model_run import run

__all__ = [
    "DIFFERENCES",
    "SIM_BEATS",
    "SIM_FRAMES",
    "SIM_IMAGE_WORDS",
    "STALLS",
    "Comparison",
    "Run",
    "Settings",
    "check_size",
    "compare",
    "image_words",
    "interleave",
    "is_equal",
    "judge",
    "merge",
    "report",
    "run",
    "run_whole",
]
