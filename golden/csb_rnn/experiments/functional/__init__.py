# SPDX-License-Identifier: Apache-2.0
"""Functional coverage: which situations the RTL was in, counted by cocotb-coverage."""
