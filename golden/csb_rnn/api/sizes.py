# SPDX-License-Identifier: Apache-2.0
"""Configurations by size, and the smallest that holds a network.

Example: ``tiny`` (16 PEs) comes before ``small`` (64), ``paper512_w8`` before ``paper512``: of as
many PEs the one with less memory.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any

from csb_rnn import flow
from csb_rnn.api import arguments
from csb_rnn.machine import config, memories
from csb_rnn.machine.config import Config
from csb_rnn.machine.own_config import choose
from csb_rnn.network.read import Source
from csb_rnn.program.program import CompileError


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Warnings of single builds are not shown: the points show the warned values."""
    log = logging.getLogger("csb_rnn.flow")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def size(c: Config) -> tuple[int, int]:
    """The order of machines: multipliers, then bits of memory."""
    return c.pes, sum(memories.memory_bits(c).values())


def machines(configs: Any = "all") -> list[Config]:
    """Configurations by size.

    Args:
        configs: ``all``: those of ``hdl/configs.toml`` that are not for simulation alone; or names,
            paths of files and configurations.

    Raises:
        ConfigError: there is no such configuration.
    """
    everything = isinstance(configs, str) and configs == "all"
    chosen = config.names() if everything else configs
    one = isinstance(chosen, (str, os.PathLike, Config))
    named = [chosen] if one else arguments.several("configs", chosen)
    found = map(arguments.configuration, named)
    return sorted((c if isinstance(c, Config) else choose(c) for c in found), key=size)


def smallest(
    found: Source,
    samples: Any = None,
    configs: str | Iterable[str | Config] = "all",
    **options: Any,
) -> Config:
    """The smallest configuration that holds a network, found by building it.

    Args:
        found: the network.
        samples: inputs that set the number formats, or None.
        configs: as :func:`machines`.
        options: of :func:`csb_rnn.flow.build_source`.

    Raises:
        CompileError: none holds it; the message is about the largest.
        QuantError, ConfigError: as a build.
    """
    last: CompileError | None = None
    with quiet():
        for c in machines(configs):
            try:
                flow.build_source(found, c, samples, unchecked=True, **options)
                return c
            except CompileError as error:
                last = error
    raise last or CompileError("no configuration to choose from")
