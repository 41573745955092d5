# SPDX-License-Identifier: Apache-2.0
"""Energy of a frame: accesses counted in programs and in the RTL, times energies of others."""
