# SPDX-License-Identifier: Apache-2.0
"""Names common to the files of a kit, and the values of the constant registers."""

from __future__ import annotations

from typing import NamedTuple

from csb_rnn.machine import image, registers
from csb_rnn.machine.config import Config

#: AXI interfaces of the wrapper, as a block design shows them: prefix of the ports and kind.
INTERFACES = {
    "s_axil": "aximm",
    "s_axis_image": "axis",
    "s_axis_frame": "axis",
    "m_axis_frame": "axis",
}
CLOCK, RESET, INTERRUPT = "aclk", "aresetn", "irq"
#: Ports of csb_top with another name in the wrapper: the one expected by tools.
RENAMED = {"clk_i": CLOCK, "rst_ni": RESET, "irq_o": INTERRUPT}
#: Registers whose value after ``rst_ni`` is not known: a word of a memory without a reset.
UNKNOWN_AFTER_RESET = ("STATE_DATA",)


class Constant(NamedTuple):
    """A field of a read-only register and its value in one configuration."""

    register: str
    field: str
    value: int


def top_name(c: Config) -> str:
    """The wrapper's module. Example: ``csb_top_small``."""
    return f"csb_top_{c.name}"


def constants(c: Config) -> list[Constant]:
    """The values of all fields with the hardware's identity.

    Example: ``small`` has ``Constant("GRID", "k", 2)``.
    """
    major, minor, patch = registers.IP_VERSION
    known = {
        "magic": registers.IDENTITY & 0xFFFFFF,
        "map": registers.VERSION,
        "major": major,
        "minor": minor,
        "patch": patch,
    }
    found = []
    for r in registers.REGISTERS:
        if r.access != "RO" or r.offset >= registers.address("CONTROL"):
            continue
        if not r.fields:
            found.append(Constant(r.name, r.name.lower(), image.config_hash(c)))
        for f in r.fields:
            value = known.get(f.name)
            if value is None:
                value = getattr(c, f.name, None)
            if value is None:
                value = getattr(c, f.name.upper())
            found.append(Constant(r.name, f.name, value))
    return found


def reset_values(c: Config) -> dict[str, int]:
    """The 32-bit value of each register after ``rst_ni``, by name; 0 of those not in it.

    Example: STATUS is 4, as the machine is at rest. See also :data:`UNKNOWN_AFTER_RESET`.
    """
    values: dict[str, int] = {"WATCHDOG": registers.WATCHDOG_RESET}
    values["STATUS"] = registers.value("STATUS", idle=1)
    for k in constants(c):
        lsb = next((f.lsb for f in registers.BY_NAME[k.register].fields if f.name == k.field), 0)
        values[k.register] = values.get(k.register, 0) | k.value << lsb
    return values
