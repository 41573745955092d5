# SPDX-License-Identifier: Apache-2.0
"""csb_engine against plain matrix products: random layers, compiled, loaded and drained.

The case comes from the environment (CSB_CASES, a JSON list), so both simulators can be given
the same ones; results go to CSB_DIGEST, for comparison between simulators.
"""

from __future__ import annotations

import hashlib
import json
import os

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

from csb_rnn import compiler
from csb_rnn.machine import config, isa
from csb_rnn.machine.image import Target
from csb_rnn.program import assemble
from csb_rnn.verify.random_layers import LayerCase


def _pack(values: np.ndarray, width: int) -> int:
    word = 0
    for i, v in enumerate(values.tolist()):
        word |= (v & ((1 << width) - 1)) << (i * width)
    return word


class EngineBench:
    """Drives the ports of csb_engine; every method returns after a rising clock edge."""

    def __init__(self, dut, c: config.Config) -> None:
        self.dut, self.c = dut, c

    async def tick(self) -> None:
        await RisingEdge(self.dut.clk_i)
        await Timer(1, "ps")

    async def reset(self) -> None:
        for name in ("start", "stop", "hold", "ld_we", "clr_valid", "nw_we", "acc_re", "mark_take"):
            getattr(self.dut, f"{name}_i").value = 0
        self.dut.streams_i.value = 1
        self.dut.events_i.value = 0
        self.dut.rst_ni.value = 0
        await self.tick()
        self.dut.rst_ni.value = 1
        await self.tick()

    async def clear(self) -> None:
        self.dut.clr_valid_i.value = 1
        for a in range(max(self.c.neuron_depth, self.c.acc_depth)):
            self.dut.clr_addr_i.value = a
            await self.tick()
        self.dut.clr_valid_i.value = 0

    async def load(self, group: int, words: tuple[int, ...]) -> None:
        self.dut.ld_we_i.value = 1 << group
        for a, w in enumerate(words):
            self.dut.ld_addr_i.value = a
            for part, data in enumerate(isa.load_parts(w, isa.pegroup_width(self.c))):
                self.dut.ld_part_i.value, self.dut.ld_data_i.value = part, data
                await self.tick()
        self.dut.ld_we_i.value = 0

    async def neurons(self, column: np.ndarray, addr: np.ndarray, values: np.ndarray) -> None:
        for a in np.unique(addr):
            at = addr == a
            place = column[at] + a % self.c.bus_neurons * self.c.L
            data = np.zeros(self.c.bus_neurons * self.c.L, np.int64)
            data[place] = values[at]
            self.dut.nw_we_i.value = int(sum(1 << int(x) for x in place))
            self.dut.nw_addr_i.value = int(a)
            self.dut.nw_data_i.value = _pack(data, self.c.data_w)
            await self.tick()
        self.dut.nw_we_i.value = 0

    async def run(self, limit: int) -> None:
        """One iteration."""
        self.dut.start_i.value = 1
        await self.tick()
        self.dut.start_i.value = 0
        await self.tick()
        assert self.dut.mark_ready_o.value == 0, "a mark of the run before"
        one_each = _pack(np.ones(isa.EVENTS, np.int64), isa.EVENT_W)
        self.dut.events_i.value = one_each
        for _ in range(limit):
            if self.dut.iter_done_o.value == 1:
                break
            await self.tick()
        else:
            raise AssertionError(f"no iteration was done in {limit} cycles")
        for _ in range(8):
            await self.tick()

    async def take_marks(self, count: int) -> None:
        """Takes the marks of an iteration, as the drain unit does before it reads sums."""
        for n in range(count):
            assert self.dut.mark_ready_o.value == 1, f"mark {n} of {count} is missing"
            self.dut.mark_take_i.value = 1
            await self.tick()
            self.dut.mark_take_i.value = 0
            for _ in range(2):
                await self.tick()

    async def drain(self, addr: int) -> list[np.ndarray]:
        """The sums of drain_rows rows, [lanes] each."""
        self.dut.acc_re_i.value = 1
        self.dut.acc_addr_i.value = addr
        await self.tick()
        self.dut.acc_re_i.value = 0
        for _ in range(self.c.reduce_stages + 2 * self.c.deep):
            await self.tick()
        word = int(self.dut.sum_o.value)  # raises on X
        w = self.c.acc_w
        count = self.c.drain_rows
        sums = [(word >> (i * w)) & ((1 << w) - 1) for i in range(count * self.c.lanes)]
        sums = [v - (1 << w) if v >> (w - 1) else v for v in sums]
        return list(np.array(sums).reshape(-1, count).T)


async def run_case(bench: EngineBench, case: LayerCase) -> bytes:
    """Loads and runs one case; returns the bytes of all its sums."""
    c = bench.c
    qnet, vectors = case.make(c)
    x, layers, stages = compiler.place(qnet, c, 1)
    program = compiler.compile_network(qnet, c)
    layer = layers[0]
    await bench.reset()
    await bench.clear()
    for s in assemble.sections(program):
        if s.target == Target.PEGROUP:
            await bench.load(s.index, s.words)
    await bench.neurons(x.column, x.address, vectors["x"])
    for name, v in layer.vectors.items():
        # The last frame's values are in the other buffer.
        old = c.neuron_depth // 2 if v.pp and layer.q.cell.vectors[name] else 0
        await bench.neurons(v.column, v.address + old, vectors[name])
    await bench.run(4 * max(len(g) for g in program.groups) + 50)
    await bench.take_marks(sum(bool(w.get("wait_mark")) for w in program.drain))

    weights = layer.q.weights
    want = np.zeros((len(program.bias), c.lanes), np.int64)
    for stage in stages:
        space = layer.spaces[stage.nodes.space]
        for g, d in enumerate(stage.nodes.drains):
            at = stage.acc_base + space.slot * stage.count + g
            want[at, space.lane] = sum(weights[d.gate, i] @ vectors[i] for i in d.inputs)
    rows: list[np.ndarray] = []
    for a in range(0, len(want), c.drain_rows):
        rows += await bench.drain(a)
    got = np.array(rows)
    assert np.array_equal(got, want), f"{case}: {np.count_nonzero(got != want)} sums differ"
    return got.tobytes()


@cocotb.test()
async def products(dut) -> None:
    """Every accumulator of every case equals the product computed with numpy."""
    c = config.load(os.environ["CSB_CONFIG"], **json.loads(os.environ.get("CSB_OVERRIDE", "{}")))
    cocotb.start_soon(Clock(dut.clk_i, 2, "ns").start())
    bench = EngineBench(dut, c)
    digest = hashlib.sha256()
    for text in json.loads(os.environ["CSB_CASES"]):
        digest.update(await run_case(bench, LayerCase(**text)))
    if path := os.environ.get("CSB_DIGEST"):
        with open(path, "w") as f:
            f.write(digest.hexdigest())
