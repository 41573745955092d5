# SPDX-License-Identifier: Apache-2.0
"""Coverage of the RTL: Verilator counts in every run of the tests, the counts are merged."""
