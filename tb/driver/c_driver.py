# SPDX-License-Identifier: Apache-2.0
"""The C driver as Python functions: a ctypes library whose four input and output functions drive
the ports of csb_top. Its calls block, so they run in a thread of :func:`cocotb.task.bridge`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cocotb.task import bridge, resume

from csb_rnn.machine.error_codes import ERRORS
from tb.driver.ports import PortError
from tb.lib.stream import within

RESULTS = ("ok", "bus", "stream", "identity", "config", "machine", "busy", "range")
U32 = ctypes.c_uint32
CALL = 2_000_000  # cycles of a call at most
READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, U32, ctypes.POINTER(U32))
WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, U32, U32)
SEND = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t
)
RECEIVE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Io(ctypes.Structure):
    """csb_io of csb_rnn.h."""

    _fields_ = [
        ("context", ctypes.c_void_p),
        ("read", READ),
        ("write", WRITE),
        ("send", SEND),
        ("receive", RECEIVE),
    ]


class Network(ctypes.Structure):
    """csb_network of csb_rnn.h."""

    _fields_ = [
        *((name, U32) for name in ("config_hash", "inputs", "outputs", "streams")),
        *((name, U32) for name in ("beat_bytes", "data_w")),
        *((name, ctypes.c_int) for name in ("x_frac", "out_frac")),
        *((name, U32) for name in ("state_stride", "states")),
        ("state", ctypes.c_void_p),
        ("image", ctypes.POINTER(U32)),
        ("image_words", U32),
        ("x_gain", ctypes.POINTER(ctypes.c_float)),
    ]


class Device(ctypes.Structure):
    """csb_device of csb_rnn.h."""

    _fields_ = [
        ("io", Io),
        ("network", ctypes.POINTER(Network)),
        ("in_bytes", ctypes.c_size_t),
        ("out_bytes", ctypes.c_size_t),
        ("polls", U32),
        ("map", U32),
        ("version", U32),
    ]


class CDriver:
    """The functions of the driver; each is a coroutine.

    Args:
        library: the shared library.
        ports: its four functions.
    """

    def __init__(self, library: Path, ports: Any) -> None:
        self.lib = ctypes.CDLL(str(library))
        for name in ("csb_error_text", "csb_error_action", "csb_result_text"):
            getattr(self.lib, name).restype = ctypes.c_char_p
        for name in ("csb_in_values", "csb_out_values"):
            getattr(self.lib, name).restype = ctypes.c_size_t
        self.lib.shim_network.restype = ctypes.POINTER(Network)
        self.lib.csb_from_fixed.restype = ctypes.c_float
        self.lib.csb_to_fixed.argtypes = [ctypes.c_float, ctypes.c_int, U32]
        self.lib.csb_to_fixed.restype = ctypes.c_int32
        assert self.lib.shim_device_bytes() == ctypes.sizeof(Device)
        self.device = Device()
        self.io = Io(None, *self._functions(ports))

    @staticmethod
    def _functions(ports: Any) -> tuple:
        """The four functions, called in the driver's thread."""
        read, write = resume(ports.read), resume(ports.write)
        send, take = resume(ports.send), resume(ports.receive)

        def guarded(function: Callable[..., None]) -> Callable[..., int]:
            def call(_: Any, *arguments: Any) -> int:
                try:
                    function(*arguments)
                except PortError:
                    return 1
                return 0

            return call

        def do_read(offset: int, value: Any) -> None:
            value[0] = read(offset)

        def do_send(port: int, data: int, count: int) -> None:
            send(port, ctypes.string_at(data, count))

        def do_receive(data: int, count: int) -> None:
            got = take(count)
            if len(got) != count:
                raise PortError
            ctypes.memmove(data, got, count)

        return (
            READ(guarded(do_read)),
            WRITE(guarded(write)),
            SEND(guarded(do_send)),
            RECEIVE(guarded(do_receive)),
        )

    async def call(self, name: str, *arguments: Any) -> str:
        """Calls ``csb_NAME`` with the device first; returns the result's name."""
        function = getattr(self.lib, f"csb_{name}")

        def blocking() -> int:
            return function(ctypes.byref(self.device), *arguments)

        return RESULTS[await within(CALL, bridge(blocking)())]

    async def probe(self, network: int = 0) -> str:
        """Probe, with the network of the launcher's job."""
        return await self.call("probe", ctypes.byref(self.io), self.lib.shim_network(network))

    async def number(self, name: str, kind: type = U32) -> int:
        """A function to write one number."""
        out = kind()
        assert await self.call(name, ctypes.byref(out)) == "ok"
        return out.value

    async def error(self) -> str:
        code = await self.number("error")
        return next(name for name, (n, _) in ERRORS.items() if n == code)

    def frames(self, values: np.ndarray, *, into: bool) -> np.ndarray:
        """Frames [n, values] padded to whole beats, as the driver has them."""
        size = self.lib.csb_in_values if into else self.lib.csb_out_values
        wide = size(self.device.network)
        out = np.zeros((len(values), wide), np.int16)
        out[:, : values.shape[1]] = values
        return out


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """The address of an array, which the caller keeps."""
    return ctypes.c_void_p(array.ctypes.data)
