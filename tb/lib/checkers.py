# SPDX-License-Identifier: Apache-2.0
"""In-order checking: outputs are compared with expected ones, one by one.

:class:`Checker` fails at once on a wrong item and on an unexpected one, in :meth:`finish` if
something expected never came, and in :meth:`done` if it takes too long. It knows nothing about
simulators: a monitor calls :meth:`got`.
"""

from __future__ import annotations

import collections
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge


class CheckError(AssertionError):
    """The design did something else than was expected of it."""


class Checker:
    """Compares items with expected ones, in order."""

    def __init__(self, name: str, show: Callable[[Any], str] = str) -> None:
        self.name, self.show = name, show
        self.expected: collections.deque[Any] = collections.deque()
        self.count = 0  # right items received

    def expect(self, item: Any) -> None:
        self.expected.append(item)

    def expect_all(self, items: Iterable[Any]) -> None:
        self.expected.extend(items)

    def got(self, item: Any) -> None:
        """Takes an item from the design.

        Raises:
            CheckError: it is not the one expected next, or none is expected.
        """
        if not self.expected:
            raise CheckError(f"{self.name}: item {self.count}: unexpected {self.show(item)}")
        want = self.expected.popleft()
        if item != want:
            raise CheckError(
                f"{self.name}: item {self.count}: {self.show(item)}, expected {self.show(want)}"
            )
        self.count += 1

    async def done(self, edge: Callable[[], Awaitable], cycles: int, quiet: int = 20) -> None:
        """Waits until everything expected came, then `quiet` more edges for unexpected items.

        Raises:
            CheckError: something is missing after so many edges.
        """
        for _ in range(cycles):
            if not self.expected:
                break
            await edge()
        self.finish()
        for _ in range(quiet):
            await edge()

    def finish(self) -> None:
        """Fails if something expected did not come."""
        if self.expected:
            raise CheckError(
                f"{self.name}: {len(self.expected)} items missing after {self.count}, first "
                f"{self.show(self.expected[0])}"
            )


class Monitor:
    """Calls ``sink`` with ``sample()`` in every clock cycle with ``valid()`` true.

    Signals are read at the rising edge, before they change; cycles in reset are left out. Start
    it with :meth:`start`. An error in ``sink`` fails the test.
    """

    def __init__(
        self,
        dut: Any,
        valid: Callable[[], bool],
        sample: Callable[[], Any],
        sink: Callable[[Any], None],
    ) -> None:
        self.dut, self.valid = dut, valid
        self.sample, self.sink = sample, sink

    def start(self) -> Monitor:
        cocotb.start_soon(self._run())
        return self

    async def _run(self) -> None:
        while True:
            await RisingEdge(self.dut.clk_i)
            if self.dut.rst_ni.value == 1 and self.valid():
                self.sink(self.sample())
