# SPDX-License-Identifier: Apache-2.0
"""Common parts of the commands: arguments, exit codes, and one line for each fault of the input.

Exit codes: 0 all is equal, 1 a mismatch in value or cycle (or the simulation failed), 2 bad input.
"""

from __future__ import annotations

import argparse
import io
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn, TextIO

from csb_rnn.errors import CsbError
from csb_rnn.system import extras, processes, untrusted

OK, MISMATCH, BAD_INPUT = 0, 1, 2
WIDTH = 100  # columns of tables, and of messages on a terminal
LONG = (60, 40, 20)  # columns of a cell at most, the first that is narrow enough for a row
GAP = "  "


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
        self.exit(BAD_INPUT, shown(f"error: {untrusted.clean(message)}", sys.stderr) + "\n")


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks and control characters, and not too long."""
    return untrusted.clean(str(error)) or type(error).__name__


def shown(text: str, stream: TextIO) -> str:
    """A message in lines of at most 100 columns on a terminal; one line in a file or a pipe."""
    if not stream.isatty():
        return text
    return textwrap.fill(
        text, WIDTH, subsequent_indent=GAP, break_long_words=False, break_on_hyphens=False
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of a table of at most 100 columns, without colours or frames.

    A wider one goes on below: its further columns, with the first ``left`` ones again. Example:
    ``table(("name", "cycles"), [("z2_gru", "162")])`` is ``name    cycles`` above
    ``z2_gru     162``.

    Args:
        heads: of all columns.
        rows: texts, as many as heads.
        left: columns that name a row; they stand at the left, numbers at the right.
    """
    texts = [list(row) for row in (heads, *rows)]
    for long in LONG:
        cells = [[textwrap.wrap(text, long) or [""] for text in row] for row in texts]
        wide = [max(len(line) for row in cells for line in row[n]) for n in range(len(heads))]
        start = sum(wide[:left]) + len(GAP) * (left - 1)
        if start + len(GAP) + max(wide[left:], default=0) <= WIDTH:
            break
    parts: list[list[int]] = [[]]
    room = start
    for n in range(left, len(heads)):
        if parts[-1] and room + len(GAP) + wide[n] > WIDTH:
            parts.append([])
            room = start
        parts[-1].append(n)
        room += len(GAP) + wide[n]
    out: list[str] = []
    for part in parts:
        out += [""] if out else []
        for row in cells:
            for k in range(max(len(row[n]) for n in [*range(left), *part])):
                line = []
                for n in [*range(left), *part]:
                    text = row[n][k] if k < len(row[n]) else ""
                    line.append(f"{text:<{wide[n]}}" if n < left else f"{text:>{wide[n]}}")
                out.append(GAP.join(line).rstrip())
    return out


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
    except (CsbError, OSError, ModuleNotFoundError) as caught:
        error = extras.of_import(caught) if isinstance(caught, ModuleNotFoundError) else caught
        if isinstance(error, ModuleNotFoundError):
            raise
        code = error.exit_code if isinstance(error, CsbError) else BAD_INPUT
        text = one_line(error) if code == BAD_INPUT else str(error)  # a failed run shows its log
        print(shown(f"error: {text}", sys.stderr) if code == BAD_INPUT else f"error: {text}",
              file=sys.stderr)  # fmt: skip
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
