# SPDX-License-Identifier: Apache-2.0
"""The Python driver on csb_top: every function, under stalls, after errors, aborts and stops."""

from __future__ import annotations

import functools
import os
import pickle
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.task import bridge, resume

from csb_rnn.driver import Device, DriverError, Network, recovery
from csb_rnn.errors import UsageError
from csb_rnn.machine.error_codes import ERROR_ACTIONS, ERRORS
from csb_rnn.machine.registers import address
from tb.driver.ports import Ports
from tb.lib.stream import within
from tb.test_top import Net, networks


class InSimulation:
    """A transport whose functions drive the ports; they block, in the thread of the test."""

    def __init__(self, ports: Any) -> None:
        self.read, self.write = resume(ports.read), resume(ports.write)
        self.send, self.receive = resume(ports.send), resume(ports.receive)


def job(number: int) -> Network:
    """The launcher's network."""
    return pickle.loads((Path(os.environ["CSB_JOB"]) / f"driver_{number}.pickle").read_bytes())


def in_thread(test: Callable[[Device, Ports, Net], None], number: int = 0) -> Callable:
    """A bench with ``test`` in a thread, and a machine with the network's image."""

    @functools.wraps(test)
    async def bench(dut) -> None:
        ports = Ports(dut, random.choice((0.0, 0.5)))
        await ports.reset()
        device = Device(InSimulation(ports), job(number))

        def whole() -> None:
            assert device.probe()[0] >= 3
            device.load()
            test(device, ports, networks()[number])
            check(device, networks()[number])  # whatever the test did: the next run is right

        await within(4_000_000, bridge(whole)())

    return cocotb.test(bench)


def check(device: Device, net: Net) -> None:
    """All frames of the network are right, from floats to floats; then a stop."""
    n = device.network
    x, y = net.x / 2.0**n.x_frac, net.y / np.float32(2.0**n.out_frac)
    with device.run():
        assert (device.frames(x) == y).all()
    assert device.cycles() > len(x)


@in_thread
def runs(device: Device, ports: Ports, net: Net) -> None:
    check(device, net)
    got = np.concatenate([device.read_state(s.key) for s in device.network.states])
    assert (got == net.states[-1]).all()


@in_thread
def states_go_on(device: Device, ports: Ports, net: Net) -> None:
    """Frame by frame, each run goes on from the last states of the one before."""
    n = device.network
    for i, (x, y) in enumerate(zip(net.x, net.y, strict=True)):
        with device.run(fresh=i == 0):
            assert (device.step(x / 2.0**n.x_frac) * 2.0**n.out_frac == y).all()
    key = n.states[0].key
    device.write_state(key, np.zeros(len(n.state(key).place)))
    assert not device.read_state(key).any()
    for call in (
        lambda: device.read_state("none"),
        lambda: device.read_state(key, 8),
        lambda: device.write_state(key, [1]),
        lambda: device.network.encode([[np.nan] * n.inputs]),
        lambda: device.network.encode([1.0] * (n.inputs + 1)),
    ):
        with pytest.raises(UsageError):
            call()


@in_thread
def cut_streams(device: Device, ports: Ports, net: Net) -> None:
    """A source is reset within a frame, then within an image; a run is stopped within a frame."""
    n = device.network
    frame = n.encode(net.x[0] / 2.0**n.x_frac)
    device.start()
    ports.cut_after = 1
    with pytest.raises(OSError):  # noqa: PT011  (the transport's)
        device.push(frame)
    device.recover()
    check(device, net)
    ports.cut_after = 9
    with pytest.raises(OSError):  # noqa: PT011
        device.load()
    device.recover()
    assert device.error() == "flushed"
    device.load()
    for n in range(4):  # the outputs of both frames wait: nobody has asked for them
        device.start()
        device.push(frame)
        device.push(frame)
        for _ in range(random.randrange(40) if n else 500):
            if not n and device.read("STALL_SINK"):
                break  # the first run is stopped with an output beat on offer
            device.read("STATUS")
        device.stop()
        assert ports.sink.empty()
        check(device, net)
    assert device.read("FRAMES_CUT") > 0


