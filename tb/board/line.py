# SPDX-License-Identifier: Apache-2.0
"""The host's end of a serial line, for a driver that runs in a thread of the bench."""

from __future__ import annotations

import os
import random
from collections import deque

import cocotb
from cocotb.task import resume
from cocotb.triggers import FallingEdge, Timer, with_timeout

from tb.lib.stream import CLOCK_NS

BIT_CYCLES = int(os.environ.get("CSB_BIT_CYCLES", "6"))
#: Bits of the host are longer or shorter than the board's by at most so much.
DRIFT = 0.01
SILENCE = 3000  # bits of waiting for a byte
MOST_BITS = 1_000_000  # of an answer


class Line:
    """The methods of pyserial's ``Serial`` that :class:`~csb_rnn.driver.serial_port.SerialPort`
    uses, and ``sleep``."""

    def __init__(self, dut) -> None:
        self._dut, self._bytes = dut, deque[int]()
        self._bit = BIT_CYCLES * CLOCK_NS * random.uniform(1 - DRIFT, 1 + DRIFT)
        dut.rx_i.value = 1
        cocotb.start_soon(self._listen())
        self.write, self.read = resume(self.send), resume(self.take)
        self.sleep = resume(self._sleep)

    async def _wait(self, bits: float) -> None:
        await Timer(self._bit * bits, unit="ns", round_mode="round")

    async def _listen(self) -> None:
        while True:
            await with_timeout(FallingEdge(self._dut.tx_o), 1, "sec")
            await self._wait(1.5)
            byte = 0
            for n in range(8):
                byte |= int(self._dut.tx_o.value) << n
                await self._wait(1)
            assert self._dut.tx_o.value == 1, "no stop bit"
            self._bytes.append(byte)

    async def send(self, data: bytes) -> None:
        """Bytes one after the other, some a little later than they could."""
        for byte in data:
            for bit in (0, *(byte >> n & 1 for n in range(8)), 1):
                self._dut.rx_i.value = bit
                await self._wait(1)
            if random.random() < 0.02:
                await self._wait(random.uniform(0, 3))

    async def take(self, size: int) -> bytes:
        """So many bytes, fewer if the line is silent."""
        silent = 0
        for _ in range(MOST_BITS):
            if len(self._bytes) >= size or silent >= SILENCE:
                break
            have = len(self._bytes)
            await self._wait(1)
            silent = silent + 1 if len(self._bytes) == have else 0
        return bytes(self._bytes.popleft() for _ in range(min(size, len(self._bytes))))

    def reset_input_buffer(self) -> None:
        """Forget bytes that have come."""
        self._bytes.clear()

    async def _sleep(self, seconds: float) -> None:
        """As long as the board needs to forget a cut command, however long that is there."""
        await self._wait(500)
