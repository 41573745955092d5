# SPDX-License-Identifier: Apache-2.0
"""csb_writer: slots at every allowed distance; every output in every cycle."""

import random
from collections import defaultdict

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from csb_rnn.machine import config, numerics
from tb.lib.datapath_model import pack, random_signed
from tb.lib.stream import reset, start_clock

CYCLES = 3000
FLAGS = ("wr_neu_we_i", "wr_out_we_i", "wr_out_done_i", "wr_evt_en_i")
PULSES = ("neu_valid_o", "out_valid_o", "out_done_o", "evt_o", "sat_o", "bus_busy_o")


async def start_up(dut) -> None:
    for name in (*FLAGS, "stop_i"):
        getattr(dut, name).value = 0
    start_clock(dut)
    await reset(dut)


@cocotb.test
async def random_slots(dut) -> None:
    lanes, columns, neurons, data_w, lane_w = (
        int(getattr(dut, name).value) for name in ("Lanes", "L", "BusNeurons", "DataW", "LaneW")
    )
    places = columns * neurons
    cfg = config.load("small", data_w=data_w)
    w, deep = -(-lanes // places), int(dut.Deep.value)
    neu_mask, out_mask = (1 << len(dut.neu_addr_o)) - 1, (1 << len(dut.out_addr_o)) - 1
    await start_up(dut)
    expect: dict[int, dict[str, int]] = defaultdict(dict)
    free = 0
    for t3 in range(CYCLES):
        values = [random_signed(lane_w) for _ in range(lanes)]
        slot = {n: random.getrandbits(len(getattr(dut, n))) for n in (
            "wr_neu_addr_i", "wr_shift_i", "wr_out_addr_i", "wr_evt_i")}  # fmt: skip
        slot["wr_rot_i"] = random.randrange(columns)
        flags = dict.fromkeys(FLAGS, 0)
        if t3 >= free and random.random() < 0.7:
            flags = {name: int(random.random() < 0.6) for name in FLAGS}
            if any(flags.values()):
                free = t3 + w
            neu, out, done, evt = flags.values()
            counts = numerics.Saturations()
            for i in range(w):
                part = np.array((values + [0] * places)[i * places : (i + 1) * places])
                counts.clear()
                data = numerics.to_neuron(part, slot["wr_shift_i"], cfg, counts)
                data = np.roll(data.reshape(neurons, columns), slot["wr_rot_i"], axis=1).ravel()
                at = i * neurons
                bus = expect[t3 + 2 + deep + i]
                if neu:
                    bus.update(neu_valid_o=1, neu_addr_o=(slot["wr_neu_addr_i"] + at) & neu_mask)
                    expect[t3 + 1 + deep + i].update(bus_busy_o=1)
                if out:
                    bus.update(out_valid_o=1, out_addr_o=(slot["wr_out_addr_i"] + at) & out_mask)
                if neu or out:
                    bus.update(neu_data_o=pack(data, data_w), sat_o=int(bool(counts)))
            if evt:
                expect[t3 + 1 + deep + w].update(evt_o=1, evt_id_o=slot["wr_evt_i"])
            if done:
                expect[t3 + 1 + deep + w].update(out_done_o=1)
        for name, value in (*flags.items(), *slot.items()):
            getattr(dut, name).value = value
        dut.v_i.value = pack(values, lane_w)
        await RisingEdge(dut.clk_i)
        for name, value in (dict.fromkeys(PULSES, 0) | expect.pop(t3, {})).items():
            assert int(getattr(dut, name).value) == value, f"{name} in cycle {t3}"


@cocotb.test
async def stop_forgets_the_slot(dut) -> None:
    await start_up(dut)
    for name in FLAGS:
        getattr(dut, name).value = 1
    await RisingEdge(dut.clk_i)
    for name in FLAGS:
        getattr(dut, name).value = 0
    dut.stop_i.value = 1
    await RisingEdge(dut.clk_i)
    for _ in range(8):
        await RisingEdge(dut.clk_i)
        assert not any(int(getattr(dut, name).value) for name in PULSES)


@cocotb.test
async def too_early_is_fatal(dut) -> None:
    """Run alone, and only to see the assertion fail."""
    await start_up(dut)
    dut.wr_rot_i.value = 0
    dut.wr_neu_we_i.value = 1
    for _ in range(4):
        await RisingEdge(dut.clk_i)
