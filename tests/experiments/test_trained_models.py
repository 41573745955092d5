# SPDX-License-Identifier: Apache-2.0
"""The committed checkpoints in fixed point: near to float, on real held-out data."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from csb_rnn.experiments import tasks
from csb_rnn.experiments.trained import simulation, table
from csb_rnn.machine import config
from csb_rnn.models import float_model, quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.network import stacking
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.verify import loss

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


def test_sequences_run_together_and_none_beyond_its_end(monkeypatch) -> None:
    """Side by side the frames of 7 sequences are those of each alone; no frame is made up."""
    monkeypatch.setattr(simulation, "BATCH", 3)
    rng, seen = np.random.default_rng(0), 0
    xs = [rng.integers(-9, 9, (n, 2)) for n in (4, 1, 3, 3, 7, 1, 2)]

    def run(x, state):
        nonlocal seen
        seen += x.shape[0] * x.shape[1]
        start = np.zeros((len(x), 2), int) if state is None else state["h"]
        y = start[:, None] + np.cumsum(x, 1)
        return y, {"h": y[:, -1]}

    found = simulation.together(xs, run)
    assert all((y == np.cumsum(x, 0)).all() for x, y in zip(xs, found, strict=True))
    assert seen == sum(map(len, xs))


def test_the_table_of_make_sim_says_what_is_lost(capsys) -> None:
    """Differences from float and saturations by place stand below it, a warning on its own."""
    places = dict.fromkeys(loss.PLACES, 0) | {"inputs": 2, "sums": 5}
    accuracy = {"reference": "torch", "largest": 0.5, "percentile": 0.25, "largest_output": 1.0}
    text = dict.fromkeys(("model", "config", "task_metric"), "m")
    names = ("frames", "mismatches", "state_mismatches", "cycles_per_frame", "kept_weights",
             "cycles_per_frame_predicted", "cycle_mismatches", "mac_efficiency", "task_items",
             "frame_efficiency", "cycles_per_second", "task_value", "task_value_float")  # fmt: skip
    row = {**text, **dict.fromkeys(names, 1), "sim": "icarus", "saturated": places,
           "accuracy": accuracy, "warning": "warning: 2 inputs saturated"}  # fmt: skip
    table.show([row])
    shown = capsys.readouterr()
    assert "difference at most 0.5, 99.9th percentile 0.25, of outputs to 1" in shown.out
    assert "saturated: inputs 2, sums 5" in " ".join(shown.out.split())
    assert shown.err == "m on m: warning: 2 inputs saturated\n"
    kept = table.kept(row)
    assert (kept["difference"], kept["difference_999"], kept["saturated"]) == (0.5, 0.25, 2)
