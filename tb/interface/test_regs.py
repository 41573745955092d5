# SPDX-License-Identifier: Apache-2.0
"""csb_regs: the whole map, AXI4-Lite rules under stalls, commands, interrupts, state window."""

from __future__ import annotations

import random
from collections import deque

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiResp

from csb_rnn.machine import counters, registers
from csb_rnn.machine.registers import REGISTERS, address, field
from tb.lib.axi import axil_master, stall_axil
from tb.lib.checkers import Monitor
from tb.lib.stream import reset, start_clock, within

PARAMETERS = {"K": 3, "L": 5, "P": 2, "Q": 4, "ConfigHash": 0x12345678, "Sharing": 2, "StateW": 20}
PARAMETERS |= {"Lanes": 6, "StateDepth": 100, "WeightW": 12, "SharedCols": 2}
STATE_LATENCY = 4  # cycles from a request of the state window to its data
INPUTS = (
    *("image_valid", "running", "idle", "loading", "error_code", "loaded_evt", "error_evt"),
    *("cycles", "counter", "issued", "st_rdata", "out_open", "in_cut", "waits", "frame_cut"),
)


class Bench:
    def __init__(self, dut, stall: float = 0.0) -> None:
        self.dut = dut
        self.axi = axil_master(dut, "s")
        stall_axil(self.axi, stall)
        for name in INPUTS:
            getattr(dut, f"{name}_i").value = 0
        self.commands: list[str] = []
        self.state: dict[int, int] = {}
        self.worthless = False  # the state memory is used by another
        start_clock(dut)
        for name in ("start", "stop", "flush", "reset"):
            signal = getattr(dut, f"{name}_o")
            Monitor(
                dut, lambda s=signal: s.value == 1, lambda n=name: n, self.commands.append
            ).start()
        cocotb.start_soon(self._state())
        cocotb.start_soon(self._counters())

    async def _state(self) -> None:
        """A state memory: read data from the fourth cycle after the request on."""
        dut, reads = self.dut, deque([None] * (STATE_LATENCY - 1))
        while True:
            await RisingEdge(dut.clk_i)
            late, key = None, 0
            if dut.st_re_o.value == 1 or dut.st_we_o.value == 1:
                key = int(dut.st_lane_o.value) << 16 | int(dut.st_addr_o.value)
            if dut.st_re_o.value == 1:
                late = self.state.get(key, 0)
            if dut.st_we_o.value == 1:
                self.state[key] = int(dut.st_wdata_o.value)
            reads.append(late)
            late = reads.popleft()
            worthless = late is None or self.worthless
            dut.st_rdata_i.value = random.getrandbits(20) if worthless else late

    async def _counters(self) -> None:
        """Counter i reads as 1000 + i, one cycle after it was selected; PEGroup g as 2000 + g."""
        dut = self.dut
        while True:
            await RisingEdge(dut.clk_i)
            if dut.rst_ni.value == 1 and dut.counter_sel_o.value.is_resolvable:
                dut.counter_i.value = 1000 + int(dut.counter_sel_o.value)
                dut.issued_i.value = 2000 + int(dut.group_o.value)

    async def read(self, name: str | int) -> tuple[int, int]:
        offset = address(name) if isinstance(name, str) else name
        answer = await within(400, self.axi.read(offset, 4))
        return int.from_bytes(answer.data, "little"), answer.resp

    async def write(self, name: str | int, value: int) -> int:
        offset = address(name) if isinstance(name, str) else name
        answer = await within(400, self.axi.write(offset, value.to_bytes(4, "little")))
        return answer.resp


