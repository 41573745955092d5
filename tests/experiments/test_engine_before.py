# SPDX-License-Identifier: Apache-2.0
"""A row of the engine's page that is 1 % worse than before shared columns has a reason."""

import dataclasses

from csb_rnn.experiments.bench import before
from csb_rnn.experiments.bench.results import read


def test_what_is_worse_has_a_reason() -> None:
    found = before.pairs(read())
    assert len(found) > 600
    assert [p.row for p in found if p.worse and p.row not in before.REASONS] == []


def test_a_slower_frame_and_layer_show() -> None:
    results = read()
    frame = next(r for r in results.frames if r["model"] == "MT1" and r["config"] == "paper512")
    layer = next(r for r in results.layers if r["sharing"] == "both")
    frames = [r | {"cycles_per_frame": 149.0} if r is frame else r for r in results.frames]
    layers = [r | {"mac_efficiency": 0.9} if r is layer else r for r in results.layers]
    worse = dataclasses.replace(results, frames=frames, layers=layers)
    rows = [p.row for p in before.pairs(worse) if p.worse]
    assert ("MT1", "paper512", 1) in rows
    assert (layer["model"], layer["layer"]) in [row[:2] for row in rows]
    assert "| MT1 | paper512 | 1 | 147.0 | 149.0 | unknown |" in before.table(worse).markdown()
