# SPDX-License-Identifier: Apache-2.0
"""Drivers, checkers and models of all benches."""
