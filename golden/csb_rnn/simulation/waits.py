# SPDX-License-Identifier: Apache-2.0
"""Waits of the cocotb side with an end: each names the missing event.

Whatever depends on the design is awaited through these; ``tests/rtl/test_waits.py`` holds every
bench to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cocotb.triggers import RisingEdge, SimTimeoutError, with_timeout


async def within(cycles: int, awaitable: Any, what: str, period: float) -> Any:
    """Awaits an action of the design, for a limited time.

    Args:
        cycles: clock cycles to wait at most.
        awaitable: trigger, coroutine or task.
        what: names it in the error; by default the awaitable's own name.
        period: of the clock, in ns.

    Raises:
        AssertionError: it took longer; for example ``RisingEdge(csb_sim_top.sent_o) did not happen
            within 400 cycles``.
    """
    what = what or getattr(awaitable, "__qualname__", None) or str(awaitable)
    try:
        return await with_timeout(awaitable, cycles * period, "ns")
    except SimTimeoutError:
        message = f"{what} did not happen within {cycles} cycles"
    raise AssertionError(message)


async def until(clock: Any, condition: Callable[[], bool], cycles: int, what: str) -> int:
    """Awaits rising edges until a condition holds right before one; returns how many it took.

    Args:
        clock: the clock's handle.
        condition: asked at every rising edge, before signals change.
        cycles: edges to wait at most.
        what: names the condition in the error.

    Raises:
        AssertionError: it never held; for example ``a_ready_o did not come within 400 cycles``.
    """
    for n in range(1, cycles + 1):
        await RisingEdge(clock)
        if condition():
            return n
    raise AssertionError(f"{what} did not come within {cycles} cycles")
