# SPDX-License-Identifier: Apache-2.0
"""csb_pegroup: random legal programs; every control output in every cycle, every sum it stores.

The bench plays everything around a PEGroup: it loads programs, counts events, writes neurons in
the last cycle in which a word can still see them, holds, stops, and drains rows in the first cycle
that a mark allows. ``seen`` counts the cases, and a bench without a test of them fails.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter

import cocotb
from cocotb.triggers import RisingEdge

from csb_rnn.execution import units
from csb_rnn.machine import config, isa
from tb.lib.datapath_model import pack, random_signed
from tb.lib.pegroup_model import PegroupModel, Word, random_program
from tb.lib.stream import poison, reset, start_clock

FLAGS = ("start_i", "stop_i", "hold_i", "ld_we_i", "zero_i", "nw_we_i", "acc_re_i")
PAYLOAD = {"ld_we_i": ("ld_part_i", "ld_addr_i", "ld_data_i"), "zero_i": ("zero_addr_i",),
           "nw_we_i": ("nw_addr_i", "nw_data_i"), "acc_re_i": ("acc_addr_i",)}  # fmt: skip
OUTPUTS = ("mark_o", "wrap_o", "busy_o", "stall_o")
FIRST_WORD = 2  # cycles from the start to word 0 (csb_seq)
AHEAD = 12  # most iterations of an event ahead of the PEGroup


class Bench:
    """Ports, model and expected values of coming cycles."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.c = config.load(os.environ["CSB_CONFIG"], **json.loads(os.environ["CSB_OVERRIDE"]))
        self.model = PegroupModel(self.c)
        self.cycle = 0
        self.ready_at: int | None = None  # first cycle with words; None: idle
        self.marks: set[int] = set()
        self.compared = False
        self.events = [0] * isa.EVENTS
        self.used: set[int] = set()
        self.writes: list[tuple[int, int, int, int]] = []  # cycle seen from, side, address, value
        self.recent: list[tuple[int, set[tuple[int, int]]]] = []  # neurons read by words
        self.drained: tuple[int, list[int | None]] | None = None
        self.written: dict[tuple[int, int], int] = {}
        self.seen: Counter[str] = Counter()

    @property
    def running(self) -> bool:
        return self.ready_at is not None and self.cycle >= self.ready_at

    # --- one cycle
    async def tick(self, **inputs: int) -> None:
        """Drives the inputs named, checks all outputs, and steps the model."""
        dut, model, cycle = self.dut, self.model, self.cycle
        for name in FLAGS:
            getattr(dut, name).value = inputs.get(name, 0)
        for flag, names in PAYLOAD.items():
            for name in names:
                if inputs.get(flag):
                    getattr(dut, name).value = inputs[name]
                else:
                    poison(getattr(dut, name))
        events = [v if e in self.used else random.getrandbits(isa.EVENT_W)
                  for e, v in enumerate(self.events)]  # fmt: skip
        dut.events_i.value = pack(events, isa.EVENT_W)
        for seen_from, side, address, value in self.writes:
            if seen_from <= cycle:
                model.neurons[side][address] = value
                self.written[side, address] = cycle
        self.writes = [w for w in self.writes if w[0] > cycle]

        if self.ready_at == cycle + 1 and inputs.get("hold_i", 0):
            self.ready_at += 1  # the first word does not come out; later there is nothing to hold
        ready = self.running and model.ready(self.events)
        if self.running and self.c.deep and model.waits():  # this word as seen in the cycle before
            ready, self.compared = self.compared, ready
        issue = ready
        if issue:
            self.compared = False
        ctl = model.word.ctl if issue else {}
        want = {
            "mark_o": int(cycle in self.marks),
            "wrap_o": ctl.get("last", 0),
            "busy_o": ctl.get("work", 0),
            "stall_o": int(self.running and not issue),
        }
        expected, self.drained = self.drained, None
        if inputs.get("acc_re_i"):
            self.drained = self._sums(inputs["acc_addr_i"])
        await RisingEdge(dut.clk_i)
        for name, value in want.items():
            assert int(getattr(dut, name).value) == value, f"{name} in cycle {cycle}"
        if expected is not None:
            self._check_sums(*expected)
        self.marks.discard(cycle)
        if self.running and not issue:
            for event, lag in model.waits():
                if self.events[event] < model.iteration - model.lag(lag) + 1:
                    self.seen[f"waits for {lag}"] += 1
        if issue:
            self._issue()
        if inputs.get("stop_i"):
            self.ready_at, self.compared = None, False
            self.marks.clear()
        self.cycle += 1

    def _issue(self) -> None:
        model, cycle = self.model, self.cycle
        counted = model.counted(model.word, model.iteration)
        self.seen["reads as early as it can"] += any(self.written.get(a) == cycle for a in counted)
        self.recent = [(t, a) for t, a in self.recent if t > cycle - isa.lat_stored(self.c)]
        self.recent.append((cycle, counted))
        before = {key: t for key, t in model.stored.items() if t == cycle - isa.acc_raw(self.c)}
        if model.word.ctl["mark"]:
            self.marks.add(cycle + isa.lat_stored(self.c) - 1)
            self.seen["mark"] += 1
        for p, pe_row in enumerate(model.word.pe_rows):
            again = pe_row.get("first") and not pe_row["clr"]
            self.seen["comes back after acc_raw"] += bool(again and any(k[0] == p for k in before))
        model.issue(cycle)

    # --- drain
    def _sums(self, row: int) -> tuple[int, list[int | None]]:
        keys = [(p, b, row + i) for p in range(self.c.P) for b in range(self.c.banks)
                for i in range(self.c.drain_rows)]  # fmt: skip
        at_once = [
            self.model.stored.get(key) == self.cycle - isa.lat_stored(self.c) for key in keys
        ]
        self.seen["drained as early as it can"] += any(at_once)
        return row, [self.model.acc.get(key) for key in keys]

    def _check_sums(self, row: int, want: list[int | None]) -> None:
        if all(value is None for value in want):
            return
        value = self.dut.acc_o.value
        width = self.c.acc_w
        for i, expected in enumerate(want):
            if expected is not None:
                got = value[(i + 1) * width - 1 : i * width].to_signed()
                assert got == expected, f"row {row}, sum {i}, cycle {self.cycle}"
                self.seen["sum"] += 1

    def choose_row(self) -> int | None:
        """A row to drain: one just become readable, or any readable one."""
        now = {
            k[2] for k, t in self.model.stored.items() if t == self.cycle - isa.lat_stored(self.c)
        }
        count = self.c.drain_rows
        rows = [*now] if now and random.random() < 0.9 else [random.randrange(self.c.acc_depth)]
        rows = [row // count * count for row in rows]
        rows = [
            row
            for row in rows
            if all(self.model.readable(row + i, self.cycle) for i in range(count))
        ]
        return random.choice(rows) if rows else None

    # --- neurons
    def choose_neuron(self) -> tuple[int, int] | None:
        """A neuron without a reader at present; one of the next word, if there is any."""
        soon = units.IN_EVENT
        wanted: list[tuple[int, int]] = []
        taken = {
            at for t, ats in self.recent for at in ats if t > self.cycle - isa.lat_stored(self.c)
        }
        if self.running:
            *current, following = self.model.ahead(soon + 1)
            taken |= {at for word, n in current for at in self.model.counted(word, n)}
            wanted = sorted(self.model.counted(*following) - taken)
        if wanted and random.random() < 0.7:
            return random.choice(wanted)
        any_at = random.randrange(len(self.c.sides)), random.randrange(self.c.neuron_depth)
        return None if any_at in taken else any_at

    def neuron_write(self) -> dict[str, int]:
        """Ports of one write of one neuron, or of all that a bus word has."""
        c, at = self.c, self.choose_neuron()
        if at is None:
            return {}
        sides, first = len(c.sides), at[1] // c.bus_neurons * c.bus_neurons
        places = {(at[1] - first) * sides + at[0]}
        values = [random_signed(c.data_w) for _ in range(c.bus_neurons * sides)]
        if not self.running and random.random() < 0.5:
            places = set(range(len(values)))
        for i in places:
            address = first + i // sides
            self.writes.append((self.cycle + units.IN_EVENT, i % sides, address, values[i]))
        we = sum(1 << i for i in places)
        return {"nw_we_i": we, "nw_addr_i": at[1], "nw_data_i": pack(values, c.data_w)}

    # --- sequences
    async def load(self, words: list[Word]) -> None:
        for address, word in enumerate(words):
            parts = isa.load_parts(word.encode(self.c), isa.pegroup_width(self.c))
            for part, data in enumerate(parts):
                await self.tick(ld_we_i=1, ld_part_i=part, ld_addr_i=address, ld_data_i=data)

    async def zero(self) -> None:
        """As csb_engine does: accumulators by their own port, neurons over their bus."""
        sides = (1 << self.c.bus_neurons * len(self.c.sides)) - 1
        for address in range(max(self.c.neuron_depth, self.c.acc_depth)):
            neurons = {"nw_we_i": sides, "nw_addr_i": address, "nw_data_i": 0}
            zero = {"zero_i": int(address < self.c.acc_depth), "zero_addr_i": address}
            await self.tick(**zero, **neurons)
        await self.tick()
        self.model.zero()

    async def start(self, words: list[Word], streams: int) -> None:
        self.dut.streams_i.value = streams
        self.events = [0] * isa.EVENTS
        self.used = {event for w in words for event, _ in isa.peg_waits(w.ctl)}
        self.model.start(words, streams)
        await self.tick(start_i=1)
        self.ready_at = self.cycle - 1 + FIRST_WORD + self.c.program_reg

    async def run(self, cycles: int, hold: int = 0, writes: float = 0.7, pace: float = 1.0) -> None:
        """Lets the program run; held for the first cycles, and later in vain.

        Args:
            cycles, hold: so many.
            writes, pace: chances in a cycle of a write to the neurons and of each event.
        """
        for i in range(cycles):
            limit = self.model.iteration + 1 + AHEAD
            for event in self.used:
                if self.events[event] < limit and random.random() < pace:
                    self.events[event] += 1
            inputs = {"hold_i": int(i < hold or random.random() < 0.02)}
            row = self.choose_row()
            if row is not None and random.random() < 0.8:
                inputs |= {"acc_re_i": 1, "acc_addr_i": row}
            if random.random() < writes:
                inputs |= self.neuron_write()
            await self.tick(**inputs)

    async def stop(self) -> None:
        await self.tick(stop_i=1)
        for _ in range(2 * isa.lat_stored(self.c)):
            await self.tick()
        self.model.forget()


async def start_up(dut) -> Bench:
    for name in (*FLAGS, "streams_i", "events_i"):
        getattr(dut, name).value = 0
    start_clock(dut)
    await reset(dut)
    return Bench(dut)


PROGRAMS = 60  # at most, until all expected events have happened


@cocotb.test
async def random_programs(dut) -> None:
    bench = await start_up(dut)
    c = bench.c
    await bench.zero()
    lengths = [1, 2, 3, c.weight_depth - isa.acc_raw(c), 0, 0, 0, 0]
    kinds = ("mark", "sum", "drained as early as it can", "reads as early as it can",
             "comes back after acc_raw")  # fmt: skip
    for n in range(PROGRAMS):
        missing = [kind for kind in kinds if not bench.seen[kind]]
        if n >= len(lengths) and not missing:
            break
        length = lengths[n] if n < len(lengths) else 0
        words = random_program(c, length or random.randint(4, 30))
        await bench.load(words)
        for _ in range(10):
            await bench.tick(**bench.neuron_write())
        for _ in range(random.randint(1, 2)):
            await bench.start(words, random.choice((1, 1, 2, 3, 5, 8)))
            pace = random.choice((0.1, 0.5, 1.0))
            await bench.run(random.choice((150, 300, 500)), random.choice((0, 0, 7)), pace=pace)
            await bench.stop()
            if random.random() < 0.5:
                await bench.zero()
    assert not missing, f"never happened: {missing}"


@cocotb.test
async def event_counters_wrap(dut) -> None:
    """A word with a wait in every iteration, for more iterations than an event can count."""
    bench = await start_up(dut)
    await bench.zero()
    for lag, code in isa.LAG.items():
        words = random_program(bench.c, 1)
        for word in words:
            word.ctl |= {"w0_en": 1, "w0_lag": code, "w1_en": 0}
        await bench.load(words)
        await bench.start(words, 3)
        for _ in range(20 << isa.EVENT_W):
            if bench.model.iteration > 1 << isa.EVENT_W:
                break
            await bench.run(20, pace=0.1)
        await bench.stop()
        assert bench.seen[f"waits for {lag}"]


@cocotb.test
async def zeroing_reaches_everything(dut) -> None:
    """After it every accumulator is zero, also those with old sums of programs."""
    bench = await start_up(dut)
    c = bench.c
    await bench.zero()
    words = random_program(c, c.weight_depth - isa.acc_raw(c))
    await bench.load(words)
    await bench.start(words, 1)
    await bench.run(3 * c.weight_depth)
    await bench.stop()
    await bench.zero()
    before = bench.seen["sum"]
    for row in range(0, c.acc_depth, c.drain_rows):
        await bench.tick(acc_re_i=1, acc_addr_i=row)
    await bench.tick()
    assert bench.seen["sum"] - before == c.acc_depth * c.P * c.banks


@cocotb.test
async def reset_stops_it(dut) -> None:
    bench = await start_up(dut)
    await bench.zero()
    words = random_program(bench.c, 10)
    for word in words:
        word.ctl |= {"w0_en": 0, "w1_en": 0, "mark": 1}
    await bench.load(words)
    await bench.start(words, 1)
    await bench.run(30)
    await reset(dut)
    for _ in range(2 * isa.lat_stored(bench.c)):
        await RisingEdge(dut.clk_i)
        assert [int(getattr(dut, name).value) for name in OUTPUTS] == [0] * len(OUTPUTS)
