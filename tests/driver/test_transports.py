# SPDX-License-Identifier: Apache-2.0
"""Transports of the Python driver without their hardware: a mapped file, stand-ins of PYNQ."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch

import csb_rnn
from csb_rnn.driver import Network
from csb_rnn.driver.memory_map import SIZE, MemoryMap
from csb_rnn.driver.pynq import PynqTransport
from csb_rnn.machine import image


def test_memory_map_reads_and_writes_words(tmp_path: Path) -> None:
    """At an offset that is not a multiple of the page."""
    base = 4096 + 256
    file = tmp_path / "registers"
    file.write_bytes(bytes(base) + struct.pack("<2I", 0x11223344, 5) + bytes(SIZE))
    sent: list[tuple[int, bytes]] = []
    m = MemoryMap(str(file), base, lambda port, data: sent.append((port, data)), bytes)
    assert m.read(0) == 0x11223344
    m.write(4, 0xFFFFFFFE)
    assert m.read(4) == 0xFFFFFFFE
    m.send(1, b"ab")
    assert sent == [(1, b"ab")]
    assert m.receive(3) == bytes(3)
    m.close()
    assert struct.unpack_from("<I", file.read_bytes(), base + 4) == (0xFFFFFFFE,)


class Buffer(np.ndarray):
    """As ``pynq.allocate`` makes it."""

    def __enter__(self) -> Buffer:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Channel:
    """A direction of a DMA: ``done`` gets or fills each buffer when it is waited for."""

    def __init__(self, done) -> None:
        self.done, self.buffer = done, None

    def transfer(self, buffer: Buffer) -> None:
        assert self.buffer is None, "a transfer at a time"
        self.buffer = buffer

    def wait(self) -> None:
        self.done(self.buffer)
        self.buffer = None


class Dma:
    def __init__(self, sent: list[bytes], answer: bytes) -> None:
        self.sendchannel = Channel(lambda b: sent.append(bytes(b)))
        self.recvchannel = Channel(lambda b: b.__setitem__(slice(None), list(answer)))


class Mmio:
    def __init__(self) -> None:
        self.words: dict[int, int] = {}

    def read(self, offset: int) -> int:
        return self.words.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        self.words[offset] = value


def test_pynq_moves_packets() -> None:
    images: list[bytes] = []
    frames: list[bytes] = []
    t = PynqTransport(
        Mmio(),
        Dma(images, b""),
        Dma(frames, b"wxyz"),
        lambda shape, dtype: np.zeros(shape, dtype).view(Buffer),
    )
    t.write(8, 9)
    assert t.read(8) == 9
    t.send(0, b"image")
    t.send(1, b"frame")
    assert (images, frames) == ([b"image"], [b"frame"])
    assert t.receive(4) == b"wxyz"


def test_network_of_a_folder(tmp_path: Path) -> None:
    gru = torch.nn.GRU(7, 9)
    build = csb_rnn.build(gru, config="tiny", unchecked=True)
    build.save(tmp_path / "image")
    n, part = Network.load(tmp_path / "image"), build.record.part
    assert n.data == part.data
    assert n.config_hash == image.config_hash(build.record.config)
    x = np.linspace(-1, 1, n.inputs)
    frame = n.encode(x)
    assert frame.shape == (n.in_values,)
    assert (frame[: n.inputs] == part.quantised.quantise_inputs(x)).all()
    out = np.arange(n.out_values)
    assert (n.decode(out) == part.quantised.output_float(out[: n.outputs])).all()
