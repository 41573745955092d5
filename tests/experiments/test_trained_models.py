# SPDX-License-Identifier: Apache-2.0
"""The committed checkpoints in fixed point: near to float, on real held-out data."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from csb_rnn.experiments import tasks
from csb_rnn.machine import config
from csb_rnn.models import float_model, quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.network import stacking
from csb_rnn.network.checkpoint_files import read_checkpoint

CHECKPOINTS = sorted((Path(__file__).parents[2] / "checkpoints").glob("*.npz"))
FRAMES = 1000


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda p: p.stem)
def test_fixed_is_near_float(path: Path, capsys) -> None:
    """|h| differs by at most 2^-8 at the 99.9th percentile over 1,000 frames, one after the other;
    the maximum is reported with its unit, and what the unit's c was."""
    checkpoint = read_checkpoint(path)
    task = tasks.get(str(checkpoint.csb["task"]))
    calibrate = np.concatenate(task.frames(checkpoint, "valid", 50))
    c = config.load("paper256")
    net = stacking.network_from_checkpoint(checkpoint)
    q = quantise.quantise(net, c, calibrate)
    # Sequences from a zero state, as in the task, until there are enough frames.
    errors, sequences = [], task.frames(checkpoint, "test")
    for x in sequences:
        y, _ = FixedModel(q, c).run(q.quantise_inputs(x))
        want, _ = float_model.run(net, x)
        errors.append(np.abs(q.output_float(y) - want))
        if sum(map(len, errors)) >= FRAMES:
            break
    error = np.concatenate(errors)[:FRAMES]
    frame, unit = np.unravel_index(error.argmax(), error.shape)
    ends = np.cumsum([len(e) for e in errors])
    at = int(np.searchsorted(ends, frame, side="right"))
    _, state = float_model.run(net, sequences[at][: frame - ends[at] + len(errors[at]) + 1])
    c = state.get(f"c_l{len(net.layers) - 1}")
    there = f"frame {frame}, unit {unit}"
    if c is not None and c.size == error.shape[1]:  # a projected h is of many units
        there += f", c {c.ravel()[unit]:.3f}"
    with capsys.disabled():
        print(
            f"\n{path.stem}: |h - float| at most {error.max():.2e} ({there}),"
            f" 99.9th percentile {np.quantile(error, 0.999):.2e}"
        )
    assert len(error) == FRAMES
    assert np.quantile(error, 0.999) <= 2**-8


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda p: p.stem)
def test_checkpoint_is_small(path: Path) -> None:
    """Recurrent weights of a committed checkpoint take 300 kB at most, everything 2 MB."""
    assert path.stat().st_size < 2_000_000
    with zipfile.ZipFile(path) as archive:
        sizes = {item.filename: item.compress_size for item in archive.infolist()}
    recurrent = [n for name, n in sizes.items() if name.startswith(("weight_", "bias_", "rnn."))]
    assert recurrent
    assert sum(recurrent) <= 300_000
