# SPDX-License-Identifier: Apache-2.0
"""A configuration by its name or by the path of a file, which may be anywhere.

Example: ``choose("small")``, ``choose("mine.toml")``.
"""

from __future__ import annotations

import os
from pathlib import Path

from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.machine.config_file import read_own, read_table
from csb_rnn.machine.config_ranges import ConfigError


def is_file(name: str | os.PathLike[str]) -> bool:
    """Whether a configuration is named by the path of its file: ``mine.toml``, ``dir/mine``."""
    return not isinstance(name, str) or name.endswith(".toml") or os.sep in name


def choose(name: str | os.PathLike[str]) -> Config:
    """A shipped configuration, or the one of a file
    (:func:`~csb_rnn.machine.config_file.read_own`).

    Raises:
        ConfigError: one line: no such name or file, or a field that is wrong.
    """
    if isinstance(name, str) and not is_file(name):
        return config.load(name)
    own, values, given = read_own(Path(name), read_table(config.CONFIG_FILE))
    if "weight_w" not in given:
        values["weight_w"] = min(values["weight_w"], values["data_w"])
    try:
        return Config(name=own, **values)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
