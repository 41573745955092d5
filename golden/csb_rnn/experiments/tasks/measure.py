# SPDX-License-Identifier: Apache-2.0
"""Figures of a pruned model beyond training: its result in 16-bit fixed point, its engine
cycles."""

from __future__ import annotations

from typing import Any

import numpy as np

from csb_rnn import flow
from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing
from csb_rnn.experiments.tasks.base import Frames, Score, Task, longest_first
from csb_rnn.machine import config, image
from csb_rnn.machine.config import Config
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.models.quantise import quantise
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.stacking import network_from_checkpoint
from csb_rnn.program import assemble

__all__ = ["engine_cost", "fixed_outputs", "fixed_score", "quantised"]

CONFIG = "paper256"
CALIBRATION = 50  # sequences of the validation split for the formats, as in make sim
BATCH = 250


def quantised(task: Task, checkpoint: Checkpoint, c: Config) -> QNetwork:
    """The recurrent layers in integers of a configuration, formats from validation frames."""
    calibrate = np.concatenate(task.frames(checkpoint, "valid", CALIBRATION))
    return quantise(network_from_checkpoint(checkpoint), c, calibrate)


def fixed_outputs(network: QNetwork, frames: Frames, c: Config) -> Frames:
    """Outputs of the golden fixed-point model, float32 ``[T, hidden]`` for each sequence.

    Sequences of a batch run side by side as streams, padded with zeros behind their ends.
    """
    model = FixedModel(network, c)
    outputs: Frames = [np.empty(0)] * len(frames)
    for chosen in longest_first(frames, BATCH):
        longest = len(frames[chosen[0]])
        x = np.zeros((len(chosen), longest, network.inputs), np.int64)
        for row, i in enumerate(chosen):
            x[row, : len(frames[i])] = network.quantise_inputs(frames[i])
        y = network.output_float(model.run(x)[0])
        for row, i in enumerate(chosen):
            outputs[i] = y[row, : len(frames[i])]
    return outputs


def fixed_score(
    task: Task,
    checkpoint: Checkpoint,
    split: str = "test",
    limit: int | None = None,
    c: Config | None = None,
) -> Score:
    """A task's result with the recurrent layers in fixed point, head and tables in float.

    Numbers have the widths of a configuration, by default 16 bits.

    Raises:
        NetworkError, QuantError: the network or its numbers are not the machine's.
    """
    frames = task.frames(checkpoint, split, limit)
    c = config.load(CONFIG) if c is None else c
    outputs = fixed_outputs(quantised(task, checkpoint, c), frames, c)
    return task.score(checkpoint, outputs, split)


def engine_cost(task: Task, checkpoint: Checkpoint, name: str = CONFIG) -> dict[str, Any]:
    """The costs of the compiled model on a configuration; nothing is simulated, the models are
    exact.

    Returns:
        ``cycles`` a frame, ``issue`` cycles with and ``issue_unshared`` without horizontal
        sharing, ``slots`` (weights in the weight buffers, padding included) and
        ``image_bits`` of the PEGroups' programs: weights, addresses and control.
    """
    c = config.load(name)
    q = quantised(task, checkpoint, c)
    p = compile_network(q, c)
    unshared = compile_network(q, c, sharing="none")
    times = timing.predict(p, flow.PREDICTED_FRAMES)
    width = image.memories(c)[image.Target.PEGROUP][0]
    words = sum(len(s.words) for s in assemble.sections(p) if s.target == image.Target.PEGROUP)
    return {
        "config": name,
        "kept": q.kept_weights,
        "cycles": round(timing.interval(times.last_out), 2),
        "issue": flow.issue_cycles(p),
        "issue_unshared": flow.issue_cycles(unshared),
        "slots": sum(len(g) for g in p.groups) * c.P * c.Q,
        "image_bits": words * width,
    }
