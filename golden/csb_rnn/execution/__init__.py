# SPDX-License-Identifier: Apache-2.0
"""A program alone: its cycles, its numbers, what bounds it, its timeline and its listing."""
