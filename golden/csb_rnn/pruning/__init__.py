# SPDX-License-Identifier: Apache-2.0
"""Pruning: the CSB projection, ADMM, the search for the lossless rate, and rival schemes."""

from csb_rnn.network.kernels import KernelStats, kernel_sizes, kernel_stats
from csb_rnn.pruning.admm import AdmmPruner
from csb_rnn.pruning.feedback import FeedbackPruner
from csb_rnn.pruning.matrices import PruningError, gates_of, recurrent_matrices
from csb_rnn.pruning.order import find_order
from csb_rnn.pruning.projection import (
    ProjectionError,
    achieved_rate,
    csb_mask,
    csb_project,
)
from csb_rnn.pruning.pruner import Pruner
from csb_rnn.pruning.report import Pruned
from csb_rnn.pruning.schemes import SCHEMES, Scheme, make_scheme
from csb_rnn.pruning.straight_through import StraightThrough

__all__ = [
    "SCHEMES",
    "AdmmPruner",
    "FeedbackPruner",
    "KernelStats",
    "ProjectionError",
    "Pruned",
    "Pruner",
    "PruningError",
    "Scheme",
    "StraightThrough",
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
