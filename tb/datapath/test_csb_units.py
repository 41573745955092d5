# SPDX-License-Identifier: Apache-2.0
"""csb_drain and csb_element, each alone: random programs, every control in its cycle.

The issue times of words and the cycle of each control are from docs/reference/isa.md and the
headers of the two modules; where a latency has a name in golden/csb_rnn/machine/isa.py, from there.
"""

from __future__ import annotations

import random
from collections import defaultdict

import cocotb
from cocotb.triggers import RisingEdge

from csb_rnn.machine import isa
from csb_rnn.machine.config import clog2
from tb.datapath.test_csb_datapath import Program, Unit
from tb.datapath.test_csb_lane import bench_config, row_controls
from tb.lib.datapath_model import Word, pack
from tb.lib.stream import poison, reset, start_clock

CYCLES = 2500
MORE = 60  # programs at most until every pulse was seen; a half of them shows each
OUT_HALVES = 2  # of the output buffer, free at the start
OPERANDS = ("m0", "x0", "m1", "x1")


class Bench:
    """A sequenced unit: loads its program, follows it, compares ports with a schedule.

    Args:
        dut: the unit; ``fields``: the layout of its words.
        pulses: ports with zero in all other cycles.
    """

    def __init__(self, dut, fields: tuple[isa.Field, ...], pulses: tuple[str, ...]) -> None:
        self.dut, self.fields, self.pulses = dut, fields, pulses
        self.expect: dict[int, dict[str, int]] = defaultdict(dict)
        self.seen: set[str] = set()
        self.programs = 0

    async def load(self, words: list[Word]) -> None:
        dut = self.dut
        dut.we_i.value = 1
        for address, word in enumerate(words):
            code, bits = isa.encode(self.fields, word), isa.width(self.fields)
            for part, data in enumerate(isa.load_parts(code, bits)):
                dut.part_i.value, dut.waddr_i.value, dut.wdata_i.value = part, address, data
                await RisingEdge(dut.clk_i)
        dut.we_i.value = 0
        poison(dut.part_i)
        poison(dut.waddr_i)
        poison(dut.wdata_i)

    async def check(self, cycle: int) -> None:
        """The end of a cycle."""
        await RisingEdge(self.dut.clk_i)
        for name, value in (dict.fromkeys(self.pulses, 0) | self.expect.pop(cycle, {})).items():
            assert int(getattr(self.dut, name).value) == value, f"{name} in cycle {cycle}"
            if value:
                self.seen.add(name)

    def complete(self) -> bool:
        """Whether every pulse was seen, after three programs at least."""
        self.programs += 1
        return self.programs >= 3 and self.seen >= set(self.pulses)

    async def stop(self, settle: int = 20) -> None:
        """Nothing of the run appears after a stop."""
        self.dut.stop_i.value = 1
        await RisingEdge(self.dut.clk_i)
        self.expect.clear()
        for cycle in range(settle):
            await self.check(cycle)
        self.dut.stop_i.value = 0


async def start_up(dut, fields: tuple[isa.Field, ...], pulses: tuple[str, ...]) -> Bench:
    for name in ("start_i", "stop_i", "we_i"):
        getattr(dut, name).value = 0
    start_clock(dut)
    await reset(dut)
    return Bench(dut, fields, pulses)


# --- csb_drain ----------------------------------------------------------------------------------
DRAIN_PULSES = ("acc_re_o", "mark_take_o", "issue_o", "evt_o", "bias_re_o", "cvt_valid_o",
                "reg_we_o", "post_o", "stall_mark_o", "stall_reg_o")  # fmt: skip


