# SPDX-License-Identifier: Apache-2.0
"""A program alone: its cycles, its numbers, its bounds, its timeline and its listing."""
