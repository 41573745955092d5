# SPDX-License-Identifier: Apache-2.0
"""The small modules of hdl/datapath, one set of tests for each: run with a filter."""

from __future__ import annotations

import random
from collections import deque

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge, Timer

from csb_rnn.machine import isa, numerics
from tb.lib.datapath_model import pack, random_signed, signed
from tb.lib.stream import poison, reset, start_clock


# --- csb_token ----------------------------------------------------------------------------------
@cocotb.test
async def token_counts(dut) -> None:
    limit = (1 << int(dut.W.value)) - 1
    for name in ("load_i", "inc_i", "dec_i"):
        getattr(dut, name).value = 0
    start_clock(dut)
    await reset(dut)
    count, seen = 0, set()
    for _ in range(3000):
        load, init = int(random.random() < 0.02), random.randint(0, limit)
        dec = int(count > 0 and random.random() < 0.5)
        inc = int((count < limit or dec) and random.random() < 0.55)
        dut.load_i.value, dut.inc_i.value, dut.dec_i.value = load, inc, dec
        if load:
            dut.init_i.value = init
        else:
            poison(dut.init_i)
        await RisingEdge(dut.clk_i)
        assert int(dut.has_o.value) == (count > 0)
        count = init if load else count + inc - dec
        seen.add(count)
    assert {0, limit} <= seen


@cocotb.test
async def token_taking_nothing_is_fatal(dut) -> None:
    """Run alone, and only to see the assertion fail."""
    dut.load_i.value = dut.inc_i.value = 0
    dut.dec_i.value = 1
    start_clock(dut)
    await reset(dut)
    await ClockCycles(dut.clk_i, 3)


# --- csb_delay ----------------------------------------------------------------------------------
@cocotb.test
async def delay_is_exact(dut) -> None:
    stages, width = int(dut.Stages.value), len(dut.data_i)
    dut.clr_i.value = dut.data_i.value = 0
    start_clock(dut)
    await reset(dut)
    line = deque([0] * stages)
    for _ in range(1000):
        value, clear = random.getrandbits(width), int(random.random() < 0.05)
        dut.data_i.value, dut.clr_i.value = value, clear
        line.append(value)
        await RisingEdge(dut.clk_i)
        assert int(dut.data_o.value) == line.popleft()
        if clear:
            line = deque([0] * stages)


# --- csb_gap ------------------------------------------------------------------------------------
@cocotb.test
async def gap_is_over_in_time(dut) -> None:
    """Words with random gaps, issued at random; one may come late, as after a restart: then it can
    issue a cycle after it is shown."""
    most = (1 << int(dut.W.value)) - 1
    for name in ("start_i", "issue_i", "next_load_i"):
        getattr(dut, name).value = 0
    start_clock(dut)
    await reset(dut)
    gap, last, due = None, -100, 0  # of the word shown; cycle of the last issue; of a late load
    earliest = 0
    late = 0
    for cycle in range(3000):
        coming = random.choice((0, 0, 1, 2, most, random.randint(0, most)))
        over = gap is not None and cycle >= max(earliest, last + 1 + gap)
        issue = over and random.random() < 0.7
        load = cycle == due or (issue and random.random() < 0.9)
        dut.issue_i.value, dut.next_load_i.value = int(issue), int(load)
        dut.next_gap_i.value = coming
        dut.gap_i.value = gap if gap is not None else coming
        await RisingEdge(dut.clk_i)
        if gap is not None:
            assert int(dut.over_o.value) == over, f"cycle {cycle}"
        if issue:
            last, gap = cycle, None
            if not load:
                due, late = cycle + 1, late + 1
        if load:
            gap, earliest = coming, cycle + (1 if issue else 2)
    assert late


# --- csb_local_copy ------------------------------------------------------------------------------
@cocotb.test
async def local_copies(dut) -> None:
    stages = int(dut.Stages.value)
    dut.data_i.value = 0
    start_clock(dut)
    await reset(dut)
    line = deque([0] * stages)
    for _ in range(200):
        line.append(random.getrandbits(len(dut.data_i)))
        dut.data_i.value = line[-1]
        await RisingEdge(dut.clk_i)
        assert int(dut.data_o.value) == line.popleft()


# --- csb_reg_bank -------------------------------------------------------------------------------
@cocotb.test
async def reg_bank_has_four_readers(dut) -> None:
    """Narrow ports saturate and say so; a read of a word being written gives the old value,
    with Bypass the new one, of another bank zero."""
    bypass = int(dut.Bypass.value)
    width, narrow, writes = int(dut.LaneW.value), isa.MUL_W, int(dut.Writes.value)
    start_clock(dut)
    memory = dict.fromkeys(range(isa.REG_DEPTH))
    want: list[int | None] = [None] * 4
    clipped = 0
    for cycle in range(3000):
        we = cycle < isa.REG_DEPTH or random.random() < 0.5
        reg = cycle if cycle < isa.REG_DEPTH else random.randrange(isa.REG_DEPTH)
        reg = reg // writes * writes
        values = [random_signed(width) for _ in range(writes)]
        dut.we_i.value, dut.waddr_i.value = int(we), reg
        dut.wdata_i.value = pack(values, width)
        read = int(cycle >= isa.REG_DEPTH and random.random() < 0.8)
        near = reg + random.randrange(writes)
        at = [random.choice((near, random.randrange(isa.REG_DEPTH))) for _ in range(4)]
        dut.re_i.value, dut.raddr_i.value = read, pack(at, 5)  # m0, x0, m1, x1
        here = [int(random.random() < 0.9) for _ in range(4)]
        dut.m_here_i.value, dut.x_here_i.value = pack(here[::2], 1), pack(here[1::2], 1)
        await RisingEdge(dut.clk_i)
        if want[0] is not None:
            m, x = int(dut.m_o.value), int(dut.x_o.value)
            for i in (0, 1):
                low, high = numerics.limits(narrow)
                full = want[2 * i]
                got = m >> i * (narrow + 1)
                assert signed(got, narrow) == min(max(full, low), high)
                assert got >> narrow & 1 == (not low <= full <= high)
                assert signed(x >> i * width, width) == want[2 * i + 1]
                clipped += not low <= full <= high
        before = dict(memory)
        if we:
            memory |= {reg + i: value for i, value in enumerate(values)}
        if read:
            now = memory if bypass else before
            want = [now[a] if h else 0 for a, h in zip(at, here, strict=True)]
    assert clipped > 100


