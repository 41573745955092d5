# SPDX-License-Identifier: Apache-2.0
"""The design on chips: area by module, area of every sharing mode, clock on an ECP5."""
