# SPDX-License-Identifier: Apache-2.0
"""Answers of the firmware beside those of the fixed model, and what the driver adds to a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from csb_rnn import commands
from csb_rnn.execution import timing
from csb_rnn.experiments.soc import simulation
from csb_rnn.experiments.soc.firmware import Head
from csb_rnn.flow.record import Build
from csb_rnn.machine.numerics import Ints
from csb_rnn.models.fixed_model import FixedModel


def checksum(y: Ints) -> int:
    """FNV-1a over 16-bit values, as ``examples/soc/firmware/main.c`` has it."""
    value = 2166136261
    for word in (np.asarray(y).ravel() & 0xFFFF).tolist():
        value = (value ^ word) * 16777619 & 0xFFFFFFFF
    return value


def expected(build: Build, frames: Sequence[Ints], head: Head) -> list[tuple[int, int]]:
    """Class and checksum of each sequence, by the fixed model."""
    out = []
    for x in frames:
        y, _ = FixedModel(build.part.quantised, build.config).run(x)
        out.append((head.best(y[-1]), checksum(y)))
    return out


def rows_of(
    answers: Sequence[simulation.Answer],
    loads: dict[str, int],
    want: Sequence[tuple[int, int]],
    build: Build,
    frames: Sequence[Ints],
    model: str,
) -> list[dict[str, Any]]:
    """A row for each way to move frames.

    ``overhead`` is what the driver adds to the accelerator's own cycles of a frame, in cycles a
    ``unit``: a 32-bit word by registers, a beat by DMA.
    """
    p, c = build.part.compiled(), build.config
    interval = timing.interval(timing.predict(p, 240).last_out)
    beats, found = p.in_beats + p.out_beats, []
    for how, unit, count in (
        ("registers", "32-bit word", beats * c.stream_w // 32),
        ("dma", "beat", beats),
    ):
        mine = [x for x in answers if x.how == how]
        total = sum(len(frames[x.sequence]) for x in mine)
        mean = sum(x.cycles * len(frames[x.sequence]) for x in mine) / max(total, 1)
        wrong = sum((x.label, x.checksum) != want[x.sequence] for x in mine)
        found.append({
            "model": model, "config": c.name, "how": how, "unit": unit,
            "units_a_frame": count, "sequences": len(mine), "frames": total,
            "different": wrong + len(want) - len(mine), "cycles_a_frame": round(mean, 2),
            "interval": interval, "overhead": round((mean - interval) / count, 3),
            "image_words": len(build.part.data) // 4,
            "load_cycles": loads.get(how),
        })  # fmt: skip
    return found


def report(
    answers: Sequence[simulation.Answer],
    want: Sequence[tuple[int, int]],
    frames: Sequence[Ints],
    rows: Sequence[dict[str, Any]],
) -> int:
    """Print a line for each answer and each way; 1 if an answer is not the fixed model's."""
    for x in answers:
        equal = (x.label, x.checksum) == want[x.sequence]
        print(
            f"{x.how:9} sequence {x.sequence}: class {x.label}, {len(frames[x.sequence])} frames, "
            f"{x.cycles} cycles a frame, {'equal' if equal else 'DIFFERENT'}"
        )
    for r in rows:
        print(
            f"image of {r['image_words']} words loaded by {r['how']} in {r['load_cycles']} cycles"
        )
    for r in rows:
        print(
            f"{r['how']}: {r['cycles_a_frame']:.0f} cycles a frame, {r['interval']:g} of them the "
            f"accelerator's: {r['overhead']:.2f} a {r['unit']}"
        )
    wrong = sum(r["different"] for r in rows)
    print("all equal" if not wrong else f"{wrong} answers differ from the fixed model")
    return commands.MISMATCH if wrong else commands.OK