async def bench(dut, stall: float = 0.0) -> Bench:
    b = Bench(dut, stall)
    await reset(dut)
    await ClockCycles(dut.clk_i, 2)
    return b


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.6])
async def the_whole_map(dut, stall: float) -> None:
    b = await bench(dut, stall)
    dut.cycles_i.value = 0x123456789ABCDEF0
    dut.idle_i.value = 1
    dut.image_valid_i.value = 1
    dut.error_code_i.value = 5
    want = {
        "IDENTITY": registers.IDENTITY,
        "CONFIG_HASH": 0x12345678,
        "GRID": 0x04020503,
        "STATUS": 0x0505,
        "CYCLES_LO": 0x9ABCDEF0,
        "CYCLES_HI": 0x12345678,
        "PEG_ISSUE": 2000,
    }
    want |= {c.name: 1000 + i for i, c in enumerate(counters.COUNTERS)}
    major, minor, patch = registers.IP_VERSION
    want["VERSION"] = major << 16 | minor << 8 | patch
    mapped = {r.offset for r in REGISTERS}
    for r in REGISTERS:
        value, resp = await b.read(r.name)
        assert resp == AxiResp.OKAY, r.name
        if r.name in want:
            assert value == want[r.name], f"{r.name}: {value:#x}"
    formats, _ = await b.read("FORMATS")
    assert field("FORMATS", "state_w", formats) == 20
    word, _ = await b.read("WORD")
    assert field("WORD", "weight_w", word) == 12
    assert field("WORD", "shared_cols", word) == 2
    stream, _ = await b.read("STREAM")
    assert field("STREAM", "sharing", stream) == 2
    for offset in range(0, 0x100, 4):
        if offset not in mapped:
            assert (await b.read(offset))[1] == AxiResp.SLVERR, hex(offset)
            assert await b.write(offset, 0) == AxiResp.SLVERR, hex(offset)
    assert (await b.read(0xFFC))[1] == AxiResp.SLVERR
    for r in REGISTERS:
        resp = await b.write(r.name, 0)
        assert (resp == AxiResp.SLVERR) == (r.access == "RO"), r.name
    assert not b.commands


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.6])
async def commands_and_registers(dut, stall: float) -> None:
    b = await bench(dut, stall)
    await b.write("CONTROL", 1)
    await b.write("CONTROL", 2)
    await b.write("CONTROL", 8)
    await b.write("CONTROL", 16)
    await b.write("CONTROL", 4)
    commands = ["start", "stop", "flush", "reset"]
    assert b.commands == commands
    assert (await b.read("CONTROL"))[0] == 4
    assert dut.fresh_o.value == 1
    await b.write("PEG_SELECT", 9)
    assert (await b.read("PEG_ISSUE"))[0] == 2009
    for group, resp in ((14, AxiResp.OKAY), (15, AxiResp.SLVERR), (255, AxiResp.SLVERR)):
        await b.write("PEG_SELECT", group)
        assert (await b.read("PEG_ISSUE"))[1] == resp, group
    for name in ("out_open", "in_cut", "waits"):
        getattr(dut, f"{name}_i").value = 1
        bit = "start_waits" if name == "waits" else name
        assert field("STATUS", bit, (await b.read("STATUS"))[0]) == 1
    dut.frame_cut_i.value = 1
    await ClockCycles(dut.clk_i, 3)
    dut.frame_cut_i.value = 0
    assert (await b.read("FRAMES_CUT"))[0] == 3
    assert dut.watchdog_o.value == registers.WATCHDOG_RESET
    await b.write("WATCHDOG", 0x01020304)
    await within(400, b.axi.write(address("WATCHDOG") + 2, b"\xff"))
    assert (await b.read("WATCHDOG"))[0] == 0x01FF0304
    assert dut.watchdog_o.value == 0x01FF0304
    # byte strobes
    await b.write("STATE_ADDR", 0x11223344)
    await within(400, b.axi.write(address("STATE_ADDR") + 1, b"\xaa"))
    assert (await b.read("STATE_ADDR"))[0] == 0x1122AA44
    await within(400, b.axi.write(address("CONTROL") + 1, b"\xff"))
    assert b.commands == commands
    assert dut.fresh_o.value == 1