@in_thread
def errors(device: Device, ports: Ports, net: Net) -> None:
    """Error codes come as exceptions with a remedy; a register's error as OSError."""
    bad = bytearray(device.network.data)
    bad[-1] ^= 1
    with pytest.raises(DriverError, match="to do: check that the file is whole") as caught:
        device.load(bytes(bad))
    assert caught.value.name == "crc"
    device.load()
    device.start()
    with pytest.raises(DriverError, match=re.escape(ERRORS["busy"][1])):
        device.start()
    device.stop()
    device.enable_irq(error=True)
    device.set_watchdog(20)
    device.start()
    device.push(device.network.encode(net.x[0] / 2.0**device.network.x_frac))
    for _ in range(200):
        if device.error() != "none":
            break
    assert device.error() == "timeout"
    assert device.take_irq()
    device.set_watchdog(0)
    device.recover()
    device.reset()
    with pytest.raises(DriverError):
        device.start()
    ports.errors_at = {address("STATUS")}
    with pytest.raises(OSError):  # noqa: PT011
        device.error()
    ports.errors_at = set()
    device.polls = 0
    with pytest.raises(DriverError, match="does not come to rest"):
        device.stop()
    with pytest.raises(DriverError, match="does not become"):
        device.load()
    device.polls = 1000
    device.recover()
    device.load()


@in_thread
def every_error_code(device: Device, ports: Ports, net: Net) -> None:
    """Each code provoked; its text; the calls of its recovery; then a whole run is right."""
    n = device.network
    frame = n.encode(net.x[0] / 2.0**n.x_frac)
    early = (Path(os.environ["CSB_JOB"]) / "program_0.bin").read_bytes()
    for name, shown in recovery.SHOWN.items():
        device.stop()
        told, said = "", f"{ERRORS[name][1]}; to do: {ERROR_ACTIONS[name]}"
        try:
            if name == "frame":
                device.start()
                device.transport.send(1, frame.tobytes() + bytes(2 * ports.values_per_beat))
            elif name == "no_image":
                device.reset()
                device.start()
            elif name == "timeout":
                device.set_watchdog(20)
                device.start()
                device.push(frame)
            elif name == "flushed":
                ports.cut_after = 9
                with pytest.raises(OSError):  # noqa: PT011  (the transport's)
                    device.load()
                device.flush()
            elif name == "busy":
                device.start()
                device.start()
            elif name == "program":
                device.load(early)
                device.start()
                device.pull()  # the frame nobody asked for
            elif name == "parity":
                device.load()
                resume(ports.flip)()
                device.start()
            elif name != "none":
                device.load(recovery.bad_image(name, net.image))
        except DriverError as error:
            told, said = error.name, str(error)
        for _ in range(200):  # a run's error comes some cycles later
            if device.error() == name:
                break
        assert device.error() == name
        assert told in (name, "")
        assert said.endswith(f"{ERRORS[name][1]}; to do: {ERROR_ACTIONS[name]}")
        if shown.calls == ("load",) and name not in ("flushed", "program", "parity"):
            assert told == name
        calls = {"watchdog": lambda: device.set_watchdog(0)}
        for call in shown.calls:
            calls.get(call, getattr(device, call, None))()
        check(device, net)


@in_thread
def other_machines(device: Device, ports: Ports, net: Net) -> None:
    class Other:
        """A transport with changed answers to some reads."""

        def __init__(self, **changed: int) -> None:
            self.changed = {address(name): bits for name, bits in changed.items()}

        def read(self, offset: int) -> int:
            return device.transport.read(offset) ^ self.changed.get(offset, 0)

    for changed, message in (
        ({"IDENTITY": 1}, "no CSB-RNN accelerator"),
        ({"IDENTITY": 1 << 24}, "its register map is version"),
        ({"CONFIG_HASH": 1}, "another configuration"),
    ):
        with pytest.raises(DriverError, match=message):
            Device(Other(**changed), device.network).probe()