async def follow_drain(bench: Bench, words: list[Word], free: int, rates: tuple) -> None:
    dut, cfg = bench.dut, bench_config()
    stages, unit, marks = cfg.reduce_stages + cfg.deep, Unit(words, 0), 0
    tokens = [0] * free  # first cycles of free register sets
    dut.credits_i.value = free
    for cycle in range(CYCLES):
        release = cycle > 0 and len(tokens) < 8 and random.random() < rates[0]
        marks += random.random() < rates[1]
        dut.start_i.value, dut.release_i.value = int(cycle == 0), int(release)
        dut.mark_ready_i.value = int(marks > 0)
        now = bench.expect[cycle]
        if cycle and unit.gap_over(cycle):
            word = unit.word
            if word["wait_mark"] and not marks:
                now["stall_mark_o"] = 1
            elif word["acquire"] and not (tokens and tokens[0] <= cycle):
                now["stall_reg_o"] = 1
            else:
                half = word["acc_pp"] * (unit.iteration & 1) * cfg.acc_half
                now |= {"issue_o": 1, "acc_re_o": 1, "mark_take_o": word["wait_mark"]}
                now["acc_addr_o"] = word["acc_addr"] ^ half
                if word["evt_en"]:
                    at = cycle + isa.LAT_DRAINED - 1
                    bench.expect[at] |= {"evt_o": 1, "evt_id_o": word["evt"]}
                bench.expect[cycle + stages] |= {"bias_re_o": 1, "bias_addr_o": word["bias_addr"]}
                rows = row_controls(cfg, word)
                bench.expect[cycle + 2 + cfg.deep + stages] |= {
                    "cvt_valid_o": 1,
                    "shift_o": rows["shift"],
                }
                bench.expect[cycle + 3 + 2 * cfg.deep + stages]["act_o"] = rows["act"]
                last = cycle + isa.lat_post(cfg) - 1
                bench.expect[last]["post_o"] = word["post"]
                bench.expect[last + cfg.reg_bypass] |= {"reg_we_o": 1, "reg_o": word["dst"]}
                if word["acquire"]:
                    tokens.pop(0)
                marks -= word["wait_mark"]
                unit.step(cycle, 1)
        if release:
            tokens.append(cycle + isa.LAT_RELEASE)
        bench.expect[cycle] = now
        await bench.check(cycle)
    assert unit.iteration > 2


@cocotb.test
async def drain_programs(dut) -> None:
    dut.release_i.value = dut.mark_ready_i.value = dut.credits_i.value = 0
    bench = await start_up(dut, isa.DRAIN, DRAIN_PULSES)
    for rates in ((0.9, 0.9), (0.9, 0.05), (0.03, 0.9), *([(0.1, 0.1)] * MORE)):
        words = Program(bench_config()).drain
        await bench.load(words)
        await follow_drain(bench, words, random.randint(1, 3), rates)
        dut.mark_ready_i.value = dut.release_i.value = 0
        await bench.stop()
        if bench.complete():
            return
    raise AssertionError(f"never happened: {set(DRAIN_PULSES) - bench.seen}")


# --- csb_element --------------------------------------------------------------------------------
ELEM_PULSES = ("issue_o", "release_o", "opnd_valid_o", "sum_valid_o", "st_we_o", "reg_we_o",
               "wr_neu_we_o", "wr_out_we_o", "wr_out_done_o", "wr_evt_en_o", "stall_post_o",
               "stall_out_o")  # fmt: skip


