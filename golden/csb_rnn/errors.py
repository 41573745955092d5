# SPDX-License-Identifier: Apache-2.0
"""Errors of bad input: each message is one line for the user."""

from __future__ import annotations


class UsageError(ValueError):
    """Arguments or files that a command cannot work with; one line for the user."""
