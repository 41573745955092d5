# SPDX-License-Identifier: Apache-2.0
"""CSB-RNN: an accelerator for recurrent networks pruned to compressed structured blocks.

Compiler, models and simulation of the machine in ``hdl/``; docs/architecture.md shows the rooms of
this package and which room may import which.
"""

__version__ = "2.0.0"
