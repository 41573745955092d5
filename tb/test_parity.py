# SPDX-License-Identifier: Apache-2.0
"""csb_top with parity bits: a bit flips in each memory that a load writes, and the run ends with
the error parity; another load cures it. Jobs are those of :mod:`tb.test_top`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.registers import value
from tb.lib.flips import flip
from tb.lib.stream import until
from tb.test_top import Net, Top, networks, top

WITHIN = 20_000  # cycles: every word of a program is used in a frame


def memories(dut: Any) -> Iterator[tuple[str, Any]]:
    """A protected memory of each kind; its word 0 is used in every run."""
    group = dut.u_engine.gen_engine_row[1].gen_group[0].u_group
    yield "PEGroup", group.u_seq.u_program.u_ram.mem
    yield "drain", dut.u_datapath.u_drain.u_seq.u_program.u_ram.mem
    yield "element", dut.u_datapath.u_element.u_seq.u_program.u_ram.mem
    yield "bias", dut.u_datapath.gen_lane[1].u_lane.gen_drain_row[0].u_bias.mem
    yield "output table", dut.u_output.u_table.u_ram.mem


async def ends(t: Top, net: Net) -> None:
    """A run ends with the error; then there is no image until a load. Ends in a reset."""
    dut = t.dut
    got, t.beats.got = t.beats.got, lambda _: None  # beats before the error, or the cut frame
    await t.start()
    t.frame(net.x[0])
    await until(dut.clk_i, lambda: dut.irq_o.value == 1, WITHIN, "the interrupt")
    assert await t.read("STATUS", "error") == ERRORS["parity"][0]
    assert await t.read("STATUS", "image_valid") == 0
    await t.stop()
    assert await t.read("STATUS", "error") == ERRORS["parity"][0]
    await t.start()
    await ClockCycles(dut.clk_i, 4)
    assert await t.read("STATUS", "running") == 0
    assert await t.read("STATUS", "error") == ERRORS["parity"][0], "the first error stays"
    t.frames.clear()
    await t.reset()  # takes back an offered frame
    await t.write("IRQ_ENABLE", value("IRQ_ENABLE", error=1))
    t.beats.got = got


@cocotb.test
async def a_flip_ends_the_run(dut) -> None:
    t = await top(dut)
    net, other = networks()
    await t.write("IRQ_ENABLE", value("IRQ_ENABLE", error=1))
    for name, memory in memories(dut):
        assert await t.load(net.image) == "none"
        flipped = flip(memory, 0, random.randrange(len(memory[0])))
        cocotb.log.info("%s: bit %d of word 0", name, flipped)
        await ends(t, net)
        assert await t.load(net.image) == "none"
        await t.run(net, 2)
        assert await t.read("STATUS", "error") == 0
        await t.stop()
        net, other = other, net


@cocotb.test
async def a_flip_of_a_word_in_use(dut) -> None:
    """In a run, in the middle of frames: of a word that comes again with the next frame."""
    t = await top(dut)
    net = networks()[0]
    await t.write("IRQ_ENABLE", value("IRQ_ENABLE", error=1))
    assert await t.load(net.image) == "none"
    await t.run(net, 2)
    got, t.beats.got = t.beats.got, lambda _: None
    memory = dict(memories(dut))["drain"]
    flip(memory, 0, random.randrange(len(memory[0])))
    t.frame(net.x[0])
    t.frame(net.x[0])
    await until(dut.clk_i, lambda: dut.irq_o.value == 1, WITHIN, "the interrupt")
    assert await t.read("STATUS", "error") == ERRORS["parity"][0]
    await t.reset()
    t.frames.clear()
    t.beats.got = got
    assert await t.load(net.image) == "none"
    await t.run(net, 2)


@cocotb.test
async def words_not_written_are_not_used(dut) -> None:
    """At rest, through an aborted load, between loads and runs: unwritten words raise nothing."""
    t = await top(dut)
    net, other = networks()
    await ClockCycles(dut.clk_i, 100)
    assert await t.read("STATUS", "error") == 0
    half = len(net.image) // 8 * 4
    assert await t.load(net.image[:half]) == "length"
    for one in (net, other, net):
        assert await t.load(one.image) == "none"
        await t.run(one, 2)
        assert await t.read("STATUS", "error") == 0
        assert await t.read("STATUS", "running") == 1
