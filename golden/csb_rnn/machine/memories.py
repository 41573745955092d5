# SPDX-License-Identifier: Apache-2.0
"""The bits of memory of a configuration, by use.

Example: ``paper256`` has 27,593 Kibit, ``paper256_cols`` 17,129.
"""

from __future__ import annotations

import math

from csb_rnn.machine import image, isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.counters import COUNTERS


def memory_bits(c: Config) -> dict[str, int]:
    """Bits of every memory of the machine, all its copies and instances together.

    A test compares the sum with the memories in the elaborated RTL.
    """
    words = c.groups * c.weight_depth
    pes = words * c.P * c.Q
    program = words * isa.pegroup_width(c)
    addresses = pes // c.shared_cols
    register_bank = isa.REG_DEPTH * 2 * (isa.MUL_W + 1 + c.lane_w)
    return {
        "weights": pes * c.weight_w,
        "neuron addresses": addresses * (c.neuron_aw + c.side_w),
        "rest of the PEGroup words": program
        - pes * c.weight_w
        - addresses * (c.neuron_aw + c.side_w),
        "neurons": c.pes // c.shared_cols * c.neuron_depth * len(c.sides) * c.data_w,
        "accumulators (2 copies)": 2 * c.groups * c.P * c.banks * c.acc_depth * c.acc_w,
        "biases": c.lanes * c.bias_depth * c.acc_w,
        "states": c.lanes * c.state_depth * c.state_w,
        "lane registers (4 copies of 2 banks)": c.lanes * 2 * register_bank,
        "drain program": c.drain_depth * isa.width(isa.DRAIN),
        "element program": c.elem_depth * isa.width(isa.ELEM),
        "output buffer (a copy a value)": c.values_per_beat * c.out_words * c.L * c.data_w,
        "output table": c.out_depth * c.values_per_beat * image.out_entry_width(c),
        **({"parity bits": parity_bits(c)} if c.parity else {}),
        **({"counters (3 copies)": 3 * math.prod(counter_words(c))} if c.deep else {}),
    }


def counter_words(c: Config) -> tuple[int, int]:
    """Bits of a word, and words, of the counters' memory with ``deep``: a word for each counter,
    then for each PEGroup; as many low bits are in registers as its address has."""
    groups = 1 << (c.groups - 1).bit_length() if c.groups > 1 else 2
    first = -(-len(COUNTERS) // groups) * groups
    address = (first + groups - 1).bit_length()
    return 32 - address, 1 << address


def parity_bits(c: Config) -> int:
    """Parity bits of a configuration with ``parity``: one a word of each memory written at load."""
    programs = c.groups * c.weight_depth + c.drain_depth + c.elem_depth
    return programs + c.lanes * c.bias_depth + c.out_depth
