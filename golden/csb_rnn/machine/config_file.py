# SPDX-License-Identifier: Apache-2.0
"""A file of configurations: ``[default]``, then a table for each name, which may have a ``base``.

Example: ``[half]`` with ``base = "small"`` and ``K = 2`` is ``small`` with two engine rows.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from csb_rnn.machine.config_ranges import NAME, RANGES, ConfigError
from csb_rnn.system import untrusted


def read_table(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a file of configurations: ``[default]``, then one for each name.

    Raises:
        ConfigError: not TOML, a table or key too many or missing, a value of another type.
    """
    try:
        table = tomllib.loads(untrusted.read_text(path))
    except RecursionError:
        raise ConfigError(f"{path}: nested too deep") from None
    except ValueError as error:  # a key that is there twice, too
        raise ConfigError(f"{path}: {error}") from None
    for name, keys in table.items():
        if not isinstance(keys, dict):
            raise ConfigError(f"{path}: {untrusted.show(name)} is outside of a [configuration]")
        if not NAME.fullmatch(name):
            raise ConfigError(f"{path}: [{name}]: a name has at most 32 of a-z, 0-9 and _")
        for key, value in keys.items():
            where = f"{path}: [{name}] {key}"
            kind = {"sim_only": bool, "base": str}.get(key, int)
            if key not in RANGES and (key not in ("sim_only", "base") or name == "default"):
                raise ConfigError(f"{where}: unknown key; known are {', '.join(RANGES)}")
            if type(value) is not kind:
                names = {int: "a whole number", bool: "true or false", str: "a name"}
                raise ConfigError(f"{where}: expected {names[kind]}, got {untrusted.show(value)}")
        base = keys.get("base")
        if base is not None and (base not in table or base in ("default", name)):
            raise ConfigError(f"{path}: [{name}] base: no configuration {untrusted.show(base)}")
    if "default" not in table:
        raise ConfigError(f"{path}: [default] is missing")
    for name in table:
        if name in _bases(table, name):
            raise ConfigError(f"{path}: [{name}] base: it is its own base")
    for name in table:
        missing = RANGES.keys() - merged(table, name).keys()
        if name != "default" and missing:
            raise ConfigError(f"{path}: [{name}] {min(missing)}: missing, here and in [default]")
    return table


def _bases(table: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """The base of a configuration, the base of that, and so on; it ends where one comes again."""
    out: list[str] = []
    base = table[name].get("base")
    while base is not None and base not in out:
        out.append(base)
        base = table[base].get("base")
    return out


def merged(table: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    """The keys of a configuration, with those of its base and of the defaults."""
    merged = dict(table["default"])
    for of in [*reversed(_bases(table, name)), name]:
        merged |= table[of]
    return {k: v for k, v in merged.items() if k not in ("sim_only", "base")}
