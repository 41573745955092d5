# SPDX-License-Identifier: Apache-2.0
"""Lines about a configuration, for the subcommands that take one."""

from __future__ import annotations

import textwrap

from csb_rnn import commands
from csb_rnn.api.largest import GATES, largest
from csb_rnn.machine.config import Config
from csb_rnn.machine.memories import memory_bits

CONFIG_HELP = "name in hdl/configs.toml, or a TOML file with one table: [NAME], base, fields"


def summary(c: Config) -> str:
    """A line: ``tiny: 16 multipliers of 16 x 16 bits, 4 lanes, 6340.1 Kibit of memory``."""
    total = sum(memory_bits(c).values())
    return (
        f"{c.name}: {c.pes} multipliers of {c.weight_w} x {c.data_w} bits, {c.lanes} lanes, "
        f"{total / 1024:.1f} Kibit of memory"
    )


def describe(c: Config) -> None:
    """Print multipliers, memory by kind and the largest layers that fit."""
    print(summary(c))
    for name, bits in memory_bits(c).items():
        print(f"  {bits / 1024:10.1f} Kibit  {name}")
    print(f"pruned networks: {c.pes * c.weight_depth} kept weights at most")
    for cell in GATES:
        x = largest(cell, c)
        print(f"largest dense {cell}: {x.units} inputs, {x.units} units, {x.weights} weights")
        if x.limit:
            reason = f"  {x.units + c.lanes} units: {x.limit.partition(';')[0]}"
            print(textwrap.fill(reason, commands.WIDTH, subsequent_indent="    "))
