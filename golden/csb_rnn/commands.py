# SPDX-License-Identifier: Apache-2.0
"""Common parts of the commands: arguments, exit codes, and one line for each fault of the input.

Exit codes: 0 all is equal, 1 a mismatch in value or cycle (or the simulation failed), 2 bad input.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from typing import NoReturn

from csb_rnn.errors import CsbError
from csb_rnn.system import processes, untrusted

OK, MISMATCH, BAD_INPUT = 0, 1, 2


class Parser(argparse.ArgumentParser):
    """Wrong arguments are one line as well; ``--help`` shows the usage."""

    def parse_args(self, args=None, namespace=None):
        """An empty file name would mean the working folder: nobody wants that."""
        parsed = super().parse_args(args, namespace)
        for name, value in vars(parsed).items():
            if value == "":
                self.error(f"argument {name}: is empty")
        return parsed

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"error: {untrusted.clean(message)}\n")


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks and control characters, and not too long."""
    return untrusted.clean(str(error)) or type(error).__name__


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run a command and exit with its code; errors of the operating system are files that cannot
    be used.

    Args:
        main: returns the exit code, None for 0.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    processes.follow_make()
    try:
        code = main() or OK
    except (CsbError, OSError) as error:
        code = error.exit_code if isinstance(error, CsbError) else BAD_INPUT
        text = one_line(error) if code == BAD_INPUT else str(error)  # a failed run shows its log
        print(f"error: {text}", file=sys.stderr)
    except MemoryError:
        print("error: the memory of this machine is not enough", file=sys.stderr)
        code = BAD_INPUT
    except KeyboardInterrupt:
        sys.unraisablehook = lambda _: None  # pipes of ended processes complain at the end
        print("interrupted", file=sys.stderr)
        code = 130
    sys.stdout.flush()
    sys.exit(code)


# --- arguments ---------------------------------------------------------------------------------


def parse_align(text: str) -> tuple[int, int]:
    """``"4x4"`` to ``(4, 4)``."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(p.isdecimal() and int(p) > 0 for p in parts):
        raise argparse.ArgumentTypeError(f"expected PxQ, for example 4x4, got {text!r}")
    return int(parts[0]), int(parts[1])


def positive_int(text: str) -> int:
    """A positive integer."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return int(text)


def rate(text: str) -> float:
    """A rate, weights / non-zeros: a number of at least 1, or ``inf``."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value >= 1:
        raise argparse.ArgumentTypeError(f"expected a rate of at least 1, got {text!r}")
    return value
