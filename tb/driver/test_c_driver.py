# SPDX-License-Identifier: Apache-2.0
"""The C driver on csb_top: every function, under stalls, after every error, abort and stop."""

from __future__ import annotations

import ctypes
import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from csb_rnn.driver import recovery
from csb_rnn.machine.error_codes import ERROR_ACTIONS, ERRORS
from csb_rnn.machine.registers import address, field
from tb.driver.c_driver import CDriver, Network, pointer
from tb.driver.ports import Ports
from tb.test_top import networks


class Host(Ports):
    """The ports with the C driver."""

    def __init__(self, dut, stall: float = 0.0) -> None:
        super().__init__(dut, stall)
        self.driver = CDriver(Path(os.environ["CSB_DRIVER"]), self)


async def host(dut, stall: float = 0.0, network: int = 0) -> Host:
    h = Host(dut, stall)
    await h.reset()
    assert await h.driver.probe(network) == "ok"
    return h


async def loaded(dut, stall: float = 0.0, network: int = 0) -> Host:
    h = await host(dut, stall, network)
    assert await h.driver.call("load") == "ok"
    return h


def early_frame() -> bytes:
    """An image whose program sends an output frame before any input frame."""
    return (Path(os.environ["CSB_JOB"]) / "program_0.bin").read_bytes()


async def whole_run(h: Host, network: int = 0) -> None:
    """All frames of a network through csb_run, right; then a stop."""
    net, d = networks()[network], h.driver
    x = d.frames(net.x, into=True)
    y = d.frames(np.zeros_like(net.y), into=False)
    assert await d.call("start", 1) == "ok"
    assert await d.call("run", pointer(x), pointer(y), len(x)) == "ok"
    assert (y[:, : net.y.shape[1]] == net.y).all()
    scratch = y[0].copy()
    assert await d.call("stop", pointer(scratch)) == "ok"


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.5], network=[0, 1])
async def runs(dut, stall: float, network: int) -> None:
    h = await loaded(dut, stall, network)
    await whole_run(h, network)
    net, d = networks()[network], h.driver
    assert await d.number("cycles", ctypes.c_uint64) > len(net.x)
    # every state, as the fixed model has it after the last frame
    state = d.device.network.contents.states
    words = []
    for i in range(state):
        values = np.zeros(4096, np.int32)
        assert await d.call("state_read", i, 0, pointer(values)) == "ok"
        words += list(values)
    want = [value for _, _, value in net.state]
    assert [w for w in words if w] == [v for v in want if v]


@cocotb.test
async def states_go_on(dut) -> None:
    """A written state is read back, and a run without ``fresh`` begins with it."""
    h = await loaded(dut)
    net, d = networks()[0], h.driver
    await whole_run(h)
    kept = np.zeros(4096, np.int32)
    assert await d.call("state_read", 0, 0, pointer(kept)) == "ok"
    zeros = np.zeros_like(kept)
    assert await d.call("state_write", 0, 0, pointer(zeros)) == "ok"
    got = kept.copy()
    assert await d.call("state_read", 0, 0, pointer(got)) == "ok"
    assert not got[: int(np.count_nonzero(kept))].any()
    assert await d.call("start", 0) == "ok"  # from zero states, as a fresh run
    x, y = d.frames(net.x[:1], into=True), d.frames(net.y[:1], into=False)
    out = np.zeros_like(y)
    assert await d.call("push", pointer(x)) == "ok"
    assert await d.call("pull", pointer(out)) == "ok"
    assert (out == y).all()
    assert await d.call("stop", pointer(out)) == "ok"
    assert await d.call("state_read", 99, 0, pointer(got)) == "range"
    assert await d.call("state_write", 0, 9, pointer(got)) == "range"


