# SPDX-License-Identifier: Apache-2.0
"""Pruning: the CSB projection, ADMM, the search for the lossless rate, and rival schemes."""

from golden.pruning.admm import AdmmPruner, PruningError, gates_of, recurrent_matrices
from golden.pruning.feedback import FeedbackPruner
from golden.pruning.order import find_order
from golden.pruning.projection import (
    KernelStats,
    ProjectionError,
    achieved_rate,
    csb_mask,
    csb_project,
    kernel_sizes,
    kernel_stats,
)
from golden.pruning.schemes import SCHEMES, Scheme, make_scheme

__all__ = [
    "SCHEMES",
    "AdmmPruner",
    "FeedbackPruner",
    "KernelStats",
    "ProjectionError",
    "PruningError",
    "Scheme",
    "achieved_rate",
    "csb_mask",
    "csb_project",
    "find_order",
    "gates_of",
    "kernel_sizes",
    "kernel_stats",
    "make_scheme",
    "recurrent_matrices",
]
