# SPDX-License-Identifier: Apache-2.0
"""csb_datapath: random legal programs; every issue, write, event and value in its cycle.

:class:`Units` says from the contract (golden/csb_rnn/machine/isa.py) when a word may issue; it
keeps the cycle from which every token can be used instead of counters. The bench plays the engine:
marks and sums.
"""

import os
import random
from collections import defaultdict, deque

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from csb_rnn.machine import isa, numerics
from csb_rnn.machine.config import Config, clog2
from tb.datapath.test_csb_lane import bench_config
from tb.lib.datapath_model import LaneModel, Word, pack, random_signed, random_word, unpack
from tb.lib.stream import reset, start_clock

CYCLES = 2500
REGS = 8
PULSES = ("acc_re_o", "mark_take_o", "drain_evt_o", "neu_evt_o", "neu_valid_o", "out_valid_o",
          "out_done_o", "drain_issue_o", "elem_issue_o", "drain_stall_mark_o", "drain_stall_reg_o",
          "elem_stall_post_o", "elem_stall_out_o", "bus_busy_o", "sat_o")  # fmt: skip


class Program:
    """A random drain program and its element program."""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        w = cfg.sub_slots
        self.streams = random.choice((1, 1, 2, 3, 8))
        self.stride = cfg.state_depth // 8
        self.sets = random.randint(1, 4)
        self.credits = random.randint(1, 3)
        self.fresh = random.getrandbits(1)
        self.drain: list[dict[str, int]] = []
        self.elem: list[dict[str, int]] = []

        # prologue: every element register, then some neurons
        for reg in range(REGS):
            self.elem.append(self._elem(m0_sel=2, x0_sel=2, m1_sel=2, x1_sel=3, reg_we=1, reg=reg))
        for _ in range(random.randint(0, 3)):
            word = self._elem(m0_sel=2, x0_sel=2, m1_sel=3, x1_sel=3, gap=max(w, 7))
            self.elem.append(word | {"neu_we": 1, "evt_en": random.getrandbits(1)})
        self.loop_start = len(self.elem)
        has_output = random.getrandbits(1)
        for s in range(self.sets):
            n = random.randint(1, 4)
            for i in range(n):
                self.drain.append(
                    random_word(
                        isa.DRAIN,
                        last=int(s == self.sets - 1 and i == n - 1),
                        gap=random.choice((0, 0, 0, 1, 5, 15)),
                        acquire=int(i == 0),
                        wait_mark=int(i == 0 or random.random() < 0.2),
                        post=int(i == n - 1),
                        acc_addr=random.randrange(0, cfg.acc_depth, cfg.drain_rows),
                        bias_addr=random.randrange(0, cfg.bias_depth, cfg.drain_rows),
                        dst=random.randrange(0, REGS, cfg.drain_rows) if s or i else 0,
                    )
                )
            first = {word["dst"] for word in self.drain}
            written = sorted(dst + i for dst in first for i in range(cfg.drain_rows))
            n = random.randint(1, 6)
            for i in range(n):
                word = self._elem(
                    regs=written,
                    pend=int(i == 0),
                    release=int(i == n - 1),
                    last=int(s == self.sets - 1 and i == n - 1),
                    out_acquire=int(has_output and s == i == 0),
                    out_done=int(has_output and s == self.sets - 1 and i == n - 1),
                    gap=random.choice((0, 0, 0, 2, 7)),
                    st_we=random.getrandbits(1),
                )
                for flag in ("neu_we", "out_we", "evt_en"):
                    word[flag] = int(random.random() < 0.4)
                self.elem.append(word)
        # The loop reads the registers: its first word waits until the last of them is written.
        first = self.elem[self.loop_start]
        first["gap"] = max(first["gap"], isa.lat_elem_reg(cfg) - 1)
        # A slot keeps the writer busy for w cycles.
        writes = [any(x[f] for f in ("neu_we", "out_we", "evt_en", "out_done")) for x in self.elem]
        for i, word in enumerate(self.elem):
            if writes[i]:
                word["gap"] = max(word["gap"], w - 1)

    def _elem(self, regs: list[int] | None = None, **fixed: int) -> dict[str, int]:
        clear = ("last", "pend", "out_acquire", "release", "out_done", "st_we", "neu_we", "out_we",
                 "evt_en", "reg_we", "gap")  # fmt: skip
        fixed = dict.fromkeys(clear, 0) | fixed
        word = random_word(isa.ELEM, **fixed)
        for name in ("st_raddr", "st_waddr"):
            word[name] = random.randrange(self.stride)
        for port in ("m0", "x0", "m1", "x1"):
            in_drain = word[f"{port}_sel"] == isa.M_SEL["drain"]
            word[port] = random.choice(regs) if in_drain and regs else random.randrange(REGS)
        if regs:
            word["reg_we"] = random.getrandbits(1)
            word["reg"] = random.randrange(REGS)
        word["neu_rot"] = random.randrange(self.cfg.L)
        words, step = self.cfg.slot_words, self.cfg.bus_neurons
        word["neu_addr"] = random.randrange(0, self.cfg.neuron_depth - words, step)
        word["out_addr"] = random.randrange(0, self.cfg.out_depth - words, step)
        return word


