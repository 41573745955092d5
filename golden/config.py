"""Named engine configurations, read from ``hdl/configs.toml``, and what follows from them.

Everything that RTL, compiler, golden models and tests need to agree on and that is a number of
one configuration comes from :class:`Config`; what is a layout comes from :mod:`golden.isa`.
"""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from pathlib import Path
from typing import Any

CONFIG_FILE = Path(__file__).resolve().parent.parent / "hdl" / "configs.toml"


class ConfigError(ValueError):
    """An unknown configuration or one whose numbers do not fit together."""


def clog2(n: int) -> int:
    """Bits needed to address ``n`` words (at least 1)."""
    return max(1, (n - 1).bit_length())


SHARING = ("none", "horizontal", "vertical", "both")  # index: share_h + 2 * share_v


@dataclasses.dataclass(frozen=True)
class Config:
    """One engine configuration; the fields are documented in ``hdl/configs.toml``."""

    name: str
    K: int
    L: int
    P: int
    Q: int
    data_w: int
    state_w: int
    state_frac: int
    drain_banks: int
    share_h: int
    share_v: int
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
    x_lanes: int
    deep: int

    def __post_init__(self) -> None:
        lanes_in_beat = self.stream_w // 16
        if self.L % self.x_lanes or lanes_in_beat % self.x_lanes:
            raise ConfigError(f"{self.name}: x_lanes must divide L and stream_w/16")
        if self.data_w not in (8, 12, 16):
            raise ConfigError(f"{self.name}: data_w must be 8, 12 or 16")
        if self.neuron_depth & (self.neuron_depth - 1):
            raise ConfigError(f"{self.name}: neuron_depth must be a power of two")
        if self.acc_depth < 2:
            raise ConfigError(f"{self.name}: acc_depth must be at least 2")

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
        """PE rows that can own an output: engine row k, PE row p is ring k*P + p."""
        return self.K * self.P

    @property
    def lanes(self) -> int:
        """Data path lanes; bank d of ring r feeds lane r*drain_banks + d."""
        return self.rings * self.drain_banks

    @property
    def sub_slots(self) -> int:
        """Cycles that one unit slot (one value of every lane) takes on the neuron write bus."""
        return -(-self.lanes // self.L)

    @property
    def acc_half(self) -> int:
        """Addresses of one of two halves of an accumulator bank: iteration parity toggles this
        bit of the address, so it is a power of two, which ``acc_depth`` need not be."""
        return 1 << ((self.acc_depth // 2).bit_length() - 1)

    @property
    def acc_w(self) -> int:
        """Accumulator bits. The quantiser sees to it that no row's sum can overflow them."""
        return 2 * self.data_w + self.acc_guard

    def choose_sharing(self, sharing: str | None) -> str:
        """The sharing mode to compile for: all that is built in unless told otherwise.

        Raises:
            ConfigError: no such mode, or not built into this configuration.
        """
        built_in = SHARING[self.share_h + 2 * self.share_v]
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
        from golden.isa import LANE_FRAC

        return self.state_w + LANE_FRAC - self.state_frac

    @property
    def neuron_aw(self) -> int:
        """Bits of a neuron address within one side."""
        return clog2(self.neuron_depth)

    @property
    def reduce_stages(self) -> int:
        """Pipeline stages of the sum across an engine row: a 4-input adder a stage."""
        return 1 if self.L * (1 + self.share_v) <= 4 else 2

    @property
    def out_lanes(self) -> int:
        """Values of one beat of the frame streams."""
        return self.stream_w // 16


# RTL parameter name of each key, where it is not its CamelCase.
def _camel(key: str) -> str:
    return key if key in "KLPQ" else "".join(w.capitalize() for w in key.split("_"))


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    with CONFIG_FILE.open("rb") as f:
        return tomllib.load(f)


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
        ConfigError: no configuration has that name, or its numbers do not fit together.
    """
    if name not in names(sim_only=True):
        known = ", ".join(names(sim_only=True))
        raise ConfigError(f"unknown configuration '{name}': known are {known}")
    own = {k: v for k, v in _table()[name].items() if k not in ("sim_only", "base")}
    base = _table().get(_table()[name].get("base", ""), {})
    return Config(name=name, **{**_table()["default"], **base, **own, **overrides})


def rtl_parameters(config: str | Config) -> dict[str, int]:
    """The RTL parameters (UpperCamelCase) of a configuration."""
    c = load(config) if isinstance(config, str) else config
    fields = dataclasses.asdict(c)
    del fields["name"]
    return {_camel(k): v for k, v in fields.items()}
