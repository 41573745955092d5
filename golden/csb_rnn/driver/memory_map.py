# SPDX-License-Identifier: Apache-2.0
"""Registers in the address space of a Linux host: /dev/mem or a UIO device. Streams are functions
of the user, as each board has another DMA."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable

from csb_rnn.machine import registers

SIZE = 1 << registers.ADDR_W


class MemoryMap:
    """Registers by ``mmap``; a :class:`~csb_rnn.driver.device.Transport`.

    An access with an error from the bus ends the process with SIGBUS on most systems.

    Args:
        path: the mapped file. Example: ``/dev/mem``.
        offset: byte offset of the registers in it.
        send, receive: see :class:`~csb_rnn.driver.device.Transport`.
    """

    def __init__(
        self,
        path: str,
        offset: int,
        send: Callable[[int, bytes], None],
        receive: Callable[[int], bytes],
    ) -> None:
        page = offset - offset % mmap.ALLOCATIONGRANULARITY
        self._at = offset - page
        file = os.open(path, os.O_RDWR | os.O_SYNC)
        try:
            self._map = mmap.mmap(file, self._at + SIZE, offset=page)
        finally:
            os.close(file)
        self.send, self.receive = send, receive

    @classmethod
    def of_memory(
        cls, base: int, send: Callable[[int, bytes], None], receive: Callable[[int], bytes]
    ) -> MemoryMap:
        """By physical address; needs the right to open /dev/mem."""
        return cls("/dev/mem", base, send, receive)

    @classmethod
    def of_uio(
        cls, number: int, send: Callable[[int, bytes], None], receive: Callable[[int], bytes]
    ) -> MemoryMap:
        """The first map of ``/dev/uioN``."""
        return cls(f"/dev/uio{number}", 0, send, receive)

    def read(self, offset: int) -> int:
        return int(struct.unpack_from("<I", self._map, self._at + offset)[0])

    def write(self, offset: int, value: int) -> None:
        struct.pack_into("<I", self._map, self._at + offset, value)

    def close(self) -> None:
        """Unmap."""
        self._map.close()
