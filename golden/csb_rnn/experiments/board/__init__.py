# SPDX-License-Identifier: Apache-2.0
"""The design on a board with an ECP5, ``examples/ecp5``: synthesis, place and route, bitstream, the
netlist in simulation."""