class Unit:
    """Where a unit is in its program and when it issued last."""

    def __init__(self, words: list[dict[str, int]], loop_start: int) -> None:
        self.words, self.loop_start = words, loop_start
        self.pc, self.iteration, self.rounds = 0, 0, 0
        self.ready = 3  # first cycle for the word to issue, one after it is shown, from start
        self.last_issue = -100

    @property
    def word(self) -> Word:
        return self.words[self.pc]

    def gap_over(self, cycle: int) -> bool:
        return cycle >= max(self.ready, self.last_issue + 1 + self.word["gap"])

    def step(self, cycle: int, streams: int) -> None:
        self.last_issue = cycle
        if self.word["last"]:
            self.pc, self.iteration = self.loop_start, self.iteration + 1
            return
        self.pc += 1
        if self.pc == self.loop_start:
            self.rounds += 1
            if self.rounds < streams:  # once more from word 0, which takes a start
                self.pc, self.ready = 0, cycle + 3


class Units:
    """Issue rules, values and the expected ports, cycle by cycle."""

    def __init__(self, program: Program, lanes: LaneModel, acc) -> None:
        self.p, self.cfg, self.lanes, self.acc = program, program.cfg, lanes, acc
        self.drain = Unit(program.drain, 0)
        self.elem = Unit(program.elem, program.loop_start)
        self.reg_tokens = deque([0] * program.credits)  # first cycles of taking them
        self.posts: deque[int] = deque()
        self.outputs = deque([0, 0])
        self.expect: dict[int, dict[str, int]] = defaultdict(dict)
        self.sums: dict[int, int] = {}
        self.init_done = 0 if program.loop_start == 0 else None

    def step(self, cycle: int, mark_ready: bool) -> None:
        self.lanes.begin(cycle)
        self._drain(cycle, mark_ready)
        self._element(cycle)
        sats = self.lanes.saturates.pop(cycle, 0)
        if sats:
            bus = self.expect[cycle + 2 + self.cfg.deep]
            bus["sat_o"] = bus.get("sat_o", 0) | sats

    def _drain(self, cycle: int, mark_ready: bool) -> None:
        unit, now = self.drain, self.expect[cycle]
        if not unit.gap_over(cycle):
            return
        word = unit.word
        if word["wait_mark"] and not mark_ready:
            now["drain_stall_mark_o"] = 1
        elif word["acquire"] and not (self.reg_tokens and self.reg_tokens[0] <= cycle):
            now["drain_stall_reg_o"] = 1
        else:
            if word["acquire"]:
                self.reg_tokens.popleft()
            half = word["acc_pp"] * (unit.iteration & 1) * self.cfg.acc_half
            address = word["acc_addr"] ^ half
            now.update(drain_issue_o=1, acc_re_o=1, acc_addr_o=address)
            now.update(mark_take_o=word["wait_mark"])
            sums = self.acc[:, address : address + self.cfg.drain_rows]
            self.sums[cycle + 1 + self.cfg.reduce_stages + 2 * self.cfg.deep] = pack(
                sums.ravel(), self.cfg.acc_w
            )
            self.lanes.drain(cycle, word, sums)
            if word["evt_en"]:
                at = cycle + isa.LAT_DRAINED - 1
                self.expect[at].update(drain_evt_o=1, drain_evt_id_o=word["evt"])
            if word["post"]:
                self.posts.append(cycle + isa.lat_post(self.cfg))
            unit.step(cycle, 1)

    def _element(self, cycle: int) -> None:
        unit, now = self.elem, self.expect[cycle]
        if not unit.gap_over(cycle):
            return
        word, p = unit.word, self.p
        if word["pend"] and not (self.posts and self.posts[0] <= cycle):
            now["elem_stall_post_o"] = 1
            return
        if word["out_acquire"] and not (self.outputs and self.outputs[0] <= cycle):
            now["elem_stall_out_o"] = 1
            return
        now["elem_issue_o"] = 1
        if word["pend"]:
            self.posts.popleft()
        if word["out_acquire"]:
            self.outputs.popleft()
        if word["release"]:
            self.reg_tokens.append(cycle + isa.LAT_RELEASE)
        prologue = unit.pc < p.loop_start
        n = unit.rounds if prologue else unit.iteration
        stream = n % p.streams
        frame = 1 if prologue else n // p.streams
        v = self.lanes.element(cycle, word, stream * p.stride, bool(p.fresh))
        self._slot(cycle, word, v, stream, frame, n)
        unit.step(cycle, p.streams)
        if prologue and unit.rounds == p.streams:
            self.init_done = cycle + isa.lat_neuron(self.cfg)

    def _slot(self, cycle: int, word: Word, v, stream: int, frame: int, n: int) -> None:
        cfg, w = self.cfg, self.cfg.sub_slots
        toggle = (word["neu_pp"] & frame) << 3 | int(f"{stream:03b}"[::-1], 2)
        neu_addr = word["neu_addr"] ^ toggle << (cfg.neuron_aw - 4)
        out_addr = word["out_addr"] + ((n & 1) << clog2(cfg.out_depth))
        places = cfg.bus_neurons * cfg.L
        values = np.zeros(w * places, np.int64)
        values[cfg.bus_place(np.arange(cfg.lanes))] = v
        for i in range(w):
            at = cycle + isa.lat_bus(cfg) + i
            counts = numerics.Saturations()
            part = values[i * places : (i + 1) * places].reshape(cfg.bus_neurons, cfg.L)
            data = numerics.to_neuron(part, word["neu_shift"], cfg, counts)
            data = pack(np.roll(data, word["neu_rot"], axis=1).ravel(), cfg.data_w)
            first = i * cfg.bus_neurons
            if word["neu_we"]:
                self.expect[at - 1].update(bus_busy_o=1)
                address = (neu_addr + first) % cfg.neuron_depth
                self.expect[at].update(neu_valid_o=1, neu_addr_o=address, neu_data_o=data)
            if word["out_we"]:
                self.expect[at].update(out_valid_o=1, out_addr_o=out_addr + first, neu_data_o=data)
            if word["neu_we"] or word["out_we"]:
                self.lanes.note(at - cfg.deep, counts, "neuron")
        last = cycle + isa.lat_neuron(cfg) - 1
        if word["evt_en"]:
            self.expect[last].update(neu_evt_o=1, neu_evt_id_o=word["evt"])
        if word["out_done"]:
            self.expect[last].update(out_done_o=1)


