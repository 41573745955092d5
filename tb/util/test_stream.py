# SPDX-License-Identifier: Apache-2.0
"""The benches' own drivers, on csb_skid: they obey the rules, and find breaches of
them."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.triggers import ClockCycles, Event, RisingEdge

from tb.lib.checkers import Checker, CheckError, Monitor
from tb.lib.stream import StreamSink, StreamSource, poison, reset, start_clock, until, within

HAS_X = not cocotb.SIM_NAME.startswith("Verilator")


async def start(dut) -> None:
    dut.in_valid_i.value = dut.out_ready_i.value = 0
    poison(dut.in_data_i)
    start_clock(dut)
    await reset(dut)


@cocotb.test
async def source_obeys_the_stream_rules(dut) -> None:
    """Valid and payload stay until they are taken; in between the payload is worthless."""
    await start(dut)
    source, sink = StreamSource(dut, "in", stall=0.5), StreamSink(dut, "out", stall=0.5)
    cocotb.start_soon(sink.receive())
    words = [random.getrandbits(len(dut.in_data_i)) for _ in range(200)]
    sending = cocotb.start_soon(source.send(words))
    offered, idle = None, 0
    for _ in range(200 * 20):
        await RisingEdge(dut.clk_i)
        if sending.done():
            break
        valid, ready = int(dut.in_valid_i.value), int(dut.in_ready_o.value)
        if offered is not None:
            assert valid
            assert int(dut.in_data_i.value) == offered
        if valid:
            offered = None if ready else int(dut.in_data_i.value)
        else:
            idle += 1
            assert not HAS_X or not dut.in_data_i.value.is_resolvable
    await ClockCycles(dut.clk_i, 100)  # the last two words are still inside
    assert sink.words == words
    assert idle > 50


@cocotb.test
async def sink_stalls_as_often_as_told(dut) -> None:
    await start(dut)
    sink = StreamSink(dut, "out", stall=0.6)
    cocotb.start_soon(sink.receive())
    stalled = 0
    for _ in range(1000):
        await RisingEdge(dut.clk_i)
        stalled += 1 - int(dut.out_ready_i.value)
    assert 500 < stalled < 700
    assert not sink.words


@cocotb.test
async def sink_refuses_x(dut) -> None:
    """A payload of X while valid is an error, where there is X."""
    await start(dut)
    dut.in_valid_i.value = 1  # with a worthless payload
    kind, message = (
        (ValueError, "")
        if HAS_X
        else (AssertionError, "StreamSink.receive did not happen within 20 cycles")
    )
    with pytest.raises(kind, match=message):
        await within(20, StreamSink(dut, "out").receive())


@cocotb.test
async def nobody_waits_for_ever(dut) -> None:
    await start(dut)
    begin = cocotb.utils.get_sim_time("ns")
    with pytest.raises(AssertionError, match="an event did not happen within 30 cycles"):
        await within(30, Event().wait(), "an event")
    assert cocotb.utils.get_sim_time("ns") - begin == 300
    with pytest.raises(AssertionError, match="out_valid_o did not come within 20 cycles"):
        await until(dut.clk_i, lambda: dut.out_valid_o.value == 1, 20, "out_valid_o")


@cocotb.test
async def monitor_looks_away_in_reset(dut) -> None:
    """It sees the values at the edge, and an error of its checker comes through."""
    await start(dut)
    seen: list[int] = []
    valid, data = dut.in_valid_i, dut.in_data_i
    Monitor(dut, lambda: valid.value == 1, lambda: int(data.value), seen.append).start()
    dut.in_valid_i.value, dut.out_ready_i.value, dut.in_data_i.value = 1, 1, 3
    await ClockCycles(dut.clk_i, 2)
    dut.rst_ni.value, dut.in_data_i.value = 0, 4
    await ClockCycles(dut.clk_i, 3)
    dut.rst_ni.value, dut.in_data_i.value = 1, 5
    await ClockCycles(dut.clk_i, 2)
    dut.in_valid_i.value = 0
    await RisingEdge(dut.clk_i)
    assert seen == [3, 3, 5, 5]
    checker = Checker("words")
    checker.expect(1)
    monitor = Monitor(dut, lambda: True, lambda: 2, checker.got)
    try:
        await within(5, monitor._run())
    except CheckError:
        return
    raise AssertionError("a wrong word passed")
