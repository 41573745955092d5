# SPDX-License-Identifier: Apache-2.0
"""Benches of the design on a board, examples/ecp5."""