async def load(dut, sel: int, lane: int, address: int, value: int) -> None:
    dut.ld_we_i.value, dut.ld_sel_i.value, dut.ld_lane_i.value = 1, sel, lane
    dut.ld_addr_i.value = address
    bits = {0: isa.width(isa.DRAIN), 1: isa.width(isa.ELEM)}.get(sel, isa.PART_W)
    for part, data in enumerate(isa.load_parts(value, bits)):
        dut.ld_part_i.value, dut.ld_data_i.value = part, data
        await RisingEdge(dut.clk_i)
    dut.ld_we_i.value = 0


async def read_states(dut, cfg: Config):
    """All states through the host port, one a cycle, two cycles latency."""
    places = [(lane, address) for lane in range(cfg.lanes) for address in range(cfg.state_depth)]
    got = []
    latency = 2 + 2 * cfg.deep
    for i in range(len(places) + latency):
        lane, address = places[min(i, len(places) - 1)]
        dut.st_re_i.value, dut.st_lane_i.value, dut.st_addr_i.value = 1, lane, address
        await RisingEdge(dut.clk_i)
        if i >= latency:
            got += unpack(int(dut.st_rdata_o.value), 1, cfg.state_w)
    dut.st_re_i.value = 0
    return np.array(got).reshape(cfg.lanes, cfg.state_depth)


