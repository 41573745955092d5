# SPDX-License-Identifier: Apache-2.0
"""Rows of ``docs/results/data/energy.json``: patterns, widths, trained networks, checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from csb_rnn import flow
from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing
from csb_rnn.experiments.bench import models, shared_columns
from csb_rnn.experiments.bench.programs import shared
from csb_rnn.experiments.bench.shared_columns import Pruned
from csb_rnn.experiments.energy import rtl
from csb_rnn.experiments.energy.cacti import NODES, Energies
from csb_rnn.experiments.energy.frame import energy
from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.models import quantise
from csb_rnn.program.program import Program

MODEL, RATE, FRAMES = "MT1", 12.5, 60
GATHER, SHARED = "paper256", "paper256_cols"
TRAINED = ("z1_lstm", "z2_gru", "z6_lstm")
CHECKED: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("z2_gru", "tiny", {}),
    ("z2_gru", "tiny_cols", {}),
    ("z2_gru", "tiny", {"share_v": 1, "deep": 1}),
)


class Case(NamedTuple):
    """One row: a pattern on a machine."""

    pattern: str
    config: str
    sharing: str = "horizontal"
    weight_w: int = 16


CASES = (
    Case("CSB class-balanced", SHARED),
    Case("CSB class-balanced", SHARED, "none"),
    Case("CSB class-balanced", SHARED, weight_w=8),
    Case("CSB class-balanced", SHARED, "none", 8),
    *(Case(p, GATHER) for p in ("CSB aligned", "CSB unaligned", "unstructured", "row/column",
                                "dense")),
    Case("CSB aligned", GATHER, "none"),
    *(Case(p, GATHER, weight_w=8) for p in ("CSB aligned", "unstructured", "dense")),
    *(Case(p, SHARED) for p in ("CSB aligned", "unstructured", "row/column", "dense")),
    *(Case(p, SHARED, weight_w=8) for p in ("unstructured", "dense")),
    *(Case("unstructured", GATHER, "none", w) for w in (16, 8)),
    *(Case("dense", SHARED, "none", w) for w in (16, 8)),
)  # fmt: skip


def pruned(pattern: str) -> Pruned:
    """MT1's synthetic weights, pruned to a pattern at 12.5 times."""
    m = models.MODELS[MODEL]
    if pattern == "CSB class-balanced":
        return shared_columns.class_balanced(m, 32, config.load(SHARED))
    if pattern == "CSB unaligned":
        layers = [models.tensors(m, n, 32, (1, 1), RATE) for n in range(len(m.layers))]
        return Pruned(models.network(m.cell, layers, 32), models.kept(layers))
    scheme = {"CSB aligned": "csb", "row/column": "rowcol"}.get(pattern, pattern)
    return shared_columns.of_scheme(m, scheme, RATE)


def roomy(c: Config) -> Config:
    """The machine with memories for each of these programs."""
    return dataclasses.replace(
        c, weight_depth=1 << 14, neuron_depth=4096, acc_depth=2048, bias_depth=2048,
        drain_depth=4096, elem_depth=4096,
    )  # fmt: skip


def parts(p: Program, c: Config, energies: Energies) -> dict[str, Any]:
    """The common figures of all rows: kept weights, cycles, nJ of every part for each node."""
    interval = timing.interval(timing.predict(p, FRAMES).last_out)
    row: dict[str, Any] = {
        "pes": c.pes,
        "words": sum(map(len, p.groups)),
        "interval": interval,
    }
    for node in NODES:
        f = energy(p, round(interval), node, energies, c)
        row["kept"] = f.kept
        row[f"nm{node}"] = {name: round(value, 2) for name, value in f.parts.items()}
    return row


def pattern_rows(energies: Energies) -> Iterator[dict[str, Any]]:
    """One row for each of :data:`CASES`."""
    networks: dict[str, Pruned] = {}
    for case in CASES:
        if case.pattern not in networks:
            networks[case.pattern] = pruned(case.pattern)
        net = networks[case.pattern]
        base = config.load(case.config, weight_w=case.weight_w)
        c = shared(base, case.sharing)
        x = np.random.default_rng(models.SEED).normal(size=(50, net.network.inputs))
        q = quantise.quantise(net.network, c, x.clip(-4, 4))
        p = compile_network(q, roomy(c), 1, case.sharing, 32)
        yield {"table": "patterns", **case._asdict(), **parts(p, c, energies)}


def trained_rows(checkpoints: Path, energies: Energies) -> Iterator[dict[str, Any]]:
    """Shipped checkpoints on both machines."""
    for name in TRAINED:
        for machine in (GATHER, SHARED):
            p = flow.build(checkpoints / f"{name}.npz", machine).part.compiled()
            found = parts(p, p.config, energies)
            yield {"table": "trained", "model": name, "config": machine, **found}


def checked_rows(checkpoints: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Programs whose counts were held against the RTL's."""
    for name, machine, keys in CHECKED:
        c = config.load(machine, **keys)
        p = flow.build(checkpoints / f"{name}.npz", c).part.compiled()
        found, compared = rtl.differences(p, folder / f"{name}_{machine}")
        yield {
            "table": "checked",
            "model": name,
            "config": machine,
            "keys": keys,
            "frames": rtl.FRAMES,
            "counts": compared,
            "different": found,
        }


def rows(checkpoints: Path, folder: Path, energies: Energies) -> Iterator[dict[str, Any]]:
    """All rows, the checks first."""
    torch.set_num_threads(1)
    yield from checked_rows(checkpoints, folder)
    yield from pattern_rows(energies)
    yield from trained_rows(checkpoints, energies)
