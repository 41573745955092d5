# SPDX-License-Identifier: Apache-2.0
"""Runs of the RTL: the launcher of simulators, the simulation process and the simulation top."""
