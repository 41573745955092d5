# SPDX-License-Identifier: Apache-2.0
"""The serial transport without its board: a stand-in of the line, and a terminal of the system."""

from __future__ import annotations

import os

import pytest

from csb_rnn.driver.serial_port import CHUNK, MOST, QUIET, SerialError, SerialPort, Tty


class Answers:
    """pyserial's ``Serial``: takes sent bytes, gives prepared answers one after the other."""

    def __init__(self, *answers: bytes) -> None:
        self.sent: list[bytes] = []
        self.answers, self.waiting, self.resets = list(answers), b"", 0

    def write(self, data: bytes) -> int:
        self.sent.append(bytes(data))
        self.waiting += self.answers.pop(0)
        return len(data)

    def read(self, size: int) -> bytes:
        found, self.waiting = self.waiting[:size], self.waiting[size:]
        return found

    def reset_input_buffer(self) -> None:
        self.waiting, self.resets = b"", self.resets + 1


def test_registers_as_commands() -> None:
    line = Answers(b"\x44\x33\x22\x11K", b"K")
    port = SerialPort(line)
    assert port.read(0x24) == 0x11223344
    port.write(0x120, 0xFFFFFFFE)
    assert line.sent == [b"R\x24\0", b"W\x20\x01\xfe\xff\xff\xff"]


def test_packets_go_in_pieces_and_the_last_one_ends_them() -> None:
    data = bytes(range(256)) * 9  # 2,304 bytes
    line = Answers(*[b"K"] * 4)
    port = SerialPort(line)
    port.send(0, data)
    port.send(1, b"12345678")
    first, second, third, frame = line.sent
    assert (first[:3], second[:3]) == (b"I\0\x04", b"I\0\x04")
    assert (third[:3], frame) == (b"I\0\x81", b"F\x08\x8012345678")
    assert first[3:] + second[3:] + third[3:] == data
    assert len(first) == CHUNK + 3


def test_long_outputs_are_asked_for_in_pieces() -> None:
    line = Answers(bytes(MOST) + b"K", b"ab" * 4 + b"K")
    assert SerialPort(line).receive(MOST + 8) == bytes(MOST) + b"ab" * 4
    assert line.sent == [b"O\0\x40", b"O\x08\0"]


def test_errors_of_the_board() -> None:
    """An E is an OSError; a missing answer too, after the board has forgotten the command."""
    slept: list[float] = []
    line = Answers(b"E", b"\0\0\0\0E", b"K\0", b"\x01\0\0\0K")
    port = SerialPort(line, slept.append)
    with pytest.raises(OSError, match="refuses command W 0x0"):
        port.write(0, 1)
    with pytest.raises(SerialError, match="refuses command R"):
        port.read(0)
    assert not slept
    with pytest.raises(SerialError, match="2 of 5 bytes came back"):
        port.read(0)
    assert (slept, line.resets) == ([QUIET], 1)
    assert port.read(0) == 1


def test_a_terminal_is_a_line() -> None:
    """Raw: every byte passes as it is."""
    board, host = os.openpty()
    line = Tty(os.ttyname(host), timeout=0.2)
    odd = bytes([0, 3, 4, 10, 13, 17, 19, 26, 127, 255])
    line.write(odd)
    assert os.read(board, 64) == odd
    os.write(board, odd)
    assert line.read(len(odd)) == odd
    os.write(board, b"old")
    line.reset_input_buffer()
    assert line.read(1) == b""
    line.close()
    os.close(board)
    os.close(host)


def test_a_speed_that_does_not_exist() -> None:
    with pytest.raises(SerialError, match="no speed of 12345"):
        Tty("/dev/null", 12345)
