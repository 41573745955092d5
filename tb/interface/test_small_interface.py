# SPDX-License-Identifier: Apache-2.0
"""The small modules of hdl/control, one set of tests for each: run with a filter."""

from __future__ import annotations

import random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, Timer

from csb_rnn.machine import isa
from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.image import CONFIG, Target
from tb.lib.stream import poison, recoveries, reset, start_clock, until, within

CONTROL_INPUTS = (
    *("start_req", "stop_req", "flush_req", "reset_req", "fresh", "load_busy", "load_done"),
    *("load_error", "load_code", "frame_error", "fault", "fault_code", "out_open"),
    "damaged",
)


async def pulse(dut, name: str) -> None:
    signal = getattr(dut, name)
    signal.value = 1
    await RisingEdge(dut.clk_i)
    signal.value = 0


class Control:
    """csb_control with the events of a loader."""

    def __init__(self, dut) -> None:
        self.dut = dut
        for name in CONTROL_INPUTS:
            getattr(dut, f"{name}_i").value = 0
        start_clock(dut)

    async def load(self, error: str = "none") -> None:
        dut = self.dut
        dut.load_busy_i.value = 1
        await until(dut.clk_i, lambda: dut.idle_o.value == 1, 1000, "idle_o")
        await ClockCycles(dut.clk_i, 5)
        dut.load_busy_i.value = 0
        dut.load_code_i.value = ERRORS[error][0]
        await pulse(dut, "load_done_i" if error == "none" else "load_error_i")
        await RisingEdge(dut.clk_i)

    async def start(self) -> bool:
        """Asks for a start; True if the machine starts."""
        await pulse(self.dut, "start_req_i")
        await RisingEdge(self.dut.clk_i)
        started = self.dut.start_o.value == 1
        await RisingEdge(self.dut.clk_i)
        assert self.dut.start_o.value == 0, "start_o is more than a pulse"
        assert bool(self.dut.running_o.value) == started
        return started

    def error(self) -> str:
        names = {code: name for name, (code, _) in ERRORS.items()}
        return names[int(self.dut.error_code_o.value)]

    async def stops(self) -> None:
        """The machine is stopping, and comes to rest."""
        dut = self.dut
        assert dut.running_o.value == 0
        assert dut.stop_o.value == 1
        for _ in range(80):
            await RisingEdge(dut.clk_i)
            assert int(dut.stop_o.value) + int(dut.idle_o.value) == 1
        assert dut.idle_o.value == 1


async def control(dut) -> Control:
    c = Control(dut)
    await reset(dut)
    await RisingEdge(dut.clk_i)
    return c


@cocotb.test
async def control_start_and_stop(dut) -> None:
    c = await control(dut)
    assert not await c.start()
    assert c.error() == "no_image"
    await c.load()
    assert c.error() == "none"
    assert dut.image_valid_o.value == 1
    assert await c.start()
    await pulse(dut, "start_req_i")  # answered; the run goes on
    await ClockCycles(dut.clk_i, 10)
    assert dut.running_o.value == 1
    assert c.error() == "busy"
    await pulse(dut, "stop_req_i")
    await ClockCycles(dut.clk_i, 1)
    await c.stops()
    assert await c.start()


@cocotb.test
async def control_errors(dut) -> None:
    c = await control(dut)
    await c.load()
    assert await c.start()
    await pulse(dut, "frame_error_i")
    await ClockCycles(dut.clk_i, 1)
    await c.stops()
    assert c.error() == "frame"
    assert await c.start()  # clears the error; the image is still good
    assert c.error() == "none"
    dut.fault_code_i.value = ERRORS["timeout"][0]
    await pulse(dut, "fault_i")
    await ClockCycles(dut.clk_i, 1)
    await c.stops()
    assert c.error() == "timeout"
    await pulse(dut, "damaged_i")  # of a word that nobody uses at rest
    await ClockCycles(dut.clk_i, 1)
    assert c.error() == "timeout"
    assert dut.image_valid_o.value == 1
    assert await c.start()
    await pulse(dut, "damaged_i")
    await ClockCycles(dut.clk_i, 1)
    await c.stops()
    assert c.error() == "parity"
    assert dut.image_valid_o.value == 0
    assert not await c.start()
    assert c.error() == "parity", "the first error stays"
    await c.load()
    assert await c.start()
    await c.load("crc")  # stops the machine
    assert c.error() == "crc"
    assert dut.image_valid_o.value == 0
    assert not await c.start()
    assert c.error() == "crc", "the first error stays"
    await c.load()
    assert c.error() == "none"
    assert await c.start()


