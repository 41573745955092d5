# SPDX-License-Identifier: Apache-2.0
"""Trained models on real data through the RTL, bit for bit, cycle for cycle: ``make sim``."""