@cocotb.test
async def the_wrong_hardware(dut) -> None:
    h = await host(dut)
    d = h.driver
    for register in ("IDENTITY", "VERSION", "CONFIG_HASH"):
        h.errors_at = {address(register)}
        assert await d.probe() == "bus"
    h.errors_at = set()
    other = Network.from_buffer_copy(d.device.network.contents)
    other.config_hash ^= 1
    assert await d.call("probe", ctypes.byref(d.io), ctypes.byref(other)) == "config"
    assert await d.probe() == "ok"

    async def read(offset: int) -> int:
        return await h.read(offset) ^ (1 << 24 if offset == address("IDENTITY") else 0)

    newer = CDriver(Path(os.environ["CSB_DRIVER"]), PortsWith(h, read))
    assert await newer.probe() == "identity"


class PortsWith:
    """The ports of a host with another read function."""

    def __init__(self, h: Host, read) -> None:
        self.read, self.write, self.send, self.receive = read, h.write, h.send, h.receive


@cocotb.test
async def stops_with_a_cut_frame(dut) -> None:
    """Stops in every cycle of a frame: the streams are empty after, the next run is right."""
    h = await loaded(dut)
    d, net = h.driver, networks()[0]
    x = d.frames(net.x, into=True)
    scratch = d.frames(net.y[:1], into=False)
    for n in range(4):
        assert await d.call("start", 1) == "ok"
        assert await d.call("push", pointer(x)) == "ok"
        assert await d.call("push", pointer(x)) == "ok"
        if n:
            await ClockCycles(dut.clk_i, random.randrange(600))
        else:  # the first run is stopped with an output beat on offer
            for _ in range(500):
                if await h.read("STALL_SINK"):
                    break
        assert await d.call("stop", pointer(scratch)) == "ok"
        assert h.sink.empty()
        await whole_run(h)
    assert await h.read("FRAMES_CUT") > 0


@cocotb.test
async def recovers_from_cut_streams(dut) -> None:
    """A source is reset within a frame, then within an image."""
    h = await loaded(dut)
    d, net = h.driver, networks()[0]
    x = d.frames(net.x[:1], into=True)
    scratch = d.frames(net.y[:1], into=False)
    assert await d.call("start", 1) == "ok"
    h.cut_after = 1
    assert await d.call("push", pointer(x)) == "stream"
    assert await d.call("recover", pointer(scratch)) == "ok"
    await whole_run(h)
    h.cut_after = 9
    assert await d.call("load") == "stream"
    assert await d.call("recover", pointer(scratch)) == "ok"
    assert await d.error() == "flushed"
    assert await d.call("start", 1) == "machine"  # there is no image
    assert await d.error() == "flushed"  # the first error stays
    assert await d.call("load") == "ok"
    await whole_run(h)


@cocotb.test
async def errors_of_images(dut) -> None:
    """Each possible error of an image, told by its code; then the good image runs."""
    h = await loaded(dut)
    d, n = h.driver, h.driver.device.network.contents
    good = np.ctypeslib.as_array(n.image, (n.image_words,)).astype(np.uint32)
    for place, error in ((0, "magic"), (1, "version"), (2, "config"), (-1, "crc")):
        bad = good.copy()
        bad[place] ^= 1
        assert await d.call("load_from", pointer(bad), len(bad)) == "machine"
        assert await d.error() == error
    bad = good[:-1].copy()
    assert await d.call("load_from", pointer(bad), len(bad)) == "machine"
    assert await d.error() in ("length", "crc")
    assert await d.call("load_from", pointer(good), 0) == "range"
    assert await d.call("load") == "ok"
    await whole_run(h)


@cocotb.test
async def errors_of_runs(dut) -> None:
    """Frames of a wrong length, a second start, the watchdog; recovered without a reset."""
    h = await loaded(dut)
    d, net = h.driver, networks()[0]
    scratch = d.frames(net.y[:1], into=False)
    assert await d.call("start", 1) == "ok"
    assert await d.call("start", 1) == "machine"
    assert await d.error() == "busy"
    assert await d.call("stop", pointer(scratch)) == "ok"
    assert await d.call("start", 1) == "ok"
    await h.send(1, bytes(2 * h.values_per_beat * 9))
    for _ in range(50):
        if await d.error() != "none":
            break
    assert await d.error() == "frame"
    assert await d.number("irq_take") == 0b11  # loaded, error
    assert await d.number("irq_take") == 0
    assert await d.call("recover", pointer(scratch)) == "ok"
    await whole_run(h)
    assert await d.call("irq_enable", 2) == "ok"
    assert await d.call("watchdog", 20) == "ok"
    assert await d.call("start", 1) == "ok"
    x = d.frames(net.x[:1], into=True)
    assert await d.call("push", pointer(x)) == "ok"
    for _ in range(200):
        if await d.error() != "none":
            break
    assert await d.error() == "timeout"
    assert dut.irq_o.value == 1
    assert await d.call("watchdog", 1 << 24) == "ok"
    assert await d.call("recover", pointer(scratch)) == "ok"
    assert dut.irq_o.value == 0
    await whole_run(h)


