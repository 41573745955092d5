# SPDX-License-Identifier: Apache-2.0
"""Rows of a layer: its program counted, or the published machine analysed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csb_rnn import flow
from csb_rnn.compiler import reference
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.models import Benchmark
from csb_rnn.experiments.bench.programs import build, busy_share, fitted, pattern
from csb_rnn.machine import config
from csb_rnn.machine.sharing_modes import PAPER_MODES
from csb_rnn.models import quantise

CONFIG = "paper256"
PAPER = "paper"  # in place of a compiler: the published machine and its compiler, analysed


def layer_rows(
    model: Benchmark,
    n: int,
    block: int,
    align: tuple[int, int],
    sharings: Sequence[str] = PAPER_MODES,
    rate: float | None = None,
    compiler: str = "default",
) -> list[dict[str, Any]]:
    """MAC efficiency of layer ``n``, its matrices back to back, on ``paper256``: rows of
    ``efficiency.json`` with ``busy_pe_utilisation`` beside.

    Args:
        compiler: one of :data:`csb_rnn.compiler.COMPILERS`.

    Raises:
        UnsupportedError: the cell is not built yet.
    """
    layer = models.tensors(model, n, block, align, rate)
    kept = models.kept([layer])
    q = quantise.quantise(build(model, [layer], block), config.load(CONFIG))
    rows = []
    for sharing in sharings:
        p, used = fitted(q, CONFIG, sharing, block=block, compiler=compiler)
        cycles = flow.issue_cycles(p)
        row = {
            "model": model.name,
            "layer": n,
            "block": block,
            "rate": rate or model.rate(block),
            "pattern": pattern(model, align),
            "sharing": sharing,
            "compiler": compiler,
            "config": used,
            "kept_weights": kept,
            "pes": p.config.pes,
            "cycles": cycles,
            "bound_cycles": int(p.bound_words),
            "mac_efficiency": kept / (p.config.pes * cycles),
            "source": "timing",
            "busy_pe_utilisation": busy_share(p),
        }
        rows.append(row)
    return rows


def paper_rows(
    model: Benchmark,
    n: int,
    block: int,
    align: tuple[int, int],
    sharings: Sequence[str],
    samples: int | None,
    seconds: float,
) -> list[dict[str, Any]]:
    """Rows of ``efficiency.json`` for the published machine and its compiler, analysed; cycles and
    weights are those of the sampled block iterations where not all are solved.

    Args:
        samples, seconds: see :func:`csb_rnn.compiler.reference.search`.
    """
    c = config.load(CONFIG)
    layer = models.tensors(model, n, block, align)
    matrices = [w for name, w in layer.items() if name.startswith("weight")]
    rows = []
    for sharing in sharings:
        r = reference.search(matrices, block, c, sharing, seconds, samples, models.SEED)
        row = {
            "model": model.name,
            "layer": n,
            "block": block,
            "rate": model.rate(block),
            "pattern": pattern(model, align),
            "sharing": sharing,
            "compiler": PAPER,
            "config": CONFIG,
            "kept_weights": r.kept,
            "pes": c.pes,
            "cycles": r.cycles,
            "bound_cycles": r.bound_cycles,
            "mac_efficiency": r.mac_efficiency(c),
            "source": "timing",
            "busy_pe_utilisation": r.busy,
            "sets": r.sets,
            "of": r.of,
            "timeouts": r.timeouts,
            "seconds_each": seconds,
        }
        rows.append(row)
    return rows
