# SPDX-License-Identifier: Apache-2.0
"""The machine: configurations, instruction words, registers, image, number formats, its files."""