async def run_program(dut, cfg: Config, program: Program, memories, cycles: int) -> None:
    bias, state, acc = memories
    dut.stop_i.value = 0
    for sel, fields, words in ((0, isa.DRAIN, program.drain), (1, isa.ELEM, program.elem)):
        for address, word in enumerate(words):
            await load(dut, sel, 0, address, isa.encode(fields, word))
    await RisingEdge(dut.clk_i)
    units = Units(program, LaneModel(cfg, bias, state), acc)
    dut.streams_i.value, dut.loop_start_i.value = program.streams, program.loop_start
    dut.state_stride_i.value, dut.credits_i.value = program.stride, program.credits
    dut.fresh_i.value = program.fresh

    marks, releases = 0, deque()
    rate = random.choice((0.05, 0.3, 1.0))
    lag = random.choice((1, 20, 300))
    for cycle in range(cycles):
        dut.start_i.value = int(cycle == 0)
        release = bool(releases and releases[0] <= cycle)
        if release:
            releases.popleft()
            units.outputs.append(cycle + 1)
        dut.mark_ready_i.value = int(marks > 0)
        dut.out_release_i.value = int(release)
        if cycle:
            units.step(cycle, marks > 0)
        acc_w = cfg.lanes * cfg.drain_rows * cfg.acc_w
        dut.sums_i.value = units.sums.pop(cycle, None) or random.getrandbits(acc_w)
        await RisingEdge(dut.clk_i)
        want = dict.fromkeys(PULSES, 0) | units.expect.pop(cycle, {})
        for name, value in want.items():
            assert int(getattr(dut, name).value) == value, f"{name} in cycle {cycle}"
        if cycle:
            done = units.init_done is not None and cycle >= units.init_done
            assert int(dut.init_done_o.value) == done, f"init_done_o in cycle {cycle}"
        marks += (random.random() < rate) - want["mark_take_o"]
        if want["out_done_o"]:
            releases.append(max(cycle + random.randint(1, lag), (releases or [0])[-1] + 1))
    assert units.drain.iteration > 2
    assert units.elem.iteration > 2

    # Words on their way to the states at a stop do not count.
    dut.stop_i.value, dut.mark_ready_i.value, dut.out_release_i.value = 1, 0, 0
    units.lanes.begin(cycles)
    await RisingEdge(dut.clk_i)
    units.lanes.begin(cycles + 1)
    for _ in range(20):
        await RisingEdge(dut.clk_i)
        assert not any(int(getattr(dut, name).value) for name in PULSES[:5])
    np.testing.assert_array_equal(await read_states(dut, cfg), state)


@cocotb.test
async def random_programs(dut) -> None:
    cfg = bench_config()
    for name in ("start_i", "ld_we_i", "st_re_i", "mark_ready_i", "out_release_i", "fresh_i",
                 "streams_i", "loop_start_i", "state_stride_i", "credits_i", "ld_sel_i",
                 "ld_lane_i", "ld_part_i", "ld_addr_i", "ld_data_i", "st_lane_i", "st_addr_i",
                 "sums_i"):  # fmt: skip
        getattr(dut, name).value = 0
    dut.stop_i.value = 1
    start_clock(dut)
    await reset(dut)
    await RisingEdge(dut.clk_i)
    for name in PULSES:
        assert int(getattr(dut, name).value) == 0, f"{name} after reset"

    def memory(depth: int, bits: int):
        return np.array([[random_signed(bits) for _ in range(depth)] for _ in range(cfg.lanes)])

    bias = memory(cfg.bias_depth, cfg.acc_w - 1)
    state = memory(cfg.state_depth, cfg.state_w)
    acc = memory(cfg.acc_depth, cfg.acc_w - 1)
    mask = (1 << max(cfg.acc_w, cfg.state_w)) - 1
    for sel, values in ((2, bias), (3, state)):
        for (lane, address), value in np.ndenumerate(values):
            await load(dut, sel, lane, address, int(value) & mask)
    for i in range(int(os.environ.get("PROGRAMS", "6"))):
        program = Program(cfg)
        dut._log.info("program %d: %d streams, %d sets", i, program.streams, program.sets)
        await run_program(dut, cfg, program, (bias, state, acc), CYCLES)
