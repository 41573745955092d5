# SPDX-License-Identifier: Apache-2.0
"""Bounds of a configuration: the range of each field, and the largest machine."""

from __future__ import annotations

import re

from csb_rnn.errors import CsbError
from csb_rnn.machine.sharing_modes import MODES


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
    "deep": (0, 1),
}


def expected(allowed: range | tuple[int, ...]) -> str:
    """Values of a field in words. Example: ``1 to 64``, ``8 or 12 or 16``."""
    if isinstance(allowed, tuple):
        return " or ".join(map(str, allowed))
    return f"{allowed[0]} to {allowed[-1]}"
