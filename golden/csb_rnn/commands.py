# SPDX-License-Identifier: Apache-2.0
"""What the commands share: arguments, exit codes, and one line for whatever is wrong with input.

Exit codes: 0 all is equal, 1 a mismatch in value or cycle (or the simulation failed), 2 bad input.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from typing import NoReturn

from csb_rnn import processes, untrusted
from csb_rnn.errors import UsageError
from csb_rnn.machine.config import ConfigError
from csb_rnn.machine.image import ImageError
from csb_rnn.models.quantise import QuantError
from csb_rnn.network.checkpoint import CheckpointError
from csb_rnn.network.network import NetworkError
from csb_rnn.program.archive import StoreError
from csb_rnn.program.program import CompileError
from csb_rnn.untrusted import FileError

OK, MISMATCH, BAD_INPUT = 0, 1, 2


#: Everything that means bad input; operating system errors are files that cannot be used.
EXPECTED: tuple[type[Exception], ...] = (
    CheckpointError,
    CompileError,
    ConfigError,
    FileError,
    ImageError,
    NetworkError,
    QuantError,
    StoreError,
    UsageError,
    OSError,
)


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


def run(main: Callable[[], int | None], expected: tuple[type[Exception], ...] = ()) -> NoReturn:
    """Run a command and exit with its code.

    Args:
        main: returns the exit code, None for 0.
        expected: errors that mean bad input, beside those of this module.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    processes.follow_make()
    try:
        code = main() or OK
    except (*EXPECTED, *expected) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        code = BAD_INPUT
    except MemoryError:
        print("error: the memory of this machine is not enough", file=sys.stderr)
        code = BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.stdout.flush()
    sys.exit(code)