def element_controls(p: Program, word: Word, unit: Unit) -> tuple[tuple[int, dict[str, int]], ...]:
    """Ports of an issued word, by cycles after its issue."""
    cfg = p.cfg
    prologue = unit.pc < p.loop_start
    n = unit.rounds if prologue else unit.iteration
    stream, frame = n % p.streams, 1 if prologue else n // p.streams
    base, states = stream * p.stride, cfg.state_depth
    toggle = (word["neu_pp"] & frame) << 3 | int(f"{stream:03b}"[::-1], 2)
    half = 0 if prologue else (unit.iteration & 1) << clog2(cfg.out_depth)
    return (
        (
            0,
            {
                "issue_o": 1,
                "release_o": word["release"],
                "rd_addr_o": pack([word[name] for name in OPERANDS], 5),
                "st_raddr_o": (word["st_raddr"] + base) % states,
            },
        ),
        (0 if cfg.deep else 1, {"sel_o": pack([word[f"{name}_sel"] for name in OPERANDS], 2)}),
        (
            1 + cfg.deep,
            {
                "opnd_valid_o": 1,
                "st_zero_o": word["fresh"] & p.fresh,
                "st_fine_rd_o": word["st_fine_rd"],
            },
        ),
        (2 + 2 * cfg.deep, {"sum_valid_o": 1, "sub_o": word["sub"]}),
        (
            isa.lat_elem_state(cfg) - 1,
            {
                "st_we_o": word["st_we"],
                "st_fine_wr_o": word["st_fine_wr"],
                "st_waddr_o": (word["st_waddr"] + base) % states,
                "act_o": word["act"],
            },
        ),
        (
            isa.lat_bus(cfg) - 2 - cfg.deep,
            {
                "wr_neu_we_o": word["neu_we"],
                "wr_neu_addr_o": word["neu_addr"] ^ toggle << (cfg.neuron_aw - 4),
                "wr_shift_o": word["neu_shift"],
                "wr_rot_o": word["neu_rot"],
                "wr_out_we_o": word["out_we"],
                "wr_out_addr_o": word["out_addr"] + half,
                "wr_out_done_o": word["out_done"],
                "wr_evt_en_o": word["evt_en"],
                "wr_evt_o": word["evt"],
            },
        ),
        (
            isa.lat_elem_reg(cfg) - 1 + cfg.reg_bypass,
            {"reg_we_o": word["reg_we"], "reg_o": word["reg"]},
        ),
    )


async def follow_element(bench: Bench, p: Program, rates: tuple[float, float]) -> None:
    dut, unit = bench.dut, Unit(p.elem, p.loop_start)
    posts: list[int] = []
    outputs = [0] * OUT_HALVES
    taken = 0  # output halves not given back yet
    done = 0 if p.loop_start == 0 else None
    dut.streams_i.value, dut.loop_start_i.value = p.streams, p.loop_start
    dut.state_stride_i.value, dut.fresh_i.value = p.stride, p.fresh
    for cycle in range(CYCLES):
        post = cycle > 0 and len(posts) < 8 and random.random() < rates[0]
        give = taken > 0 and random.random() < rates[1]
        dut.start_i.value, dut.post_i.value = int(cycle == 0), int(post)
        dut.out_release_i.value = int(give)
        if cycle and unit.gap_over(cycle):
            word, now = unit.word, bench.expect[cycle]
            if word["pend"] and not (posts and posts[0] <= cycle):
                now["stall_post_o"] = 1
            elif word["out_acquire"] and not (outputs and outputs[0] <= cycle):
                now["stall_out_o"] = 1
            else:
                for after, ports in element_controls(p, word, unit):
                    bench.expect[cycle + after] |= ports
                del posts[: word["pend"]], outputs[: word["out_acquire"]]
                taken += word["out_acquire"]
                prologue = unit.pc < p.loop_start
                unit.step(cycle, p.streams)
                if prologue and unit.rounds == p.streams and done is None:
                    done = cycle + isa.lat_neuron(p.cfg)
        if post:
            posts.append(cycle + 1)
        if give:
            outputs.append(cycle + 1)
            taken -= 1
        await bench.check(cycle)
        if cycle:
            assert int(dut.init_done_o.value) == (done is not None and cycle >= done)
    assert unit.iteration > 2


@cocotb.test
async def element_programs(dut) -> None:
    dut.post_i.value = dut.out_release_i.value = dut.fresh_i.value = 0
    dut.streams_i.value, dut.loop_start_i.value, dut.state_stride_i.value = 1, 0, 0
    bench = await start_up(dut, isa.ELEM, ELEM_PULSES)
    for rates in ((0.9, 0.9), (0.9, 0.02), (0.03, 0.9), *([(0.1, 0.03)] * MORE)):
        program = Program(bench_config())
        await bench.load(program.elem)
        await follow_element(bench, program, rates)
        dut.post_i.value = dut.out_release_i.value = 0
        await bench.stop()
        if bench.complete():
            return
    raise AssertionError(f"never happened: {set(ELEM_PULSES) - bench.seen}")
