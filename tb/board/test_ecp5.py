# SPDX-License-Identifier: Apache-2.0
"""The board's design through its serial line, by the driver for Python: it boots from its flash,
takes images and frames, refuses bad commands. As RTL (csb_ecp5_sim) and as the netlist of a
synthesis (ulx3s_sim)."""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import cocotb
import numpy as np
import pytest
from cocotb.task import bridge
from cocotb.triggers import ClockCycles, FallingEdge

from csb_rnn.driver import Device, Network
from csb_rnn.driver.serial_port import SerialError, SerialPort
from csb_rnn.machine.registers import IDENTITY
from tb.board.line import Line
from tb.lib.stream import reset, start_clock, within

LIMIT = int(os.environ.get("CSB_CYCLES", "3_000_000"))
START = int(os.environ.get("CSB_START_CYCLES", "4"))  # until the board is out of its reset
BOOT = int(os.environ.get("CSB_BOOT_CYCLES", "400_000"))  # cycles of reading the flash at most


def job(number: int) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    """A network that the launcher wrote: for the driver, inputs in float, outputs, last states.

    A network may scale columns of its inputs, so the launcher writes inputs before that.
    """
    folder = Path(os.environ["CSB_JOB"])
    arrays = np.load(folder / f"net{number}.npz")
    network = pickle.loads((folder / f"driver_{number}.pickle").read_bytes())
    values = arrays["values"] if "values" in arrays else arrays["x"] / 2.0**network.x_frac
    return network, values, arrays["y"], arrays["states"][-1]


def on_board(test: Callable[[SerialPort, Line, object], None]) -> Callable:
    """A bench that runs ``test`` in a thread once the flash has been read."""

    @functools.wraps(test)
    async def bench(dut) -> None:
        start_clock(dut)
        dut.rx_i.value = 1
        await reset(dut, 8)
        await ClockCycles(dut.clk_i, START)
        line = Line(dut)  # a host that is there before the reset sees a random level as a byte
        if dut.boots_o.value != 0:
            await within(BOOT, FallingEdge(dut.boots_o))
        await within(LIMIT, bridge(test)(SerialPort(line, line.sleep), line, dut))

    return cocotb.test(bench)


def check(device: Device, number: int, frames: int | None = None) -> None:
    """Frames of a network give the fixed model's bits, and so do the states after all of them."""
    n, x, y, states = job(number)
    x, y = x[:frames], y[:frames]
    device.network = n
    with device.run():
        got = device.frames(x)
    assert (got == y / np.float32(2.0**n.out_frac)).all()
    if frames is None:
        found = np.concatenate([device.read_state(s.key) for s in n.states])
        assert (found == states).all()


@on_board
def boots_and_runs(port: SerialPort, line: Line, dut) -> None:
    """The network in the flash, without a load."""
    assert dut.no_image_o.value == 0
    device = Device(port, job(0)[0])
    assert device.probe()[0] >= 3
    assert device.read("STATUS", "image_valid") == 1
    check(device, 0)


@on_board
def empty_flash(port: SerialPort, line: Line, dut) -> None:
    """No image in the flash: the light says so, and the host loads one."""
    assert dut.no_image_o.value == 1
    device = Device(port, job(0)[0])
    device.probe()
    assert device.read("STATUS", "image_valid") == 0
    device.load()
    check(device, 0)


@on_board
def refuses(port: SerialPort, line: Line, dut) -> None:
    """Bad commands are answered with E or forgotten, and the next one is right."""
    device = Device(port, job(0)[0])
    with pytest.raises(SerialError, match="refuses"):
        port.read(0xFF0)  # no such register
    with pytest.raises(SerialError, match="refuses"):
        port.write(0x00, 1)  # IDENTITY is read only
    line.write(b"O\4\0")
    assert line.read(5) == b"\0\0\0\0E"  # nothing runs: no output comes
    for command in (b"?\0\0", b"\0\0\0", b"r\4\0"):
        line.write(command)
        assert line.read(1) == b"E"  # unknown letters
    line.write(b"I\3\x80abc")
    assert line.read(1) == b"E"  # a word of three bytes
    for command in (b"I\0\x80", b"F\0\0", b"O\0\0"):
        line.write(command)
        assert line.read(1) == b"K"  # nothing is asked for
    for cut in (b"R", b"W\x30", b"F\x08", b"F\x08\x80abcd", b"I\x04\x80abc"):
        line.write(cut)
        line.sleep(1)
        assert port.read(0) == IDENTITY, cut  # it is forgotten
    line.write(b"F\x08\x80abcd")
    with pytest.raises(SerialError, match="0 of 5 bytes came back"):
        port.read(0)  # it is data of the cut command
    device.flush()  # a beat of a frame may have been taken
    device.probe()
    with pytest.raises(SerialError, match="refuses command F"):
        device.push(device.network.encode(np.zeros(device.network.inputs)))  # no run takes it
    device.flush()
    check(device, 0)


@on_board
def one_frame(port: SerialPort, line: Line, dut) -> None:
    """The first frame of the network in the flash: for the netlist of a synthesis."""
    device = Device(port, job(0)[0])
    device.probe()
    check(device, 0, 1)
