# SPDX-License-Identifier: Apache-2.0
"""A board with PYNQ: its ``MMIO`` for registers and its ``DMA`` objects for streams.

PYNQ is not imported here: its objects are arguments. Example, for the kit's block design::

    from pynq import MMIO, Overlay, allocate

    overlay = Overlay("design.bit")
    transport = PynqTransport(
        MMIO(0xA000_0000, 4096), overlay.dma_image, overlay.dma_frames, allocate
    )
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class PynqTransport:
    """A :class:`~csb_rnn.driver.device.Transport` of PYNQ's objects.

    Args:
        mmio: a ``pynq.MMIO`` of the registers.
        image_dma: the ``DMA`` for images.
        frame_dma: the ``DMA`` of frames, both directions.
        allocate: ``pynq.allocate``: buffers within reach of a DMA.
    """

    def __init__(
        self, mmio: Any, image_dma: Any, frame_dma: Any, allocate: Callable[..., Any]
    ) -> None:
        self._mmio, self._allocate = mmio, allocate
        self._dma = (image_dma, frame_dma)

    def read(self, offset: int) -> int:
        return int(self._mmio.read(offset))

    def write(self, offset: int, value: int) -> None:
        self._mmio.write(offset, value)

    def send(self, port: int, data: bytes) -> None:
        with self._allocate(shape=(len(data),), dtype=np.uint8) as buffer:
            buffer[:] = np.frombuffer(data, np.uint8)
            channel = self._dma[port].sendchannel
            channel.transfer(buffer)
            channel.wait()

    def receive(self, count: int) -> bytes:
        with self._allocate(shape=(count,), dtype=np.uint8) as buffer:
            channel = self._dma[1].recvchannel
            channel.transfer(buffer)
            channel.wait()
            return bytes(buffer)
