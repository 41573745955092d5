# SPDX-License-Identifier: Apache-2.0
"""A RISC-V system with a trained network, in simulation: ``examples/soc``."""
