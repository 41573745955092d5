# SPDX-License-Identifier: Apache-2.0
"""Bounds of a configuration: the range of each field, and the largest machine."""

from __future__ import annotations

import re
from collections.abc import Mapping

from csb_rnn.errors import CsbError
from csb_rnn.machine.sharing_modes import MODES
from csb_rnn.system import untrusted


class ConfigError(CsbError, ValueError):
    """An unknown configuration or one whose numbers do not fit together."""


NAME = re.compile(r"[a-z0-9_]{1,32}")
MOST_PES = 1 << 14
MOST_BITS = 1 << 30  # of all memories together: 128 MB in a simulation
#: Legal values of each field of a configuration. Depths end with the fields of instruction words
#: (golden/csb_rnn/machine/isa.py); other limits come from the RTL's checks and from simulations in
#: reasonable time.
RANGES: dict[str, range | tuple[int, ...]] = {
    "K": range(1, 65),
    "L": range(1, 17),
    "P": range(1, 65),
    "Q": range(1, 65),
    "data_w": (8, 12, 16),
    "weight_w": (8, 12, 16),
    "state_w": range(16, 33),
    "state_frac": range(16),
    "drain_banks": range(1, 17),
    "drain_rows": (1, 2),
    **{m.switch: (0, 1) for m in MODES},
    "shared_cols": range(1, 65),
    "acc_guard": range(33),
    "max_block": range(1, (1 << 16) + 1),
    "weight_depth": range(1, (1 << 18) + 1),
    "neuron_depth": range(2, (1 << 13) + 1),
    "acc_depth": range(2, (1 << 12) + 1),
    "bias_depth": range(1, (1 << 12) + 1),
    "state_depth": range(1, (1 << 12) + 1),
    "drain_depth": range(1, (1 << 12) + 1),
    "elem_depth": range(1, (1 << 12) + 1),
    "out_depth": range(2, (1 << 12) + 1),
    "stream_w": range(16, 1025),
    "x_per_cycle": range(1, 65),
    "bus_neurons": (1, 2),
    "fast_act": (0, 1),
    "reg_bypass": (0, 1),
    "sum_bypass": (0, 1),
    "program_ultra": (0, 1),
    "program_reg": (0, 1),
    "parity": (0, 1),
    "deep": (0, 1),
}

#: Fields that divide a depth: words of it are read or written together.
PAIRS = (("drain_rows", "acc_depth"), ("drain_rows", "bias_depth"), ("bus_neurons", "out_depth"))


def expected(allowed: range | tuple[int, ...]) -> str:
    """Values of a field in words. Example: ``1 to 64``, ``8 or 12 or 16``."""
    if isinstance(allowed, tuple):
        return " or ".join(map(str, allowed))
    return f"{allowed[0]} to {allowed[-1]}"


def check_ranges(name: object, values: Mapping[str, object]) -> None:
    """Refuse a configuration's name and fields, each for itself and with the depths it divides.

    Raises:
        ConfigError: one line with the field and its range.
    """
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise ConfigError(
            f"configuration name {untrusted.show(name)}: expected at most 32 of a-z, 0-9 and _"
        )
    sizes: dict[str, int] = {}
    for field, allowed in RANGES.items():
        value = values[field]
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            what = f"{expected(allowed)}, not {untrusted.show(value)}"
            raise ConfigError(f"{name}: {field} must be {what}")
        sizes[field] = value
    for by, field in PAIRS:
        if sizes[field] % sizes[by]:
            raise ConfigError(f"{name}: {by} must divide {field}")
