# SPDX-License-Identifier: Apache-2.0
"""Named engine configurations, read from ``hdl/configs.toml``, and values derived from them.

Numbers on which RTL, compiler, golden models and tests need to agree and which are of
one configuration come from :class:`Config`; layouts come from
:mod:`csb_rnn.machine.isa`.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from csb_rnn.machine.config_file import merged, read_table
from csb_rnn.machine.config_ranges import MOST_BITS, MOST_PES, RANGES, ConfigError, check_ranges
from csb_rnn.machine.folders import HDL
from csb_rnn.machine.rtl_names import camel
from csb_rnn.machine.sharing_modes import BANK_SETS, MODES, SHARING, SIDES, Switches
from csb_rnn.system import untrusted

LANE_FRAC = 15  # fraction bits of a data path value (lane_w bits, signed)
REDUCE_IN = 4  # operands of an adder of the sum across an engine row
CONFIG_FILE = HDL / "configs.toml"


def clog2(n: int) -> int:
    """Bits needed to address ``n`` words (at least 1)."""
    return max(1, (n - 1).bit_length())


@dataclasses.dataclass(frozen=True)
class Config(Switches):
    """One engine configuration; the fields are documented in ``hdl/configs.toml``."""

    name: str
    K: int
    L: int
    P: int
    Q: int
    data_w: int
    weight_w: int
    state_w: int
    state_frac: int
    drain_banks: int
    drain_rows: int
    shared_cols: int
    acc_guard: int
    max_block: int
    weight_depth: int
    neuron_depth: int
    acc_depth: int
    bias_depth: int
    state_depth: int
    drain_depth: int
    elem_depth: int
    out_depth: int
    stream_w: int
    x_per_cycle: int
    bus_neurons: int
    fast_act: int
    reg_bypass: int
    sum_bypass: int
    program_ultra: int
    program_reg: int
    parity: int
    deep: int

    def __post_init__(self) -> None:
        """Refuse impossible machines; sizes are bounded before anything is made.

        Raises:
            ConfigError: one line with the field and its range.
        """
        name = self.name
        check_ranges(name, vars(self))
        values_per_beat = self.stream_w // 16
        if self.stream_w % 16:
            raise ConfigError(f"{name}: stream_w must be a multiple of 16, not {self.stream_w}")
        if self.L % self.x_per_cycle or values_per_beat % self.x_per_cycle:
            raise ConfigError(f"{name}: x_per_cycle must divide L and stream_w/16")
        if self.weight_w > self.data_w:
            raise ConfigError(f"{name}: weight_w must be at most data_w {self.data_w}")
        if self.shared_cols not in (1, 2, self.P) or self.P % self.shared_cols:
            raise ConfigError(f"{name}: shared_cols must be 1, 2 or P and divide P")
        if self.neuron_depth & (self.neuron_depth - 1):
            raise ConfigError(f"{name}: neuron_depth must be a power of two")
        if self.pes > MOST_PES:
            raise ConfigError(f"{name}: K*L*P*Q is {self.pes}, at most {MOST_PES} are built")
        # A weight and its address, a word each of accumulator, bias, state, and two of neurons.
        bits = self.pes * self.weight_depth * (self.data_w + self.neuron_aw)
        bits += self.pes * 2 * self.neuron_depth * self.data_w
        bits += self.lanes * self.acc_w * (self.acc_depth * self.L + self.bias_depth)
        bits += self.lanes * self.state_w * self.state_depth
        if bits > MOST_BITS:
            raise ConfigError(
                f"{name}: memories of {bits >> 20} Mbit, at most {MOST_BITS >> 20} are built"
            )

    @property
    def pes(self) -> int:
        """Multipliers of the engine."""
        return self.K * self.L * self.P * self.Q

    @property
    def groups(self) -> int:
        """PEGroups of the engine; PEGroup (k, l) has index k*L + l."""
        return self.K * self.L

    @property
    def rings(self) -> int:
        """PE rows with outputs of their own: engine row k, PE row p is ring k*P + p."""
        return self.K * self.P

    @property
    def lanes(self) -> int:
        """Data path lanes; bank d of ring r feeds lane r*drain_banks + d."""
        return self.rings * self.drain_banks

    @property
    def sub_slots(self) -> int:
        """Cycles of one unit slot (one value of every lane) on the neuron write bus."""
        return -(-self.lanes // (self.L * self.bus_neurons))

    @property
    def slot_words(self) -> int:
        """Addresses of one unit slot, in a neuron memory and in the output buffer."""
        return self.sub_slots * self.bus_neurons

    @property
    def out_words(self) -> int:
        """Words of the output buffer. Its second half begins at a power of two: 32 + 24 words for
        an ``out_depth`` of 24."""
        return (1 << clog2(self.out_depth)) + self.out_depth

    @property
    def acc_half(self) -> int:
        """Addresses of one of two halves of an accumulator bank: iteration parity toggles this
        bit of the address, so it is a power of two, which ``acc_depth`` need not be."""
        return 1 << ((self.acc_depth // 2).bit_length() - 1)

    @property
    def acc_w(self) -> int:
        """Accumulator bits. By the quantiser's choice no row's sum can overflow them."""
        return self.data_w + self.weight_w + self.acc_guard

    @property
    def share_groups(self) -> int:
        """Share groups of a PEGroup: PE rows whose words have the same neuron addresses. Share
        group g holds PE rows g*shared_cols to g*shared_cols + shared_cols - 1."""
        return self.P // self.shared_cols

    @property
    def sharing(self) -> int:
        """Sharing modes that are built in: bit i stands for ``MODES[i]``."""
        return sum(getattr(self, m.switch) << i for i, m in enumerate(MODES))

    @property
    def sides(self) -> tuple[int, ...]:
        """Of each side of a neuron memory the engine column, counted from its own to the right."""
        return tuple(SIDES[self.sharing])

    @property
    def side_w(self) -> int:
        """Bits of a side; 0: there is one."""
        return (len(self.sides) - 1).bit_length()

    @property
    def bank_sets(self) -> tuple[int, ...]:
        """Of each set of accumulator banks the engine row, counted from its own down."""
        return tuple(BANK_SETS[self.sharing])

    @property
    def set_w(self) -> int:
        """Bits of a set of banks; 0: there is one."""
        return (len(self.bank_sets) - 1).bit_length()

    @property
    def banks(self) -> int:
        """Accumulator banks of a PE row, those for other engine rows included."""
        return self.drain_banks * len(self.bank_sets)

    @property
    def bus_rows(self) -> int:
        """Engine rows taking turns in the lanes' order on the neuron write bus: see
        :meth:`bus_place`."""
        return self.K if self.shared_cols > 1 else 1

    def bus_place(self, lane):
        """Place of a lane (an integer or an array) in the order of writing.

        Place i is written in cycle i // L of its slot, to column i % L, rotated. With shared
        columns the units of a block are in one engine row: engine rows take turns, so such a
        block can lie in one engine column as well. Example: K = L = 4, P = 4: lane 5 (engine row 1,
        PE row 1) has place 1*4 + 1 = 5, lane 4 (engine row 1, PE row 0) has place 1.
        """
        own = self.lanes // self.bus_rows
        return lane % own * self.bus_rows + lane // own

    def choose_sharing(self, sharing: str | None) -> str:
        """The sharing mode to compile for: all those built in unless told otherwise.

        Raises:
            ConfigError: no such mode, or not built into this configuration.
        """
        built_in = SHARING[self.sharing]
        if sharing is None:
            return built_in
        if sharing not in SHARING:
            raise ConfigError(f"unknown sharing '{sharing}': known are {', '.join(SHARING)}")
        if SHARING.index(sharing) & ~SHARING.index(built_in):
            raise ConfigError(
                f"sharing '{sharing}': configuration {self.name} has {built_in} built in"
            )
        return sharing

    @property
    def lane_w(self) -> int:
        """Bits of a data path value, which has ``LANE_FRAC`` fraction bits."""
        return self.state_w + LANE_FRAC - self.state_frac

    @property
    def neuron_aw(self) -> int:
        """Bits of a neuron address within one side."""
        return clog2(self.neuron_depth)

    @property
    def reduce_stages(self) -> int:
        """Pipeline stages of the sum across an engine row: adders of ``REDUCE_IN`` operands."""
        return 1 if self.L * len(self.bank_sets) <= REDUCE_IN else 2

    @property
    def values_per_beat(self) -> int:
        """Values of one beat of the frame streams."""
        return self.stream_w // 16


# RTL parameter name of each key, where it is not its CamelCase.
def _parameter(key: str) -> str:
    return key if key in "KLPQ" else camel(key)


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    return read_table(CONFIG_FILE)


def names(sim_only: bool = False) -> list[str]:
    """All named configurations, in file order.

    Args:
        sim_only: the larger ones too, which exist for simulation only.
    """
    table = _table()
    return [n for n in table if n != "default" and (sim_only or not table[n].get("sim_only"))]


def load(name: str, **overrides: int) -> Config:
    """The named configuration, with fields replaced by ``overrides``.

    Raises:
        ConfigError: no configuration of this name, or its numbers do not fit together.
    """
    if name not in names(sim_only=True):
        known = ", ".join(names(sim_only=True))
        shown = untrusted.clean(str(name), untrusted.SHOWN)
        raise ConfigError(f"unknown configuration '{shown}': known are {known}")
    values = {**merged(_table(), name), **overrides}
    values["weight_w"] = min(values["weight_w"], values["data_w"])
    return Config(name=name, **values)


def from_fields(fields: Any) -> Config:
    """A configuration from all of its fields, as an image folder holds them.

    Raises:
        ConfigError: not an object, a field too many or missing, or numbers out of their range.
    """
    if not isinstance(fields, dict):
        raise ConfigError(f"expected an object, got {untrusted.show(fields)}")
    odd = sorted(fields.keys() ^ {"name", *RANGES}, key=str)
    if odd:
        what = "unknown" if odd[0] in fields else "missing"
        raise ConfigError(f"{untrusted.clean(str(odd[0]), untrusted.SHOWN)}: {what}")
    return Config(**fields)


def rtl_parameters(config: str | Config) -> dict[str, int]:
    """The RTL parameters (UpperCamelCase) of a configuration."""
    c = load(config) if isinstance(config, str) else config
    switches = {m.switch for m in MODES}
    return {
        "Sharing" if k in switches else _parameter(k): c.sharing if k in switches else getattr(c, k)
        for k in RANGES
    }


def fields(c: Config) -> dict[str, int]:
    """All fields of a hash, in UpperCamelCase: not ``parity``, as images run with it or without."""
    return {_parameter(k): getattr(c, k) for k in RANGES if k != "parity"}