@cocotb.test
async def control_load_wins_over_start(dut) -> None:
    """A start in any cycle around the begin of a load: never running without a valid image."""
    c = await control(dut)
    for offset in range(-3, 4):
        await c.load()
        loading = cocotb.start_soon(c.load()) if offset <= 0 else None
        await ClockCycles(dut.clk_i, max(0, -offset))
        await pulse(dut, "start_req_i")
        await ClockCycles(dut.clk_i, max(0, offset))
        await within(2000, loading or c.load())
        assert dut.running_o.value == 0
        assert dut.idle_o.value == 1


@cocotb.test
async def control_remembers_a_start(dut) -> None:
    """A start while the machine settles, or while an output frame is open, is done afterwards; a
    stop takes it back; stop and start in one write start anew; a load makes it an error."""
    c = await control(dut)
    await c.load()
    for how in ("settle", "open", "both", "taken back", "load"):
        assert await c.start()
        anew = how == "both"
        dut.out_open_i.value = 0
        if anew:
            dut.start_req_i.value = 1
        await pulse(dut, "stop_req_i")
        dut.start_req_i.value = 0
        dut.out_open_i.value = int(how in ("open", "load"))
        await ClockCycles(dut.clk_i, 5)
        if not anew:
            await pulse(dut, "start_req_i")
        if how == "taken back":
            await pulse(dut, "stop_req_i")
        await ClockCycles(dut.clk_i, 80)
        if how in ("open", "load"):
            assert dut.waits_o.value == 1
            assert dut.running_o.value == 0
        if how == "load":
            await c.load()
            assert c.error() == "no_image"
        dut.out_open_i.value = 0
        await ClockCycles(dut.clk_i, 3)
        assert dut.waits_o.value == 0
        assert bool(dut.running_o.value) == (how not in ("taken back", "load")), how
        await pulse(dut, "stop_req_i")
        await ClockCycles(dut.clk_i, 80)


@cocotb.test
async def control_resets(dut) -> None:
    """flush_o and reset_o last as long as the machine settles, whatever it did before."""
    c = await control(dut)
    settle = int(dut.SettleCycles.value)
    for command, level in (("flush_req_i", "flush_o"), ("reset_req_i", "reset_o")):
        for running in (False, True):
            await c.load()
            if running:
                assert await c.start()
            await pulse(dut, "frame_error_i")
            await ClockCycles(dut.clk_i, 80 if not running else 5)
            assert c.error() == "frame"
            await pulse(dut, command)
            high = 0
            for _ in range(2 * settle):
                await RisingEdge(dut.clk_i)
                high += int(getattr(dut, level).value)
                assert int(dut.stop_o.value) + int(dut.idle_o.value) == 1
            assert high == settle
            valid = command == "flush_req_i"
            assert bool(dut.image_valid_o.value) == valid
            assert c.error() == ("frame" if valid else "none")


@cocotb.test
async def control_drawn_commands(dut) -> None:
    """Commands, errors and loads in any cycle: a start is done, answered or taken back, never lost;
    with no command more, the machine comes to rest or runs, and a start runs it."""
    c = await control(dut)
    settle = int(dut.SettleCycles.value)
    commands = ("start_req_i", "stop_req_i", "flush_req_i", "reset_req_i", "frame_error_i")
    for _ in range(recoveries()):
        await c.load()
        dut.out_open_i.value = 0
        waiting = opened = False
        for _ in range(random.randint(1, 12)):
            now = {name for name in commands if random.random() < 0.3}
            if dut.running_o.value == 0:
                now.discard("frame_error_i")
            if opened or (random.random() < 0.1 and dut.stop_o.value == 1):
                opened = random.random() < 0.9  # as csb_output does: only a stop opens
            dut.out_open_i.value = int(opened)
            for name in commands:
                getattr(dut, name).value = int(name in now)
            fresh = dut.fresh_i.value = random.getrandbits(1)
            await RisingEdge(dut.clk_i)
            running = dut.running_o.value == 1 or dut.start_o.value == 1
            answered = dut.error_evt_o.value == 1
            halts = bool(now & {"stop_req_i", "flush_req_i", "reset_req_i"})
            for name in commands:
                getattr(dut, name).value = 0
            await FallingEdge(dut.clk_i)
            was, waiting = waiting, bool(dut.waits_o.value)
            if dut.start_o.value == 1:
                assert int(dut.fresh_o.value) == fresh
                assert not opened
            if "start_req_i" in now:
                assert waiting or dut.start_o.value == 1 or answered
                assert not (waiting and running and not halts)
            elif was and not halts:
                assert waiting or dut.start_o.value == 1 or answered, "a start was lost"
            if halts:
                assert dut.running_o.value == 0
                assert waiting <= ("start_req_i" in now)
            for _ in range(random.choice((0, 1, 2, 5, settle - 1, settle, settle + 1))):
                was = waiting
                await RisingEdge(dut.clk_i)
                answered = dut.error_evt_o.value == 1
                await FallingEdge(dut.clk_i)
                waiting = bool(dut.waits_o.value)
                if was and not waiting:
                    assert dut.start_o.value == 1 or answered, "a start was lost"
        dut.out_open_i.value = 0
        await ClockCycles(dut.clk_i, settle + 3)
        assert dut.waits_o.value == 0
        assert dut.running_o.value != dut.idle_o.value
        await pulse(dut, "stop_req_i")
        await ClockCycles(dut.clk_i, settle + 3)
        assert dut.idle_o.value == 1