@cocotb.test
async def every_error_code(dut) -> None:
    """Each code provoked; its text; the calls of its recovery; then a whole run is right."""
    h = await loaded(dut)
    d, net = h.driver, networks()[0]
    frame = d.frames(net.x[:1], into=True)
    scratch = d.frames(net.y[:1], into=False)
    cocotb.log.info("codes: %s", ", ".join(recovery.SHOWN))
    assert recovery.SHOWN.keys() == ERRORS.keys()
    for name, shown in recovery.SHOWN.items():
        assert await d.call("stop", pointer(scratch)) == "ok"
        if name == "none":
            await whole_run(h)
        elif name == "frame":
            assert await d.call("start", 1) == "ok"
            await h.send(1, frame.tobytes() + bytes(2 * h.values_per_beat))
        elif name == "no_image":
            assert await d.call("reset", pointer(scratch)) == "ok"
            assert await d.call("start", 1) == "machine"
        elif name == "timeout":
            assert await d.call("watchdog", 20) == "ok"
            assert await d.call("start", 1) == "ok"
            assert await d.call("push", pointer(frame)) == "ok"
        elif name == "flushed":
            h.cut_after = 9
            assert await d.call("load") == "stream"
            assert await d.call("flush", pointer(scratch)) == "ok"
        elif name == "busy":
            assert await d.call("start", 1) == "ok"
            assert await d.call("start", 1) == "machine"
        elif name == "program":
            data = np.frombuffer(early_frame(), np.uint32).copy()
            assert await d.call("load_from", pointer(data), len(data)) == "ok"
            assert await d.call("start", 1) == "ok"
            assert await d.call("pull", pointer(scratch)) == "ok"  # the frame nobody asked for
        elif name == "parity":
            assert await d.call("load") == "ok"
            await h.flip()
            assert await d.call("start", 1) in ("ok", "machine")  # the first word tells it
        else:
            data = np.frombuffer(recovery.bad_image(name, net.image), np.uint32).copy()
            assert await d.call("load_from", pointer(data), len(data)) == "machine"
        for _ in range(200):  # a run's error comes some cycles later
            if await d.error() == name:
                break
        code = await d.number("error")
        assert code == ERRORS[name][0], (name, code)
        assert d.lib.csb_error_text(code).decode() == ERRORS[name][1]
        assert d.lib.csb_error_action(code).decode() == ERROR_ACTIONS[name]
        arguments = {"watchdog": (0,), "load": ()}
        for call in shown.calls:
            assert await d.call(call, *arguments.get(call, (pointer(scratch),))) == "ok", name
        await whole_run(h)


@cocotb.test
async def reset_needs_an_image(dut) -> None:
    h = await loaded(dut)
    d = h.driver
    scratch = d.frames(networks()[0].y[:1], into=False)
    assert await d.call("start", 1) == "ok"
    assert await d.call("reset", pointer(scratch)) == "ok"
    assert not field("STATUS", "image_valid", await d.number("status"))
    assert await d.call("start", 1) == "machine"
    assert await d.call("load") == "ok"
    await whole_run(h)


