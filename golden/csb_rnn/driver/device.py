# SPDX-License-Identifier: Apache-2.0
"""The accelerator as a device: probe, load, run, states, recovery. Same calls as the C driver."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from csb_rnn.driver.network import Network
from csb_rnn.errors import CsbError, UsageError
from csb_rnn.machine import registers
from csb_rnn.machine.error_codes import ERROR_ACTIONS, ERRORS
from csb_rnn.machine.registers import address, field, value

POLLS = 100_000  # reads of STATUS until a machine counts as stuck
IMAGE, FRAMES = 0, 1  # ports of Transport.send


class Transport(Protocol):
    """How a host reaches the machine. A function raises OSError for an access answered with
    an error, or a stream without a beat in time. Example: SLVERR of a register beyond the map."""

    def read(self, offset: int) -> int:
        """The 32-bit register at a byte offset."""

    def write(self, offset: int, value: int) -> None:
        """Write all of a 32-bit register."""

    def send(self, port: int, data: bytes) -> None:
        """Send a packet to the image stream (0) or the frame stream (1), TLAST on its last beat."""

    def receive(self, count: int) -> bytes:
        """A packet of so many bytes from the output stream."""


class DriverError(CsbError, RuntimeError):
    """The machine is another one, stopped with an error code, or does not come to rest; ``name`` is
    the error code's name, or empty."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class Device:
    """One accelerator with one network.

    Args:
        transport: registers and streams.
        network: the loaded one, unless :meth:`load` is given another image.
    """

    def __init__(self, transport: Transport, network: Network) -> None:
        self.transport, self.network, self.polls = transport, network, POLLS

    # --- registers ------------------------------------------------------------------------------
    def read(self, name: str, part: str | None = None) -> int:
        """A register, or a field of it, by name."""
        word = self.transport.read(address(name))
        return word if part is None else field(name, part, word)

    def write(self, name: str, word: int) -> None:
        """All of a register."""
        self.transport.write(address(name), word)

    def error(self) -> str:
        """The name of STATUS.error, ``none`` if there is no error."""
        code = self.read("STATUS", "error")
        return next((name for name, (n, _) in ERRORS.items() if n == code), "unknown")

    def _check(self) -> None:
        name = self.error()
        if name != "none":
            text = ERRORS[name][1] if name in ERRORS else "a code of a newer machine"
            action = ERROR_ACTIONS.get(name, "use a newer driver")
            raise DriverError(f"the machine stopped: {text}; to do: {action}", name)

    def _wait(self, part: str, wanted: int) -> None:
        for _ in range(self.polls):
            if self.read("STATUS", part) == wanted:
                return
        raise DriverError(f"STATUS.{part} does not become {wanted}")

    # --- hardware and network -------------------------------------------------------------------
    def probe(self) -> tuple[int, int, int]:
        """Check identity, register map and configuration.

        Returns:
            Version of the hardware: major, minor, patch.

        Raises:
            DriverError: it is another machine.
        """
        identity = self.read("IDENTITY")
        if field("IDENTITY", "magic", identity) != registers.IDENTITY & 0xFFFFFF:
            raise DriverError("no CSB-RNN accelerator at this address")
        newer = field("IDENTITY", "map", identity)
        if newer != registers.VERSION:
            raise DriverError(
                f"its register map is version {newer}, this driver is for {registers.VERSION}"
            )
        if self.read("CONFIG_HASH") != self.network.config_hash:
            raise DriverError("the network was built for another configuration")
        word = self.read("VERSION")
        major, minor, patch = (field("VERSION", p, word) for p in ("major", "minor", "patch"))
        return major, minor, patch

    def load(self, data: bytes | None = None) -> None:
        """Send the network's image, or another one for the same configuration.

        Raises:
            DriverError: the machine refuses it.
        """
        self.transport.send(IMAGE, self.network.data if data is None else data)
        self._wait("loading", 0)
        self._check()

    # --- a run ----------------------------------------------------------------------------------
    def start(self, *, fresh: bool = True) -> None:
        """Begin a run, from zero states or from those in the state memory."""
        self.write("CONTROL", value("CONTROL", start=1, fresh=int(fresh)))
        self._check()

    def push(self, x: NDArray[np.int16]) -> None:
        """Send an input frame ``[in_values]``."""
        self.transport.send(FRAMES, np.ascontiguousarray(x, "<i2").tobytes())

    def pull(self) -> NDArray[np.int16]:
        """Take an output frame ``[out_values]``."""
        data = self.transport.receive(2 * self.network.out_values)
        return np.frombuffer(data, "<i2")

    def frames(self, x: ArrayLike) -> NDArray[np.float32]:
        """Float frames ``[frames, inputs]`` through a running machine, one input ahead of the
        outputs: float32 ``[frames, outputs]``."""
        words = self.network.encode(x)
        out = []
        for n in range(len(words) + 1):
            if n < len(words):
                self.push(words[n])
            if n:
                out.append(self.pull())
        return self.network.decode(np.array(out).reshape(len(words), self.network.out_values))

    def step(self, x: ArrayLike) -> NDArray[np.float32]:
        """One frame, float ``[inputs]`` to float32 ``[outputs]``."""
        return self.frames(np.asarray(x)[None])[0]

    @contextlib.contextmanager
    def run(self, *, fresh: bool = True) -> Iterator[Device]:
        """A run as a ``with`` block, stopped at its end."""
        self.start(fresh=fresh)
        try:
            yield self
        finally:
            self.stop()

    def _settle(self, **command: int) -> None:
        """Write a command; take the cut output frame; wait for rest."""
        self.write("CONTROL", value("CONTROL", **command))
        for _ in range(self.polls):
            status = self.read("STATUS")
            if field("STATUS", "out_open", status):
                self.pull()
            elif field("STATUS", "idle", status):
                return self._wait("in_cut", 0)
        raise DriverError("the machine does not come to rest")

    def stop(self) -> None:
        """End a run: idle, streams empty."""
        self._settle(stop=1)

    def flush(self) -> None:
        """A stop; it also forgets a cut input frame and an incomplete image."""
        self._settle(flush=1)

    def recover(self) -> None:
        """From any state to rest with empty streams and no pending interrupt. Sources must be reset
        before. A valid image stays so."""
        self.flush()
        self.take_irq()

    def reset(self) -> None:
        """All but the register port as after a reset: an image has to be loaded again."""
        self._settle(reset=1)

    # --- status ---------------------------------------------------------------------------------
    def cycles(self) -> int:
        """Cycles of the run."""
        low = self.read("CYCLES_LO")  # holds CYCLES_HI
        return self.read("CYCLES_HI") << 32 | low

    def enable_irq(self, *, loaded: bool = False, error: bool = False) -> None:
        """The causes of the interrupt."""
        self.write("IRQ_ENABLE", value("IRQ_ENABLE", loaded=int(loaded), error=int(error)))

    def take_irq(self) -> int:
        """The pending causes, which are cleared."""
        pending = self.read("IRQ_PENDING")
        self.write("IRQ_PENDING", pending)
        return pending

    def set_watchdog(self, cycles: int) -> None:
        """Cycles allowed for an owed beat before error ``timeout``; 0: for ever."""
        self.write("WATCHDOG", cycles)

    # --- states, at rest only -------------------------------------------------------------------
    def _places(self, key: str, stream: int) -> Iterator[int]:
        if not 0 <= stream < self.network.streams:
            raise UsageError(f"stream {stream}: the network has {self.network.streams}")
        for place in self.network.state(key).place:
            yield int(place) + stream * self.network.state_stride

    def read_state(self, key: str, stream: int = 0) -> NDArray[np.int32]:
        """A state's values, integers with ``network.state(key).frac`` fraction bits."""
        out = []
        for place in self._places(key, stream):
            self.write("STATE_ADDR", place)
            out.append(self.read("STATE_DATA"))
        return np.array(out, np.uint32).view(np.int32)

    def write_state(self, key: str, values: ArrayLike, stream: int = 0) -> None:
        """Set a state.

        Raises:
            UsageError: no such state or stream, or another number of values.
        """
        places, words = list(self._places(key, stream)), np.asarray(values, np.int32)
        if words.shape != (len(places),):
            raise UsageError(f"state {key}: shape {words.shape}, expected ({len(places)},)")
        for place, word in zip(places, words.view(np.uint32), strict=True):
            self.write("STATE_ADDR", place)
            self.write("STATE_DATA", int(word))
