# SPDX-License-Identifier: Apache-2.0
"""Bits of memories that flip."""

from __future__ import annotations

from typing import Any

from cocotb.types import LogicArray


def flip(memory: Any, word: int, bit: int) -> int:
    """Flips a bit of a word of a memory (``csb_ram_1r1w.mem``) that was written; returns it."""
    now = int(memory[word].value)
    memory[word].value = LogicArray(now ^ 1 << bit, len(memory[word]))
    return bit
