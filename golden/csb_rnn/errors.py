# SPDX-License-Identifier: Apache-2.0
"""The base of all errors of this package. Each message is for the user, and one line if the input
is to blame.

Example: ``error: lstm.pt: no such file`` and exit code 2.
"""

from __future__ import annotations


class CsbError(Exception):
    """Base of every error raised by this package on purpose.

    A command prints one as ``error: MESSAGE`` and ends with :attr:`exit_code`.
    """

    exit_code = 2  # bad input; 1: the machine differs from the models, or its simulation failed


class UsageError(CsbError, ValueError):
    """Unusable arguments or files of a command; one line for the user."""