@cocotb.test
async def errors_of_the_bus_and_the_streams(dut) -> None:
    """Each function hands on an error of the user's functions, at each of its accesses."""
    h = await loaded(dut)
    d, net = h.driver, networks()[0]
    x = d.frames(net.x[:2], into=True)
    y = d.frames(net.y[:2], into=False)
    one = ctypes.byref(ctypes.c_uint64())
    calls = {
        "CONTROL": [("start", 1), ("stop", pointer(y)), ("recover", pointer(y))],
        "STATUS": [("start", 1), ("stop", pointer(y)), ("status", one), ("error", one), ("load",)],
        "IRQ_PENDING": [("irq_take", one), ("recover", pointer(y))],
        "CYCLES_HI": [("cycles", one)],
        "STATE_ADDR": [("state_read", 0, 0, pointer(x)), ("state_write", 0, 0, pointer(x))],
        "STATE_DATA": [("state_read", 0, 0, pointer(x)), ("state_write", 0, 0, pointer(x))],
    }
    for register, functions in calls.items():
        for name, *arguments in functions:
            assert await d.call("stop", pointer(y)) == "ok"
            h.errors_at = {address(register)}
            assert await d.call(name, *arguments) == "bus", (register, name)
            h.errors_at = set()
    assert await d.call("recover", pointer(y)) == "ok"
    h.cut_after = 0
    assert await d.call("run", pointer(x), pointer(y), 2) == "stream"
    assert await d.call("recover", pointer(y)) == "ok"
    assert await d.call("pull", pointer(y)) == "stream"  # nothing comes
    await whole_run(h)
    d.device.polls = 0
    assert await d.call("stop", pointer(y)) == "busy"
    assert await d.call("load") == "busy"
    d.device.polls = 100000


@cocotb.test
async def texts_and_formats(dut) -> None:
    h = await host(dut)
    lib, n = h.driver.lib, h.driver.device.network.contents
    for name, (code, text) in ERRORS.items():
        assert lib.csb_error_text(code).decode() == text
        assert lib.csb_error_action(code).decode() == ERROR_ACTIONS[name]
    assert lib.csb_error_text(99) == lib.csb_error_action(99) == b"unknown"
    assert len({lib.csb_result_text(i) for i in range(8)}) == 8
    assert lib.csb_result_text(8) == lib.csb_result_text(-1) == b"unknown"
    for _ in range(300):
        bits, frac = random.choice((8, 12, 16, 24)), random.randint(-4, 20)
        value = np.float32(random.gauss(0, 1) * 2.0 ** random.randint(-8, 8))
        want = np.clip(
            np.floor(np.ldexp(float(value), frac) + 0.5), -(1 << bits - 1), (1 << bits - 1) - 1
        )
        assert lib.csb_to_fixed(value, frac, bits) == want, (value, frac, bits)
        assert lib.csb_from_fixed(int(want), frac) == np.float32(np.ldexp(want, -frac))
    for value in (0.5, -0.5, 1.5, -1.5, 127.4, 127.5, -128.5, 1e30, -1e30):
        want = np.clip(np.floor(value + 0.5), -128, 127)
        assert lib.csb_to_fixed(value, 0, 8) == want, value
    x = np.linspace(-1, 1, n.inputs, dtype=np.float32)
    frame = np.ones((1, lib.csb_in_values(h.driver.device.network)), np.int16)
    assert lib.csb_encode(h.driver.device.network, pointer(x), pointer(frame)) == 0
    assert (frame[0, : n.inputs] == np.floor(np.ldexp(x.astype(float), n.x_frac) + 0.5)).all()
    assert not frame[0, n.inputs :].any()
    x[0], x[-1] = np.nan, 1e9
    assert lib.csb_encode(h.driver.device.network, pointer(x), pointer(frame)) == 2
    y = np.zeros(n.outputs, np.float32)
    out = np.arange(lib.csb_out_values(h.driver.device.network), dtype=np.int16)
    lib.csb_decode(h.driver.device.network, pointer(out), pointer(y))
    assert (y == np.ldexp(out[: n.outputs].astype(np.float32), -n.out_frac)).all()


@cocotb.test
async def coverage(dut) -> None:
    """Last: the counts of the lines that ran are written."""
    h = await host(dut)
    h.driver.lib.shim_coverage()
