# SPDX-License-Identifier: Apache-2.0
"""A pruning scheme for a configuration by name, or by the path of its file."""

from __future__ import annotations

import dataclasses
import os

from csb_rnn.machine import own_config
from csb_rnn.pruning.classes import machine_needs
from csb_rnn.pruning.schemes import Csb, Scheme, for_machine


def scheme_for(scheme: Csb, classes: int, name: str | os.PathLike[str] | None) -> Scheme:
    """The scheme with the alignment, classes and block that a machine needs.

    Args:
        scheme: with a block; its alignment and classes are left out if ``name`` is given.
        classes: rows of a kernel are kept evenly in so many classes.
        name: of a configuration, or the path of a TOML file.

    Raises:
        ProjectionError: both ``classes`` and ``name``.
        ConfigError: there is no such configuration.
    """
    if name is None or (isinstance(name, str) and not own_config.is_file(name)):
        return for_machine(scheme, classes, name)
    c = own_config.choose(name)
    align, machine = machine_needs(c)
    block = min(scheme.block, c.max_block)
    return dataclasses.replace(scheme, block=block, align=align, machine=machine)
