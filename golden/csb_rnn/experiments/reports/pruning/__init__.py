# SPDX-License-Identifier: Apache-2.0
"""docs/results/pruning.md, its figures and the table of checkpoints/, from the records."""