@cocotb.test
async def interrupts(dut) -> None:
    b = await bench(dut)
    for bit, name in enumerate(("loaded_evt_i", "error_evt_i")):
        await b.write("IRQ_ENABLE", 0)
        getattr(dut, name).value = 1
        await RisingEdge(dut.clk_i)
        getattr(dut, name).value = 0
        assert (await b.read("IRQ_PENDING"))[0] == 1 << bit
        assert dut.irq_o.value == 0
        await b.write("IRQ_ENABLE", 1 << bit)
        assert dut.irq_o.value == 1
        await b.write("IRQ_PENDING", 2 >> bit)  # the other bit: no effect
        assert dut.irq_o.value == 1
        await b.write("IRQ_PENDING", 1 << bit)
        await RisingEdge(dut.clk_i)
        assert dut.irq_o.value == 0
        assert (await b.read("IRQ_PENDING"))[0] == 0


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.6])
async def state_window(dut, stall: float) -> None:
    b = await bench(dut, stall)
    dut.idle_i.value = 1
    values = {place(): random.randint(-(1 << 19), (1 << 19) - 1) for _ in range(8)}
    for where, value in values.items():
        assert await b.write("STATE_ADDR", where) == AxiResp.OKAY
        assert await b.write("STATE_DATA", value & 0xFFFFFFFF) == AxiResp.OKAY
    for where, value in values.items():
        await b.write("STATE_ADDR", where)
        assert await b.read("STATE_DATA") == (value & 0xFFFFFFFF, AxiResp.OKAY)
    dut.idle_i.value = 0
    before = dict(b.state)
    assert (await b.read("STATE_DATA"))[1] == AxiResp.SLVERR
    assert await b.write("STATE_DATA", 1) == AxiResp.SLVERR
    assert b.state == before


def place() -> int:
    """A word of the state memory, as STATE_ADDR has it."""
    return random.randrange(PARAMETERS["Lanes"]) << 16 | random.randrange(PARAMETERS["StateDepth"])


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.6])
async def state_window_obeys_strobes(dut, stall: float) -> None:
    """Bytes without strobe stay; a write without strobes is OKAY and writes nothing."""
    b = await bench(dut, stall)
    dut.idle_i.value = 1
    where, value = place(), 0x12345
    await b.write("STATE_ADDR", where)
    await b.write("STATE_DATA", value)
    for strobes in range(16):
        data = random.getrandbits(32)
        mask = sum(0xFF << 8 * i for i in range(4) if strobes >> i & 1)
        value = (data & mask | value & ~mask) & (1 << 20) - 1
        # the master of cocotbext-axi cannot leave gaps between strobes
        assert await bare_write(b, address("STATE_DATA"), data, strobes) == AxiResp.OKAY
        await ClockCycles(dut.clk_i, 2)
        assert b.state[where] == value, f"strobes {strobes:04b}"
    del b.state[where]
    await bare_write(b, address("STATE_DATA"), 0xFFFFFFFF, 0)
    await ClockCycles(dut.clk_i, 2)
    assert where not in b.state, "written without strobes"


async def bare_write(b: Bench, offset: int, data: int, strobes: int) -> int:
    """A write with any strobes, while the master is at rest; returns the response."""
    parts = b.axi.write_if
    address_part, data_part = (
        parts.aw_channel._transaction_obj(),
        parts.w_channel._transaction_obj(),
    )
    address_part.awaddr, address_part.awprot = offset, 0
    data_part.wdata, data_part.wstrb = data, strobes
    await within(400, parts.aw_channel.send(address_part))
    await within(400, parts.w_channel.send(data_part))
    return AxiResp(int((await within(400, parts.b_channel.recv())).bresp))