# --- csb_shift_four, csb_clip -------------------------------------------------------------------
@cocotb.test
async def shift_four_keeps_the_sign(dut) -> None:
    w, step = int(dut.W.value), int(dut.Step.value)
    for _ in range(500):
        x, steps = random_signed(w), random.getrandbits(2)
        dut.data_i.value, dut.shift_i.value = x & ((1 << w) - 1), steps
        await Timer(1, "ns")
        assert signed(int(dut.data_o.value), w) == x >> steps * step, (x, steps)


@cocotb.test
async def clip_takes_one_or_the_limit(dut) -> None:
    ones = (1 << int(dut.W.value)) - 1
    for n in range(500):
        a, b = random.randint(0, ones), random.randint(0, ones)
        second, lost, sign = n & 1, n >> 1 & 1, n >> 2 & 1
        dut.a_i.value, dut.b_i.value, dut.b_sel_i.value = a, b, second
        dut.lost_i.value, dut.sign_i.value = lost, sign
        await Timer(1, "ns")
        expected = (0 if sign else ones) if lost else (b if second else a)
        assert int(dut.data_o.value) == expected, (a, b, second, lost, sign)


# --- csb_shift_sat ------------------------------------------------------------------------------
@cocotb.test
async def shift_sat_rounds_once(dut) -> None:
    in_w, base, shift_w, out_w = (
        int(getattr(dut, n).value) for n in ("InW", "Base", "ShiftW", "OutW")
    )
    low, high = numerics.limits(out_w)
    deep = int(dut.Deep.value)
    dut.valid_i.value = deep or random.getrandbits(1)  # without Deep there is no register
    if deep:
        start_clock(dut)
    clipped = 0
    for _ in range(3000):
        shift, x = random.getrandbits(shift_w), random_signed(in_w)
        n = base + shift
        if random.random() < 0.3 and n < in_w:  # a tie
            x = signed((x >> n << n) + (1 << n >> 1), in_w)
        elif random.random() < 0.2 and out_w + n <= in_w:  # at a limit, or a half beyond it
            half = 1 << n >> 1
            far = -low * random.randint(-4, 4)  # its low bits are those at a limit
            x = random.choice((low, high, far)) * (1 << n)
            x += random.choice((-half - 1, -half, half, 0))
            x = signed(x, in_w)
        dut.data_i.value, dut.shift_i.value = x & ((1 << in_w) - 1), shift
        if deep:
            await RisingEdge(dut.clk_i)
        await Timer(1, "ns")
        full = int(numerics.round_shift(x, n))
        assert signed(int(dut.data_o.value), out_w) == min(max(full, low), high), (x, n)
        assert int(dut.sat_o.value) == (not low <= full <= high)
        clipped += not low <= full <= high
    assert clipped > 20


# --- csb_sum_split ------------------------------------------------------------------------------
@cocotb.test
async def sum_split_is_one_rounding(dut) -> None:
    """m0*x0 +- m1*x1 of random operands and of those at a limit; ties; a word every cycle."""
    width, high = int(dut.LaneW.value), 1 << isa.MUL_W - 1
    low_out, high_out = numerics.limits(width)
    start_clock(dut)
    line: deque[int] = deque()
    clipped = 0
    subtract = 0
    for _ in range(3000):
        m = [random.choice((random_signed(isa.MUL_W), -high, high - 1, 1 << 14)) for _ in (0, 1)]
        x = [random.choice((random_signed(width), low_out, high_out, 1, -1)) for _ in (0, 1)]
        if random.random() < 0.3:
            x = [v >> 10 for v in x]
        dut.m_i.value, dut.x_i.value = pack(m, isa.MUL_W), pack(x, width)
        dut.operands_valid_i.value = dut.sum_valid_i.value = 1
        dut.sub_i.value = subtract  # of the products before
        subtract = random.getrandbits(1)
        products = m[0] * x[0], m[1] * x[1]
        line.append(products[0] - products[1] if subtract else sum(products))
        await RisingEdge(dut.clk_i)
        await Timer(1, "ns")
        if len(line) == 2:
            full = int(numerics.round_shift(line.popleft(), numerics.LANE_FRAC))
            assert signed(int(dut.data_o.value), width) == min(max(full, low_out), high_out)
            assert int(dut.sat_o.value) == (not low_out <= full <= high_out)
            clipped += not low_out <= full <= high_out
    assert clipped > 100


# --- csb_act_rom --------------------------------------------------------------------------------
@cocotb.test
async def act_rom_holds_the_table(dut) -> None:
    base, slope = numerics.activation_table()
    start_clock(dut)
    for address in range(len(base)):
        dut.addr_i.value = address
        await ClockCycles(dut.clk_i, 2)
        assert int(dut.base_o.value) == base[address]
        assert int(dut.slope_o.value) == slope[address]
