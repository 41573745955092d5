# SPDX-License-Identifier: Apache-2.0
"""A board behind a serial line, ``examples/ecp5``: registers, images and frames as commands.

Example::

    device = Device(SerialPort(Tty("/dev/ttyUSB0")), Network.load("DIR"))
    device.probe()
    with device.run():
        y = device.step(x)

The line is :class:`Tty`, or any object with pyserial's ``write``, ``read`` and
``reset_input_buffer``, such as ``serial.Serial("COM3", 3_000_000, timeout=1)``.
"""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable
from typing import Any, Protocol

from csb_rnn.errors import CsbError

LAST = 1 << 15  # in the argument of a command: with it the packet ends
CHUNK = 1024  # bytes of a command; the board's queue holds 2,048
MOST = 1 << 14  # bytes asked for by a command
FINE = b"K"
LETTERS = (b"I", b"F")  # of the ports of Transport.send
QUIET = 0.3  # seconds of the board to forget a cut command: 2^24 cycles
BAUD = 3_000_000


class SerialError(CsbError, OSError):
    """The board answers with an error, or not at all."""


class Line(Protocol):
    """What is used of pyserial's ``Serial``."""

    def write(self, data: bytes) -> Any:
        """Send bytes."""

    def read(self, size: int) -> bytes:
        """So many bytes; fewer if they do not come in time."""

    def reset_input_buffer(self) -> None:
        """Forget bytes that have come."""


class SerialPort:
    """A :class:`~csb_rnn.driver.device.Transport` over a serial line.

    Args:
        line: opened.
        sleep: waits so many seconds.
    """

    def __init__(self, line: Line, sleep: Callable[[float], None] = time.sleep) -> None:
        self._line, self._sleep = line, sleep

    def _ask(self, letter: bytes, argument: int, data: bytes = b"", count: int = 0) -> bytes:
        """Send a command; returns ``count`` bytes of its answer.

        Raises:
            SerialError: it fails.
        """
        self._line.write(letter + struct.pack("<H", argument) + data)
        answer = self._line.read(count + 1)
        if len(answer) != count + 1:
            self._sleep(QUIET)
            self._line.reset_input_buffer()
            raise SerialError(
                f"{len(answer)} of {count + 1} bytes came back for command {letter.decode()}: "
                "is it this board, at this speed?"
            )
        if answer[-1:] != FINE:
            raise SerialError(f"the board refuses command {letter.decode()} {argument:#x}")
        return answer[:-1]

    def read(self, offset: int) -> int:
        return int(struct.unpack("<I", self._ask(b"R", offset, count=4))[0])

    def write(self, offset: int, value: int) -> None:
        self._ask(b"W", offset, struct.pack("<I", value))

    def send(self, port: int, data: bytes) -> None:
        for at in range(0, len(data), CHUNK):
            part = data[at : at + CHUNK]
            last = LAST if at + CHUNK >= len(data) else 0
            self._ask(LETTERS[port], len(part) | last, part)

    def receive(self, count: int) -> bytes:
        parts = range(0, count, MOST)
        return b"".join(self._ask(b"O", n, count=n) for n in (min(MOST, count - a) for a in parts))


class Tty:
    """A serial device of a POSIX system, without flow control: 8 data bits, one stop bit.

    Args:
        path: such as ``/dev/ttyUSB0``.
        baud: bits a second; the system must have a constant for it.
        timeout: seconds that :meth:`read` waits for a byte.

    Raises:
        OSError: it cannot be opened, or has no such speed.
    """

    def __init__(self, path: str, baud: int = BAUD, timeout: float = 1.0) -> None:
        import termios
        import tty

        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise SerialError(f"{path}: this system has no speed of {baud} bits a second")
        self._file, self._timeout = os.open(path, os.O_RDWR | os.O_NOCTTY), timeout
        tty.setraw(self._file)
        settings = termios.tcgetattr(self._file)
        settings[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        settings[4] = settings[5] = speed
        termios.tcsetattr(self._file, termios.TCSANOW, settings)
        self.reset_input_buffer()

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file, data) :]

    def read(self, size: int) -> bytes:
        found = b""
        while len(found) < size and select.select([self._file], [], [], self._timeout)[0]:
            found += os.read(self._file, size - len(found))
        return found

    def reset_input_buffer(self) -> None:
        import termios

        termios.tcflush(self._file, termios.TCIFLUSH)

    def close(self) -> None:
        """Close the device."""
        os.close(self._file)
