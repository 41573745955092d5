# SPDX-License-Identifier: Apache-2.0
"""Files of configurations.

The shipped one has ``[default]``, then a table for each name, which may have a ``base``. Example:
``[half]`` with ``base = "small"`` and ``K = 2`` is ``small`` with two engine rows. A file of one's
own holds one such table, whose ``base`` is a shipped configuration.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from csb_rnn.machine.config_ranges import NAME, RANGES, ConfigError, expected
from csb_rnn.system import untrusted


def read_table(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a file of configurations: ``[default]``, then one for each name.

    Raises:
        ConfigError: not TOML, a table or key too many or missing, a value of another type.
    """
    table = _parsed(path)
    for name, keys in table.items():
        _check_keys(path, name, keys, () if name == "default" else ("sim_only", "base"))
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


def read_own(
    path: Path, shipped: Mapping[str, Mapping[str, Any]]
) -> tuple[str, dict[str, Any], frozenset[str]]:
    """The configuration of a file outside of the repository.

    Args:
        path: of a TOML file with one table, whose name is the configuration's.
        shipped: tables of the repository's file, for ``base`` and the defaults.

    Returns:
        Its name; all fields; those of them that the file itself sets.

    Raises:
        ConfigError: one line: no such file, not TOML, not one table, a name that is taken, a key
            too many or missing, a value of another type or out of its range.
    """
    table = _parsed(path)
    if len(table) != 1:
        raise ConfigError(f"{path}: expected one [configuration], found {len(table)}")
    name, keys = next(iter(table.items()))
    _check_keys(path, name, keys, ("base",))
    if name in shipped:
        raise ConfigError(f"{path}: [{name}]: that name is taken, in hdl/configs.toml")
    base = keys.get("base")
    if base is not None and (base not in shipped or base == "default"):
        known = ", ".join(n for n in shipped if n != "default")
        raise ConfigError(
            f"{path}: [{name}] base: no configuration {untrusted.show(base)}; known are {known}"
        )
    for key, allowed in RANGES.items():
        if key in keys and keys[key] not in allowed:
            got = untrusted.show(keys[key])
            raise ConfigError(f"{path}: [{name}] {key} must be {expected(allowed)}, not {got}")
    found = merged({**shipped, name: keys}, name)
    missing = [key for key in RANGES if key not in found]
    if missing:
        raise ConfigError(f"{path}: [{name}] {missing[0]}: missing; give it, or a base that has it")
    return name, found, frozenset(keys)


def _parsed(path: Path) -> dict[str, Any]:
    """
    Raises:
        ConfigError: no file, or not TOML.
    """
    try:
        return tomllib.loads(untrusted.read_text(path))
    except RecursionError:
        raise ConfigError(f"{path}: nested too deep") from None
    except ValueError as error:  # a repeated key, too
        text = str(error)
        raise ConfigError(text if str(path) in text else f"{path}: {text}") from None


def _check_keys(path: Path, name: str, keys: Any, beside: Sequence[str]) -> None:
    """
    Args:
        path: for messages.
        name: of the table.
        keys: the table.
        beside: keys that are no fields of a configuration.

    Raises:
        ConfigError: not a table, a wrong name, an unknown key, a value of another type.
    """
    if not isinstance(keys, dict):
        raise ConfigError(f"{path}: {untrusted.show(name)} is outside of a [configuration]")
    if not NAME.fullmatch(name):
        shown = untrusted.clean(name, untrusted.SHOWN)
        raise ConfigError(f"{path}: [{shown}]: a name has at most 32 of a-z, 0-9 and _")
    for key, value in keys.items():
        where = f"{path}: [{name}] {untrusted.clean(key, untrusted.SHOWN)}"
        kind = {"sim_only": bool, "base": str}.get(key, int)
        if key not in RANGES and key not in beside:
            known = ", ".join([*RANGES, *(k for k in beside if k == "base")])
            raise ConfigError(f"{where}: unknown key; known are {known}")
        if type(value) is not kind:
            names = {int: "a whole number", bool: "true or false", str: "a name"}
            raise ConfigError(f"{where}: expected {names[kind]}, got {untrusted.show(value)}")


def _bases(table: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """The base of a configuration, the base of the base, and so on; it ends where one comes
    again."""
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
