# SPDX-License-Identifier: Apache-2.0
"""The small modules of hdl/engine, one set of tests for each: run with a filter."""

from __future__ import annotations

import os
import random
from collections import Counter, deque

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from csb_rnn.machine import config, isa
from tb.lib.datapath_model import pack, random_signed, signed, unpack
from tb.lib.pegroup_model import bank_of, random_pe_row
from tb.lib.stream import poison, reset, start_clock

NEURON_CYCLE = 1  # cycles from the issue of a word to the neurons it addressed


def drive(dut, flag: str, **payload: int | None) -> None:
    """An enable and its payload: poison if the enable is low."""
    getattr(dut, flag).value = int(any(value is not None for value in payload.values()))
    for name, value in payload.items():
        if value is None:
            poison(getattr(dut, name))
        else:
            getattr(dut, name).value = value


# --- csb_token_join ------------------------------------------------------------------------------
@cocotb.test
async def join_counts_every_source(dut) -> None:
    n, limit = len(dut.pulse_i), (1 << int(dut.W.value)) - 1
    dut.clear_i.value = dut.pulse_i.value = dut.take_i.value = 0
    start_clock(dut)
    await reset(dut)
    count = [0] * n
    takes = 0
    for _ in range(3000):
        rates = [0.9 if i == 0 or count[0] > 2 else 0.3 for i in range(n)]
        pulse = [int(c < limit and random.random() < r) for c, r in zip(count, rates, strict=True)]
        ready = all(count)
        take = int(ready and random.random() < 0.7)
        clear = int(random.random() < 0.01)
        dut.pulse_i.value = sum(p << i for i, p in enumerate(pulse))
        dut.take_i.value, dut.clear_i.value = take, clear
        await RisingEdge(dut.clk_i)
        assert int(dut.ready_o.value) == ready
        count = [0 if clear else c + p - take for c, p in zip(count, pulse, strict=True)]
        takes += take
    assert takes > 100


@cocotb.test
async def join_taking_nothing_is_fatal(dut) -> None:
    """Run alone, and only to see the assertion fail."""
    dut.clear_i.value = dut.pulse_i.value = 0
    dut.take_i.value = 1
    start_clock(dut)
    await reset(dut)
    await ClockCycles(dut.clk_i, 3)


# --- csb_reduce ---------------------------------------------------------------------------------
@cocotb.test
async def reduce_adds_all(dut) -> None:
    n, width = int(dut.N.value), int(dut.AccW.value)
    stages = 1 if n <= 4 else 2
    start_clock(dut)
    sums: deque[int] = deque()
    for _ in range(400):
        values = [random_signed(width - 4) for _ in range(n)]  # so the sum fits
        dut.data_i.value = pack(values, width)
        sums.append(sum(values))
        await RisingEdge(dut.clk_i)
        if len(sums) > stages:
            assert signed(int(dut.sum_o.value), width) == sums.popleft()