@cocotb.test
async def events_count(dut) -> None:
    names = ("clear", "x_evt", "drain_evt", "drain_evt_id", "neu_evt", "neu_evt_id")
    for name in names:
        getattr(dut, f"{name}_i").value = 0
    start_clock(dut)
    await reset(dut)
    count = [0] * isa.EVENTS
    for cycle in range(2000):
        drain, neu = random.sample(range(1, isa.EVENTS), 2)
        x, d, n = (random.random() < 0.5 for _ in range(3))
        clear = random.random() < 0.002
        dut.x_evt_i.value, dut.drain_evt_i.value, dut.neu_evt_i.value = int(x), int(d), int(n)
        for signal, used, value in ((dut.drain_evt_id_i, d, drain), (dut.neu_evt_id_i, n, neu)):
            if used:
                signal.value = value
            else:
                poison(signal)
        dut.clear_i.value = int(clear)
        await RisingEdge(dut.clk_i)
        got = int(dut.events_o.value)
        want = sum(v << i * isa.EVENT_W for i, v in enumerate(count))
        if cycle:
            assert got == want
        count[isa.EVENT_X] += x
        count[drain] += d
        count[neu] += n
        count = [0 if clear else v % (1 << isa.EVENT_W) for v in count]


@cocotb.test
async def counters_add_up(dut) -> None:
    """Every read, also while they count and soon after they were cleared; then all at rest."""
    counters, groups = len(dut.inc_i) // 8, len(dut.issue_i)
    single = int(dut.Single.value)
    most = [1 if single >> i & 1 else int(dut.Most.value) for i in range(counters)]
    for name in ("clear", "running", "inc", "issue", "sel", "group"):
        getattr(dut, f"{name}_i").value = 0
    start_clock(dut)
    await reset(dut)
    await RisingEdge(dut.clk_i)
    total, issued, cycles = [0] * counters, [0] * groups, 0

    async def cycle(count: bool, clear: bool, read: int) -> None:
        nonlocal total, issued, cycles
        inc = [random.choice((n, random.randint(0, n))) if count else 0 for n in most]
        issue, running = (random.getrandbits(groups), random.getrandbits(1)) if count else (0, 0)
        dut.inc_i.value = sum(v << i * 8 for i, v in enumerate(inc))
        dut.issue_i.value, dut.running_i.value, dut.clear_i.value = issue, running, clear
        dut.sel_i.value, dut.group_i.value = read % counters, read % groups
        await RisingEdge(dut.clk_i)
        await Timer(1, "ns")
        assert int(dut.counter_o.value) == total[read % counters]
        assert int(dut.issued_o.value) == issued[read % groups]
        total = [0 if clear else t + v for t, v in zip(total, inc, strict=True)]
        issued = [0 if clear else n + (issue >> g & 1) for g, n in enumerate(issued)]
        cycles = 0 if clear else cycles + running
        assert int(dut.cycles_o.value) == cycles

    for _ in range(8):
        for _ in range(random.choice((1, 3, 17, 40, 150))):
            await cycle(True, False, random.randrange(counters * groups))
        for i in range(max(counters, groups)):
            await cycle(False, False, i)
        await cycle(True, True, 0)


@cocotb.test
async def program_registers(dut) -> None:
    dut.ld_we_i.value = 0
    start_clock(dut)
    await reset(dut)
    want = [1] * len(CONFIG)
    for _ in range(200):
        target, addr = random.choice(list(Target)), random.randrange(len(CONFIG) + 2)
        data, we = random.getrandbits(32), random.getrandbits(1)
        dut.ld_target_i.value, dut.ld_addr_i.value = int(target), addr
        dut.ld_data_i.value, dut.ld_we_i.value = data, we
        await RisingEdge(dut.clk_i)
        await Timer(1, "ns")
        # The write of the cycle before lands.
        assert int(dut.value_o.value) == sum(v << i * 32 for i, v in enumerate(want))
        if we and target == Target.CONFIG and addr < len(CONFIG):
            want[addr] = data


WATCHDOG_INPUTS = (
    *("limit", "limit_set", "running", "loading", "image_valid", "image_ready"),
    *("x_valid", "x_ready", "x_frame", "y_valid", "y_ready", "y_frame", "y_slip"),
)


