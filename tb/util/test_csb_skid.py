# SPDX-License-Identifier: Apache-2.0
"""csb_skid: order, latency, full rate, all stall patterns, reset in mid-stream."""

import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from tb.lib.stream import STALLS, StreamSink, StreamSource, reset, start_clock, within

WORDS = 300


async def start(dut, stalls: tuple[float, float] = (0.0, 0.0)) -> tuple[StreamSource, StreamSink]:
    """Clock, reset, and both ends of the stream; the sink is running."""
    source, sink = StreamSource(dut, "in", stalls[0]), StreamSink(dut, "out", stalls[1])
    start_clock(dut)
    await reset(dut)
    cocotb.start_soon(sink.receive())
    return source, sink


def random_words(dut, count: int = WORDS) -> list[int]:
    return [random.getrandbits(len(dut.in_data_i)) for _ in range(count)]


@cocotb.test
@cocotb.parametrize(stalls=list(STALLS))
async def every_word_in_order(dut, stalls: str) -> None:
    source, sink = await start(dut, STALLS[stalls])
    words = random_words(dut)
    await within(20 * WORDS, source.send(words))
    await ClockCycles(dut.clk_i, 100)  # anything sent twice would come by now
    assert sink.words == words


@cocotb.test
async def latency_one_and_a_word_every_cycle(dut) -> None:
    source, _ = await start(dut)
    words = random_words(dut)
    sending = cocotb.start_soon(source.send(words))
    for cycle in range(WORDS):
        await RisingEdge(dut.clk_i)
        assert dut.in_ready_o.value == 1, f"not ready in cycle {cycle}"
        assert dut.out_valid_o.value == (cycle > 0), f"valid in cycle {cycle}"
    await within(20 * WORDS, sending)
    await RisingEdge(dut.clk_i)
    assert dut.out_valid_o.value == 1
    assert int(dut.out_data_o.value) == words[-1]


@cocotb.test
async def holds_two_words_while_stalled(dut) -> None:
    source, sink = await start(dut, (0.0, 1.0))
    cocotb.start_soon(source.send([1, 2, 3]))
    await ClockCycles(dut.clk_i, 6)
    assert int(dut.in_data_i.value) == 3, "two words were not taken"
    assert dut.in_ready_o.value == 0, "a third word would be taken"
    sink.stall = 0.0
    await ClockCycles(dut.clk_i, 6)
    assert sink.words == [1, 2, 3]


@cocotb.test
async def reset_in_mid_stream_empties_it(dut) -> None:
    source, sink = await start(dut, (0.0, 1.0))
    sending = cocotb.start_soon(source.send([1, 2, 3]))
    await ClockCycles(dut.clk_i, 6)
    sending.cancel()
    source.idle()
    await reset(dut)
    sink.stall = 0.0
    words = random_words(dut, 10)
    await within(100, source.send(words))
    await ClockCycles(dut.clk_i, 5)
    assert sink.words == words
