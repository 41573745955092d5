# SPDX-License-Identifier: Apache-2.0
"""Programs of the benchmark models, on a configuration with room for them."""

from __future__ import annotations

import dataclasses

import numpy as np

from csb_rnn import flow
from csb_rnn.compiler import compile_network
from csb_rnn.errors import CsbError
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.models import Benchmark
from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.machine.sharing_modes import switches
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.checkpoint import CheckpointError
from csb_rnn.network.network import Network, NetworkError
from csb_rnn.program.program import CompileError, Program


class UnsupportedError(CsbError, ValueError):
    """This version cannot measure a row: the cell is not built yet, or a mode is not."""


def shared(c: Config, sharing: str | None) -> Config:
    """The configuration with exactly the paths of a sharing mode built in; itself for None."""
    if sharing is None:
        return c
    return config.from_fields({**dataclasses.asdict(c), **switches(sharing)})


def build(model: Benchmark, layers: list[dict[str, np.ndarray]], block: int) -> Network:
    """The network of pruned matrices.

    Raises:
        UnsupportedError: its cell is not built yet.
    """
    try:
        return models.network(model.cell, layers, block)
    except (CheckpointError, NetworkError) as error:
        raise UnsupportedError(f"{model.name}: {error}") from None


def fitted(
    q: QNetwork,
    name: str,
    sharing: str | None,
    streams: int = 1,
    block: int = 32,
    compiler: str = "default",
) -> tuple[Program, str]:
    """The program on a named configuration, or on the one with larger memories (``NAME_sim``) if it
    does not fit; and the name of the used one.

    Raises:
        CompileError: it fits neither.
    """

    def compiled(c: Config) -> Program:
        return compile_network(q, shared(c, sharing), streams, sharing, block, compiler)

    try:
        return compiled(config.load(name)), name
    except CompileError:
        larger = f"{name}_sim"
        if larger not in config.names(sim_only=True):
            raise
        return compiled(config.load(larger)), larger


def busy_share(p: Program) -> float:
    """Busy-PE utilisation: share of useful issue cycles of the PEGroups."""
    work = sum(int(g.ctl["work"].sum()) for g in p.groups)
    return work / (len(p.groups) * max(1, flow.issue_cycles(p)))


def pattern(model: Benchmark, align: tuple[int, int]) -> str:
    """A row's entry on its weights' pattern."""
    if model.file is not None:
        return "trained"
    return "aligned" if max(align) > 1 else "unaligned"
