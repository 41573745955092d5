# SPDX-License-Identifier: Apache-2.0
"""The ports of csb_top as a host's functions: the ones called by the drivers of ``drivers/`` and
``csb_rnn.driver``."""

from __future__ import annotations

from collections.abc import Iterator

from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiResp

from tb.lib.axi import BeatSource, beats, pauses
from tb.lib.flips import flip
from tb.lib.stream import within
from tb.test_top import Top

LIMIT = 20_000  # most cycles of waiting in a stream's function
IMAGE = 0  # csb_port


class PortError(OSError):
    """SLVERR, or a stream that does not move within its limit."""


class Ports(Top):
    """The ports as a host has them: sources that can be reset, a sink that takes packets on demand;
    the four functions that a driver calls, as coroutines."""

    def __init__(self, dut, stall: float = 0.0) -> None:
        self.stall = stall
        super().__init__(dut)
        self.wanted = False  # a packet is asked for: the sink takes beats only then
        self.sink.set_pause_generator(self._pauses())
        self.beats.got = lambda _: None
        self.cut_after: int | None = None  # the next packet's source is reset after so many beats
        self.errors_at: set[int] = set()  # offsets whose accesses are answered with an error

    def _source(self, prefix: str) -> BeatSource:
        return BeatSource(self.dut, f"{prefix}_{{}}", f"{prefix}_tready", self.stall)

    # --- the four functions of csb_io ------------------------------------------------------------
    async def read(self, offset: int, part: str | None = None) -> int:
        if isinstance(offset, str):  # as the base class names registers
            return await within(LIMIT, super().read(offset, part))
        if offset in self.errors_at:
            raise PortError
        answer = await within(LIMIT, self.axil.read(offset, 4))
        if answer.resp != AxiResp.OKAY:
            raise PortError
        return int.from_bytes(answer.data, "little")

    async def write(self, offset: int, value: int) -> None:
        if isinstance(offset, str):
            return await within(LIMIT, super().write(offset, value))
        if offset in self.errors_at:
            raise PortError
        answer = await within(LIMIT, self.axil.write(offset, value.to_bytes(4, "little")))
        if answer.resp != AxiResp.OKAY:
            raise PortError

    async def send(self, port: int, data: bytes) -> None:
        source = self.image if port == IMAGE else self.frames
        whole = beats(data, 4 if port == IMAGE else 2 * self.values_per_beat)
        cut, self.cut_after = self.cut_after, None
        source.send(whole if cut is None else whole[:cut], last=cut is None)
        for _ in range(LIMIT):
            await RisingEdge(self.dut.clk_i)
            if not source.queue:
                break
        if source.queue or cut is not None:
            source.reset()
            raise PortError

    def _pauses(self) -> Iterator[bool]:
        for stalls in pauses(self.stall):
            yield stalls or not self.wanted

    async def receive(self, count: int) -> bytes:
        self.wanted = True
        for _ in range(LIMIT):
            if not self.sink.empty():
                self.wanted = False
                return bytes(self._whole(self.sink.recv_nowait(), count))
            await RisingEdge(self.dut.clk_i)
        self.wanted = False
        raise PortError

    async def flip(self) -> None:
        """Bit 1 of the drain program's word 0 flips in its memory: for a machine with parity."""
        flip(self.dut.u_datapath.u_drain.u_seq.u_program.u_ram.mem, 0, 1)
        await RisingEdge(self.dut.clk_i)

    @staticmethod
    def _whole(frame, count: int) -> bytes:
        """A packet with the bytes that TKEEP leaves out of its last beat, as a DMA writes them."""
        data = bytes(frame.tdata)
        return data + bytes(count - len(data)) if len(data) < count else data