# --- csb_neuron_ram -----------------------------------------------------------------------------
@cocotb.test
async def neurons_of_every_side(dut) -> None:
    """Every port reads an address of its own, none of them one that is being written."""
    width, depth, sides, ports, words = (
        int(getattr(dut, n).value) for n in ("DataW", "Depth", "Sides", "Reads", "Writes")
    )
    address_w = len(dut.raddr_i) // ports
    places = 1 << (sides - 1).bit_length()  # of a word
    start_clock(dut)
    memory: dict[int, int] = {}
    want: list[int] = []
    dut.we_i.value = dut.re_i.value = 0
    for _ in range(4000):
        address, we = random.randrange(depth), random.getrandbits(words * sides)
        values = [random_signed(width) for _ in range(words * sides)]
        first = address // words * words
        drive(dut, "we_i", waddr_i=address if we else None, wdata_i=pack(values, width))
        dut.we_i.value = we
        written = {
            (first + i // sides) * places + i % sides: values[i]
            for i in range(words * sides)
            if we >> i & 1
        }
        known = [a for a in memory if a not in written]
        read = bool(known) and random.random() < 0.7
        at = [random.choice(known) for _ in range(ports)] if read else None
        drive(dut, "re_i", raddr_i=pack(at, address_w) if read else None)
        await RisingEdge(dut.clk_i)
        if want:
            assert unpack(int(dut.rdata_o.value), ports, width) == want
        want = [memory[a] for a in at] if read else want  # it stays until the next read
        memory |= written
    assert len(memory) == depth * sides


# --- csb_acc_bank -------------------------------------------------------------------------------
@cocotb.test
async def bank_has_two_readers(dut) -> None:
    """The row reads one word of any bank, the drain all banks; zeroing reaches the drain alone.

    With Bypass the drain reads words that are being written, too, and gets the new ones.
    """
    bypass, seen_new, zeroed = int(dut.Bypass.value), 0, 0
    values = (int(getattr(dut, n).value) for n in ("AccW", "Depth", "DrainRows", "Banks"))
    width, depth, rows, banks = values
    start_clock(dut)
    row_memory: dict[tuple[int, int], int] = {}  # by bank and address
    memory: dict[tuple[int, int], int] = {}  # of the drain
    want: dict[str, int] = {}
    for _ in range(3000):
        kind = random.choices(("none", "we", "zero"), (4, 5, 1))[0]
        waddr, wbank = random.randrange(depth), random.randrange(banks)
        value = 0 if kind == "zero" else random.getrandbits(width)
        drive(dut, "we_i", wbank_i=wbank if kind == "we" else None)
        dut.zero_i.value = int(kind == "zero")
        if kind == "none":
            poison(dut.waddr_i)
        else:
            dut.waddr_i.value = waddr
        dut.wdata_i.value = value
        written = {"none": [], "we": [wbank], "zero": range(banks)}[kind]
        change = {(b, waddr): value for b in written}

        held = [key for key in row_memory if not (kind == "we" and key == (wbank, waddr))]
        at = random.choice(held) if held and random.random() < 0.6 else None
        bank, address = at or (None, None)
        drive(dut, "row_re_i", row_bank_i=bank, row_raddr_i=address)
        if at is not None:
            want["row_next"] = row_memory[at]

        now = memory | change if bypass else memory
        known = [a for a in range(0, depth - rows + 1, rows)
                 if all((b, a + r) in now for b in range(banks) for r in range(rows))]  # fmt: skip
        writing = [a for a in known if written and waddr in range(a, a + rows)]
        known = known if bypass else [a for a in known if a not in writing]
        first = random.choice(known) if known and random.random() < 0.6 else None
        first = writing[0] if bypass and writing and random.random() < 0.2 else first
        drive(dut, "drain_re_i", drain_raddr_i=first)
        if first is not None:
            words = [now[b, first + r] for b in range(banks) for r in range(rows)]
            want["drain_next"] = pack(words, width)
            seen_new += first in writing
            zeroed += 0 in words
        await RisingEdge(dut.clk_i)
        for port in ("row", "drain"):
            if port in want:
                assert int(getattr(dut, f"{port}_rdata_o").value) == want[port]
            if f"{port}_next" in want:
                want[port] = want.pop(f"{port}_next")
        memory |= change
        if kind == "we":
            row_memory |= change
    assert len(memory) == depth * banks
    assert bool(bypass) == bool(seen_new)
    assert zeroed


# --- csb_pe_row ---------------------------------------------------------------------------------
@cocotb.test
async def pe_row_sums_streaks(dut) -> None:
    """Streaks with pauses between their words; every row is drained as soon as it can be."""
    names = ("data_w", "weight_w", "Q", "acc_depth", "drain_banks")
    ports = ("DataW", "WeightW", "Q", "AccDepth", "Banks")
    values = {n: int(getattr(dut, p).value) for n, p in zip(names, ports, strict=True)}
    values |= {"acc_guard": int(os.environ["ACC_GUARD"]), "deep": int(dut.Deep.value)}
    c = config.load("tiny", neuron_depth=64, **values)
    lat_stored = isa.lat_stored(c) - c.deep  # a PEGroup has a register in front of the row
    for name in ("issue_i", "zero_i", "acc_re_i"):
        getattr(dut, name).value = 0
    start_clock(dut)
    await reset(dut)
    for address in range(c.acc_depth):
        drive(dut, "zero_i", zero_addr_i=address)
        await RisingEdge(dut.clk_i)
    drive(dut, "zero_i", zero_addr_i=None)
    await RisingEdge(dut.clk_i)  # the last one is written a cycle later

    acc = dict.fromkeys(((b, r) for b in range(c.banks) for r in range(c.acc_depth)), 0)
    stored: dict[tuple[int, int], int] = {}
    neurons: deque[list[int] | None] = deque([None] * NEURON_CYCLE)
    expected: list[int] | None = None
    seen: Counter[str] = Counter()
    total, at, pe_row = 0, 0, []
    for cycle in range(3000):
        if at == len(pe_row):  # acc_raw holds over the seam: some words without work
            pe_row, at = random_pe_row(c, 0, 40, list(range(c.acc_depth // 2))), 0
            pe_row += [{}] * isa.acc_raw(c)
        issue = random.random() < 0.8
        word = pe_row[at] if issue else {}
        weights = [signed(word.get(f"w{q}", 0), c.weight_w) for q in range(c.Q)]
        if not issue:
            weights = [random_signed(c.weight_w) for _ in weights]
        drive(dut, "issue_i", row_i=word.get("row", 0) if issue else None)
        dut.bank_i.value = bank_of(c, word)
        for name in ("first", "store", "clr"):
            getattr(dut, f"{name}_i").value = word.get(name, 0) if issue else random.getrandbits(1)
        dut.weight_i.value = pack(weights, c.weight_w)
        inputs = [random_signed(c.data_w) for _ in range(c.Q)]
        neurons.append(inputs if issue else None)
        now = neurons.popleft()
        dut.neuron_i.value = pack(now or [random_signed(c.data_w) for _ in range(c.Q)], c.data_w)

        ready = {r for (_, r), t in stored.items() if t == cycle - lat_stored}
        row = random.choice([*ready] or [random.randrange(c.acc_depth)])
        if any(stored.get((b, row), -99) + lat_stored > cycle for b in range(c.banks)):
            row = None
        drive(dut, "acc_re_i", acc_addr_i=row)
        check, expected = expected, None
        if row is not None:
            expected = [acc[b, row] for b in range(c.banks)]
            seen["at once"] += row in ready
        await RisingEdge(dut.clk_i)
        if check is not None:
            assert int(dut.acc_o.value) == pack(check, c.acc_w), f"cycle {cycle}"
        if issue:
            at += 1
            if "row" in word:
                key = (bank_of(c, word), word["row"])
                if word["first"]:
                    total = 0 if word["clr"] else acc[key]
                total += sum(w * x for w, x in zip(weights, inputs, strict=True))
                if word["store"]:
                    acc[key] = total
                    stored[key] = cycle
    assert seen["at once"] > 50

    drive(dut, "issue_i", row_i=None)
    drive(dut, "acc_re_i", acc_addr_i=None)
    for now in neurons:  # of the last words, which end
        dut.neuron_i.value = pack(now or [random_signed(c.data_w) for _ in range(c.Q)], c.data_w)
        await RisingEdge(dut.clk_i)
    for _ in range(lat_stored):
        await RisingEdge(dut.clk_i)

    # A word without a store is in the registers: a reset writes none of it, and zeroes nothing.
    row = c.acc_depth // 2 - 1
    sum_ = 1 if acc[0, row] != 1 else 2
    drive(dut, "acc_re_i", acc_addr_i=None)
    for issue in (1, *[0] * 12):
        dut.issue_i.value, dut.row_i.value, dut.bank_i.value = issue, row, 0
        dut.first_i.value, dut.clr_i.value, dut.store_i.value = 1, 1, 0
        dut.weight_i.value = pack([1] * c.Q, c.weight_w)
        dut.neuron_i.value = pack([sum_] + [0] * (c.Q - 1), c.data_w)
        await RisingEdge(dut.clk_i)
    await reset(dut)
    for _ in range(8):
        await RisingEdge(dut.clk_i)
    drive(dut, "acc_re_i", acc_addr_i=row)
    await RisingEdge(dut.clk_i)
    drive(dut, "acc_re_i", acc_addr_i=None)
    await RisingEdge(dut.clk_i)
    assert int(dut.acc_o.value) == pack([acc[b, row] for b in range(c.banks)], c.acc_w)
