# SPDX-License-Identifier: Apache-2.0
"""The configurations of each model, and its sequences there.

Every sequence starts from a zero state, as in training. On WHOLE, every held-out sequence runs (of
a large split the first ones) and the task's accuracy is computed from the RTL's outputs;
elsewhere the first SOME of them. Without a checkpoint of Z7 the weights of its package are
run, unpruned.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import errors, flow
from csb_rnn.machine.folders import BUILD, ROOT
from csb_rnn.machine.numerics import Ints, Saturations
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.program.program import CompileError

CHECKPOINTS = ROOT / "checkpoints"
OUT = BUILD / "sim"
MODELS = ("z2_gru", "z6_lstm")
CONFIGS = ("paper256", "small")
WHOLE = "paper256"
MOST = 25_000  # frames on WHOLE
WORDS = 50  # sequences of Z7, each answered by its decoder frame by frame
SOME = (20, 300)  # sequences and frames at least, where not everything runs
CALIBRATION = 50  # sequences of the validation split for the number formats


@dataclasses.dataclass
class Case:
    """One row of the table.

    Attributes:
        model: name of the checkpoint's file.
        task: a :class:`csb_rnn.experiments.tasks.Task`.
        floats, xs: inputs of each sequence ``[frames, inputs]``, and the same as integers.
        saturated: inputs that saturated.
        parts: simulations under way, of consecutive sequences.
    """

    model: str
    checkpoint: Checkpoint
    task: Any
    built: flow.Build
    floats: list[np.ndarray]
    xs: list[Ints]
    saturated: int
    parts: list[Future]

    @property
    def part(self) -> flow.Part:
        """The image: models of this table have one direction."""
        return self.built.part


def choose(xs: Sequence[np.ndarray], sim: str, waves: bool, whole: bool) -> list[np.ndarray]:
    """The sequences to run: an event-driven simulator and waves ask for few."""
    if waves or sim == "icarus":
        return list(xs[:1])
    frames = np.cumsum([len(x) for x in xs])
    if whole:
        return list(xs[: max(1, int(np.searchsorted(frames, MOST, side="right")))])
    return list(xs[: max(SOME[0], int(np.searchsorted(frames, SOME[1])) + 1)])


def prepare(
    path: Path, names: Sequence[str], sim: str, waves: bool, every: bool = False
) -> list[Case]:
    """Data, formats, programs of one model; of ``every`` model where it fits."""
    from csb_rnn.experiments import tasks

    checkpoint = read_checkpoint(path)
    task = tasks.get(str(checkpoint.csb.get("task")))
    frames = task.frames(checkpoint, "test", WORDS if task.id == "Z7" else None)
    calibrate = np.concatenate(task.frames(checkpoint, "valid", CALIBRATION))
    cases = []
    for name in names:
        try:
            built = flow.build(path, name, calibrate=calibrate)
            flow.save(built, OUT / f"{path.stem}_{name}")
        except CompileError as error:
            if path.stem in MODELS and not every:  # the default cases fit everywhere
                raise
            print(f"{path.stem} does not fit {name}: {error}")
            continue
        counts = Saturations()
        chosen = choose(frames, sim, waves, name == WHOLE)
        xs = [built.part.quantised.quantise_inputs(x, counts) for x in chosen]
        cases.append(Case(path.stem, checkpoint, task, built, chosen, xs, counts["input"], []))
    return cases


def shipped(folder: Path) -> Path:
    """Z7 as its package ships it, dense, as a checkpoint file."""
    from csb_rnn.experiments.tasks import z7_pronunciation
    from csb_rnn.network.checkpoint_files import write_checkpoint
    from csb_rnn.network.state_dict import from_state_dict

    state = z7_pronunciation.LettersToPhonemes().checkpoint_state()
    file = folder / "z7_gru.npz"
    write_checkpoint(file, from_state_dict(state, "rnn", {"task": "Z7"}))
    return file


def find(model: str | None, every: bool) -> list[Path]:
    """Checkpoint files to run.

    Args:
        model: name of a file in checkpoints/, or of a task: the files with this beginning.
        every: all of them.

    Raises:
        UsageError: there is none of this name.
    """
    files = sorted(CHECKPOINTS.glob("*.npz"))
    if not any(f.stem.startswith("z7_") for f in files) and (every or model in ("z7", "z7_gru")):
        files.append(shipped(OUT))
    if every:
        return files
    names = MODELS if model is None else (model,)
    found = [f for f in files if f.stem in names or f.stem.split("_")[0] in names]
    if not found:
        known = ", ".join([*(f.stem for f in files), "z7"])
        raise errors.UsageError(f"unknown model '{model}': known are {known}")
    return found
