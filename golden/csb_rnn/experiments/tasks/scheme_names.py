# SPDX-License-Identifier: Apache-2.0
"""Schemes of pruning by the names that they have in plans and records.

Example: ``csb32_4x4+joint+feedback`` is CSB in blocks of 32, aligned 4x4, rows and columns chosen
together; ``feedback`` is a matter of the recipe, and the scheme is the same without it.
"""

from __future__ import annotations

import re

from csb_rnn.experiments.tasks.base import TaskError
from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.pruning.schemes import Scheme, make_scheme
from csb_rnn.pruning.tools import TOOLS

__all__ = ["MACHINE", "scheme_named"]

MACHINE = "paper256_cols"
"""The machine with shared columns whose price in rate is measured."""

_CSB = re.compile(r"csb(\d+)(?:_(\d+)x(\d+))?")
_BANK = re.compile(r"bank(\d+)")


def scheme_named(name: str) -> Scheme:
    """``csb32``, ``csb32_4x4``, ``bank32``, or a scheme's plain name; variants may follow."""
    name, *variants = name.split("+")
    joint = "joint" in variants
    if match := _CSB.fullmatch(name):
        align = (int(match[2]), int(match[3])) if match[2] else (1, 1)
        machine: Config | int = align[0] if "classes" in variants else 1
        if MACHINE in variants:
            machine = config.load(MACHINE)
        return make_scheme("csb", int(match[1]), align, joint, machine)
    if match := _BANK.fullmatch(name):
        return make_scheme("bank", int(match[1]))
    if name in TOOLS:
        return TOOLS[name]()
    if name in ("csb", "bank"):
        raise TaskError(f"scheme {name!r} needs a block, for example {name}32")
    return make_scheme(name, joint=joint)
