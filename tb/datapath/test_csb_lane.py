# SPDX-License-Identifier: Apache-2.0
"""csb_lane: random drain and element words at random times against :class:`LaneModel`.

Every control is worthless outside of its cycle in the contract, and registers and
states are read at any distance from their writes, so a stage too many or too few shows.
"""

import os
import random
from collections import defaultdict

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from csb_rnn.machine import config, isa, numerics
from tb.lib.datapath_model import LaneModel, pack, random_signed, random_word, signed
from tb.lib.stream import reset, start_clock

CYCLES = 6000
DEPTH = 16  # states and biases used
REGS = 6
ENABLES = ("bias_re_i", "cvt_valid_i", "drain_we_i", "rd_en_i", "st_re_i", "opnd_valid_i",
           "sum_valid_i", "st_we_i", "elem_we_i", "ld_bias_we_i", "ld_state_we_i")  # fmt: skip
PAYLOAD = ("sum_i", "bias_addr_i", "shift_i", "drain_act_i", "drain_reg_i", "rd_addr_i",
           "st_raddr_i", "sel_i", "st_zero_i", "st_fine_rd_i", "sub_i", "st_fine_wr_i",
           "st_waddr_i", "elem_act_i", "elem_reg_i", "ld_addr_i")  # fmt: skip


def bench_config() -> config.Config:
    """The configuration with the launcher's parameters."""
    overrides = {k: int(v) for k, v in (p.split("=") for p in os.environ["CSB_OVERRIDES"].split())}
    return config.load(os.environ["CSB_CONFIG"], **overrides)


def row_controls(cfg: config.Config, word) -> dict[str, int]:
    """Shifts and activations of all rows of a drain word, as the ports bring them."""
    shifts, acts = zip(*(isa.drain_row(word, i) for i in range(cfg.drain_rows)), strict=True)
    return {"shift": pack(shifts, isa.SHIFT_W), "act": pack(acts, isa.ACT_W)}


def schedule_drain(plan, t: int, cfg: config.Config, word, acc: list[int]) -> None:
    rs, deep, rows = cfg.reduce_stages + cfg.deep, cfg.deep, row_controls(cfg, word)
    plan[t + rs].update(bias_re_i=1, bias_addr_i=word["bias_addr"])
    plan[t + 1 + deep + rs].update(sum_i=pack(acc, cfg.acc_w))
    plan[t + 2 + deep + rs].update(cvt_valid_i=1, shift_i=rows["shift"])
    plan[t + 3 + 2 * deep + rs].update(drain_act_i=rows["act"])
    plan[t + 6 + 4 * deep + rs - cfg.fast_act].update(drain_we_i=1, drain_reg_i=word["dst"])


def schedule_element(plan, t: int, cfg: config.Config, word, fresh: int) -> None:
    deep = cfg.deep
    regs = word["m0"] | word["x0"] << 5 | word["m1"] << 10 | word["x1"] << 15
    sel = word["m0_sel"] | word["x0_sel"] << 2 | word["m1_sel"] << 4 | word["x1_sel"] << 6
    plan[t].update(rd_en_i=1, rd_addr_i=regs, st_re_i=1, st_raddr_i=word["st_raddr"])
    plan[t if deep else t + 1].update(sel_i=sel)
    plan[t + 1 + deep].update(opnd_valid_i=1, st_fine_rd_i=word["st_fine_rd"])
    plan[t + 1 + deep].update(st_zero_i=word["fresh"] & fresh)
    plan[t + 2 + 2 * deep].update(sum_valid_i=1, sub_i=word["sub"])
    plan[t + 3 + 3 * deep].update(elem_act_i=word["act"])
    if word["st_we"]:
        fine = word["st_fine_wr"]
        plan[t + 3 + 3 * deep].update(st_we_i=1, st_waddr_i=word["st_waddr"], st_fine_wr_i=fine)
    if word["reg_we"]:
        plan[t + 6 + 5 * deep - cfg.fast_act].update(elem_we_i=1, elem_reg_i=word["reg"])


@cocotb.test
async def random_words(dut) -> None:
    cfg = bench_config()
    rs, lane_w = cfg.reduce_stages + cfg.deep, cfg.lane_w
    for name in ENABLES:
        getattr(dut, name).value = 0
    start_clock(dut)
    await reset(dut)

    # acc + bias fits acc_w, as the compiler sees to
    bias = np.array([[random_signed(cfg.acc_w - 1) for _ in range(DEPTH)]])
    state = np.array([[random_signed(cfg.state_w) for _ in range(DEPTH)]])
    for enable, memory in (("ld_bias_we_i", bias), ("ld_state_we_i", state)):
        for address, value in enumerate(memory[0]):
            getattr(dut, enable).value = 1
            dut.ld_addr_i.value = address
            dut.ld_data_i.value = int(value) & ((1 << max(cfg.acc_w, cfg.state_w)) - 1)
            await RisingEdge(dut.clk_i)
        getattr(dut, enable).value = 0
    dut.ld_data_i.value = 0  # at rest, as csb_datapath keeps it

    model = LaneModel(cfg, bias, state)
    plan: dict[int, dict[str, int]] = defaultdict(dict)
    values: dict[int, int] = {}
    seen = 0
    for cycle in range(CYCLES):
        model.begin(cycle)
        writing = cycle < 2 * REGS  # first every register, reading states only
        if cycle < REGS or random.random() < 0.6:
            step = cfg.drain_rows
            small = {"bias_addr": random.randrange(0, DEPTH, step)}
            small["dst"] = (cycle if cycle < REGS else random.randrange(REGS)) // step * step
            word = random_word(isa.DRAIN, **small)
            acc = [random_signed(cfg.acc_w - 1) for _ in range(step)]
            schedule_drain(plan, cycle, cfg, word, acc)
            model.drain(cycle, word, np.array([acc]))
        settled = cycle >= 2 * REGS + 8 + 6 * cfg.deep + rs
        if writing or (settled and random.random() < 0.8):
            small = {name: random.randrange(REGS) for name in ("m0", "x0", "m1", "x1", "reg")}
            small |= {name: random.randrange(DEPTH) for name in ("st_raddr", "st_waddr")}
            if writing:
                small |= {"m0_sel": isa.M_SEL["one"], "m1_sel": isa.M_SEL["one"], "reg_we": 1}
                small |= {"x0_sel": isa.X_SEL["state"], "x1_sel": isa.X_SEL["one"]}
                small |= {"reg": cycle % REGS}
            word = random_word(isa.ELEM, **small)
            fresh = random.getrandbits(1)
            schedule_element(plan, cycle, cfg, word, fresh)
            values[cycle + 3 + 3 * cfg.deep] = int(model.element(cycle, word, 0, bool(fresh))[0])

        now = plan.pop(cycle, {})
        for name in ENABLES:
            getattr(dut, name).value = now.get(name, 0)
        for name in PAYLOAD:
            signal = getattr(dut, name)
            value = now.get(name, random.getrandbits(len(signal)))
            signal.value = value & ((1 << len(signal)) - 1)
        await RisingEdge(dut.clk_i)
        if cycle in values:
            assert signed(int(dut.v_o.value), lane_w) == values.pop(cycle), f"cycle {cycle}"
            seen += 1
        assert int(dut.sat_o.value) == model.saturates.pop(cycle - 1, 0), f"cycle {cycle}"
    assert seen > CYCLES // 2
    low, high = numerics.limits(cfg.state_w)
    assert (model.state >= low).all()
    assert (model.state <= high).all()