@cocotb.test
async def state_window_has_an_end(dut) -> None:
    """Absent lanes and addresses: an error, and nothing is read or written."""
    b = await bench(dut)
    dut.idle_i.value = 1
    lanes, depth = PARAMETERS["Lanes"], PARAMETERS["StateDepth"]
    for lane, addr in ((lanes, 0), (0, depth), (0xFFFF, 5), (5, 0xFFFF), (256, 256)):
        await b.write("STATE_ADDR", lane << 16 | addr)
        assert await b.write("STATE_DATA", 1) == AxiResp.SLVERR
        assert await b.read("STATE_DATA") == (0, AxiResp.SLVERR)
    assert not b.state
    await b.write("STATE_ADDR", lanes - 1 << 16 | depth - 1)
    assert await b.write("STATE_DATA", 7) == AxiResp.OKAY
    assert await b.read("STATE_DATA") == (7, AxiResp.OKAY)


@cocotb.test
async def state_window_meets_a_start(dut) -> None:
    """The machine leaves idle in any cycle of an access: its data is right and it is OKAY, or it is
    an error; the memory's data is worthless from then on."""
    b = await bench(dut)
    seen = set()
    for write in (False, True):
        for cycle in range(14):
            dut.idle_i.value = 1
            await b.write("STATE_ADDR", 5)
            await b.write("STATE_DATA", 0x777)
            access = b.write("STATE_DATA", 0x1234) if write else b.read("STATE_DATA")
            task = cocotb.start_soon(access)
            await ClockCycles(dut.clk_i, cycle)
            dut.idle_i.value = 0
            b.worthless = True
            answer = await within(400, task)
            b.worthless = False
            await ClockCycles(dut.clk_i, 2)
            if write:
                okay = answer == AxiResp.OKAY
                assert b.state[5] == (0x1234 if okay else 0x777)
            else:
                okay = answer[1] == AxiResp.OKAY
                assert answer[0] == (0x777 if okay else 0)
            seen.add((write, okay))
    assert len(seen) == 4, "no cycle of the access was met"


@cocotb.test
async def many_at_once_in_any_order(dut) -> None:
    """Reads and writes side by side, every channel stalled on its own."""
    b = await bench(dut, 0.5)

    async def writes() -> None:
        for i in range(40):
            await b.write("PEG_SELECT", i)
            assert (await b.read("PEG_SELECT"))[0] == i

    async def reads() -> None:
        for _ in range(40):
            assert await b.read("IDENTITY") == (registers.IDENTITY, AxiResp.OKAY)

    tasks = [cocotb.start_soon(writes()), cocotb.start_soon(reads())]
    for task in tasks:
        await within(40 * 800, task)


@cocotb.test
async def reset_in_mid_transfer(dut) -> None:
    b = await bench(dut, 0.3)
    for cycles in (1, 2, 3, 5):
        b.axi.init_write(address("PEG_SELECT"), b"\1\2\3\4")
        b.axi.init_read(address("IDENTITY"), 4)
        await ClockCycles(dut.clk_i, cycles)
        await reset(dut, 4)
        await ClockCycles(dut.clk_i, 4)
        assert dut.s_bvalid_o.value == 0
        assert dut.s_rvalid_o.value == 0
        assert await b.read("IDENTITY") == (registers.IDENTITY, AxiResp.OKAY)


@cocotb.test
async def a_reset_asks_for_nothing(dut) -> None:
    """Pulses and responses are low in reset, and stay low behind it."""
    await bench(dut)
    names = (
        "start",
        "stop",
        "flush",
        "reset",
        "limit_set",
        "st_re",
        "st_we",
        "s_bvalid",
        "s_rvalid",
    )
    signals = {name: getattr(dut, f"{name}_o") for name in names}
    for level in (0, 1):
        dut.rst_ni.value = level
        await ClockCycles(dut.clk_i, 2)
        for _ in range(8):
            await RisingEdge(dut.clk_i)
            assert [name for name, signal in signals.items() if signal.value != 0] == []
