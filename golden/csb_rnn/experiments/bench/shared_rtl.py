# SPDX-License-Identifier: Apache-2.0
"""Frames of machines with shared columns on the RTL: equal to the models, or the run fails."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from csb_rnn.execution import timing
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.models import MODELS
from csb_rnn.experiments.bench.on_rtl import on_rtl
from csb_rnn.experiments.bench.programs import fitted
from csb_rnn.experiments.bench.shared_columns import WHOLE, class_balanced
from csb_rnn.experiments.bench.tables import Row, Table
from csb_rnn.machine import config
from csb_rnn.models import quantise

CONFIG = "paper512_cols"
FRAMES = 40


def rows() -> Iterator[Row]:
    """A row for each model: frames with every bit and every cycle equal to the models.

    Raises:
        AssertionError: one was not.
    """
    c = config.load(CONFIG)
    for m in map(MODELS.__getitem__, WHOLE):
        pruned = class_balanced(m, 32, c)
        rng = np.random.default_rng(models.SEED)
        x = rng.normal(size=(1, FRAMES, pruned.network.inputs)).clip(-4, 4)
        q = quantise.quantise(pruned.network, c, x[0])
        p, used = fitted(q, CONFIG, None, 1, 32)
        predicted = timing.predict(p, FRAMES).last_out
        report = on_rtl(p, q, q.quantise_inputs(x), predicted, None)
        yield {
            "model": m.name,
            "config": used,
            "pes": c.pes,
            "kept_weights": pruned.kept,
            "frames": report["frames"],
            "cycles": report["cycles_per_frame"],
            "frame_efficiency": report["frame_efficiency"],
        }


def table(found: list[Row]) -> Table:
    """The rows as a table."""
    lines = [
        (r["model"], f"`{r['config']}`", f"{r['kept_weights']:,}", str(r["frames"]),
         f"{r['cycles']:.1f}", f"{r['frame_efficiency']:.3f}")
        for r in found
    ]  # fmt: skip
    heads = ("model", "configuration", "kept weights", "frames", "cycles a frame",
             "frame efficiency")  # fmt: skip
    note = "Every bit and every cycle of these frames was that of the models."
    return Table("frames on the RTL, one stream, block 32", heads, lines, left=2, note=note)
