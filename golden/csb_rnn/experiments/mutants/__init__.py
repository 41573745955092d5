# SPDX-License-Identifier: Apache-2.0
"""Mutants of the RTL: one small change each, which the tests of its module have to find."""