class Watched:
    """The expected fault of csb_watchdog in a run or a load, from its definition."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.inside = self.count = self.cycle = 0
        self.faults: list[tuple[int, str]] = []  # cycle and name

    @property
    def want(self) -> tuple[int, str] | None:
        """The first fault; a timeout before an excess of its cycle."""
        return min(self.faults, key=lambda fault: (fault[0], fault[1] != "timeout"), default=None)

    def renew(self, limit: int) -> None:
        """A new limit from this cycle on: a timeout of the cycle before is off."""
        self.limit, self.count = limit, 0
        self.faults = [f for f in self.faults if f != (self.cycle + 2, "timeout")]

    def run(self, s: dict[str, int]) -> None:
        """A cycle of a run, with these signals."""
        x_beat, x_waits = s["x_valid"] and s["x_ready"], s["x_valid"] and not s["x_ready"]
        y_beat, y_waits = s["y_valid"] and s["y_ready"], s["y_valid"] and not s["y_ready"]
        self._count(
            owed=not y_waits and (self.inside or x_waits),
            paid=y_beat or (not self.inside and x_beat),
        )
        if s["y_slip"] or (s["y_frame"] and not self.inside):
            self.faults.append((self.cycle + 2, "program"))
        self.inside = max(0, self.inside + s["x_frame"] - s["y_frame"])
        self.cycle += 1

    def load(self, s: dict[str, int]) -> None:
        """A cycle of a load."""
        ready, valid = s["image_ready"], s["image_valid"]
        self._count(owed=ready and not valid, paid=ready and valid)
        self.cycle += 1

    def _count(self, owed: int, paid: int) -> None:
        self.count = 0 if paid else self.count + bool(owed)
        if self.limit and self.count == self.limit + 1:
            self.faults.append((self.cycle + 3, "timeout"))


@cocotb.test
async def watchdog_counts_what_is_owed(dut) -> None:
    """Random traffic: a fault comes in the cycle of the definition, or none does."""
    for name in WATCHDOG_INPUTS:
        getattr(dut, f"{name}_i").value = 0
    start_clock(dut)
    await reset(dut)
    names = {code: name for name, (code, _) in ERRORS.items()}
    seen = {"timeout": 0, "program": 0, "none": 0}
    for _ in range(250):
        w = Watched(random.choice((0, 1, 5, 30)))
        dut.limit_i.value = w.limit
        await ClockCycles(dut.clk_i, 3)
        mode = random.choice(("running", "loading"))
        chance = {n: random.choice((0, 0.02, 0.5, 0.95, 1)) for n in WATCHDOG_INPUTS[4:]}
        chance["x_frame"] = random.choice((0.05, 0.3))
        chance["y_frame"] = chance["x_frame"] * random.choice((0, 0.2, 0.9))
        chance["y_slip"] = random.choice((0, 0, 0.01))
        getattr(dut, f"{mode}_i").value = 1
        got = None
        renewed = random.random() < 0.2  # now and then the limit is another, and the count begins
        for _ in range(200):
            new = renewed and random.random() < 0.1
            if new:
                w.renew(random.choice((0, 1, 5, 30)))
                dut.limit_i.value = w.limit
            dut.limit_set_i.value = int(new)
            s = {n: int(random.random() < p) for n, p in chance.items()}
            for n, value in s.items():
                getattr(dut, f"{n}_i").value = value
            await RisingEdge(dut.clk_i)
            if dut.fault_o.value == 1:
                got = (w.cycle, names[int(dut.fault_code_o.value)])
            (w.run if mode == "running" else w.load)(s)
            if got:
                break
        want = w.want if w.want and w.want[0] < w.cycle else None
        assert got == want, f"{mode}, limit {w.limit}: fault {got}, expected {w.want}"
        seen[got[1] if got else "none"] += 1
        getattr(dut, f"{mode}_i").value = 0
        for _ in range(5):
            await RisingEdge(dut.clk_i)
            assert dut.fault_o.value == 0 or w.cycle == 200, "more than a pulse"
    assert all(count > 10 for count in seen.values()), seen


@cocotb.test
async def watchdog_forgets_in_a_reset(dut) -> None:
    """A fault whose pulse a reset meets is gone in it, and does not come behind it."""
    for name in WATCHDOG_INPUTS:
        getattr(dut, f"{name}_i").value = 0
    dut.limit_i.value = 1
    start_clock(dut)
    met = 0
    for owed in range(1, 12):
        await reset(dut)
        dut.running_i.value = dut.x_valid_i.value = 1
        await ClockCycles(dut.clk_i, owed)
        dut.rst_ni.value = dut.running_i.value = dut.x_valid_i.value = 0
        await RisingEdge(dut.clk_i)
        met += int(dut.fault_o.value)
        for level in (0, 1):
            for _ in range(4):
                await RisingEdge(dut.clk_i)
                assert dut.fault_o.value == 0, f"owed for {owed} cycles"
            dut.rst_ni.value = 1 - level
    assert met
