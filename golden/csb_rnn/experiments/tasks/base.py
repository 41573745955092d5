# SPDX-License-Identifier: Apache-2.0
"""The definition of a task: real data, a model around recurrent layers, and a judgement of its
outputs.

A task's model has its recurrent layers under ``rnn``; whatever stands before and after them
(``norm``, ``embed``, ``head``) travels in the checkpoint's extras, so

* :meth:`Task.frames` gives the inputs of the recurrent layers, and
* :meth:`Task.score` judges their outputs, whoever computed them: torch, the fixed-point model or
  the hardware.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from csb_rnn.errors import CsbError
from csb_rnn.network.checkpoint import Checkpoint, CheckpointError

__all__ = [
    "Frames",
    "Recipe",
    "Score",
    "Task",
    "TaskError",
    "float_outputs",
    "linear_head",
    "recurrent_module",
]

Frames = list[np.ndarray]
"""Sequences, each float32 ``[T, width]``."""

SPLITS = ("train", "valid", "test")


class TaskError(CsbError, ValueError):
    """An unknown task, or outputs of another task; one line for the user."""


class Score(NamedTuple):
    """A task's result. ``value`` is a percentage for accuracies and error rates."""

    metric: str
    value: float
    items: int  # items judged: sequences, tokens, ...

    def __str__(self) -> str:
        percent = (
            " %" if self.metric in ("accuracy", "phoneme error rate", "phone error rate") else ""
        )
        return f"{self.metric} {self.value:.2f}{percent} ({self.items} items)"


@dataclass(frozen=True)
class Recipe:
    """Epochs and rates of the phases. ``lr`` values are peaks of a one-cycle schedule."""

    admm_epochs: int = 8
    retrain_epochs: int = 6
    lr: float = 3e-3
    retrain_lr: float = 3e-3
    rho: float = 0.1  # penalty weight at the end of ADMM
    distil: float = 0.5  # share of the distance from the dense model's outputs in the loss
    input_factor: float = 1.0  # the first input matrix is pruned this much less than the whole
    updates_per_epoch: int = 2  # Z, U updates; the paper has one
    reorder: bool = False  # CSB: look for row and column orders, at the start and on the way
    clip: float = 1.0
    method: str = "admm"  # or "feedback", see csb_rnn.pruning.feedback
    leak: float = 0.0  # share of the left-out weights forgotten by feedback at every update
    by_gate: bool = False  # every gate is pruned at the rate by itself
    sensitive: bool = False  # weights are ranked by their rows' and columns' weight in the loss
    weight_bits: int = 0  # of the weights that the model computes with in training; 0: whole ones

    @property
    def epochs(self) -> int:
        """Epochs after the dense training: a fair dense comparison has them as well."""
        return self.admm_epochs + self.retrain_epochs

    def describe(self) -> dict[str, Any]:
        found = asdict(self)
        return found if self.weight_bits else {k: found[k] for k in found if k != "weight_bits"}


class Task(ABC):
    """One task. Subclasses say where the data is from and how a result is judged."""

    id: str
    title: str
    stands_for: str  # benchmark of the paper
    source: str
    licence: str
    metric: str
    higher_is_better: bool = True
    epochs: int = 6
    lr: float = 3e-3
    batch: int = 32
    share: float = 1.0  # used share of an epoch's batches; only long tasks look at it
    recipe: Recipe = Recipe()

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Number of items in each split."""

    def steps(self) -> int:
        """Batches of one training epoch."""
        return -(-self.sizes()["train"] // self.batch)

    @abstractmethod
    def model(self) -> nn.Module:
        """A fresh model (seed torch before); its recurrent layers are ``.rnn``."""

    @abstractmethod
    def batches(self, generator: torch.Generator) -> Iterator[Any]:
        """One epoch of training batches."""

    @abstractmethod
    def logits(self, model: nn.Module, batch: Any) -> Tensor:
        """The model's raw outputs for one batch, ``[..., classes]`` for a classifier."""

    def loss(self, logits: Tensor, batch: Any) -> Tensor:
        """Mean loss of one batch; its targets are its last part."""
        return nn.functional.cross_entropy(logits.flatten(0, -2), batch[-1].flatten())

    def distillation(self, logits: Tensor, teacher: Tensor) -> Tensor | None:
        """Distance from a teacher's outputs, in the loss's units; None where it has no meaning."""
        heat = 2.0
        student = nn.functional.log_softmax(logits.flatten(0, -2) / heat, -1)
        wanted = nn.functional.softmax(teacher.flatten(0, -2) / heat, -1)
        return nn.functional.kl_div(student, wanted, reduction="batchmean") * heat * heat

    @abstractmethod
    def frames(
        self, checkpoint: Checkpoint, split: str = "test", limit: int | None = None
    ) -> Frames:
        """The inputs of the recurrent layers, for the first ``limit`` items of a split."""

    @abstractmethod
    def score(
        self, checkpoint: Checkpoint, outputs: Sequence[np.ndarray], split: str = "test"
    ) -> Score:
        """Result from recurrent outputs ``[T, hidden]`` for the first items of a split."""

    def evaluate(
        self, checkpoint: Checkpoint, split: str = "test", limit: int | None = None
    ) -> Score:
        """Float result of a checkpoint: torch runs the recurrent layers."""
        return self.score(
            checkpoint, float_outputs(checkpoint, self.frames(checkpoint, split, limit)), split
        )

    def check_split(self, split: str) -> str:
        if split not in SPLITS:
            raise TaskError(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
        return split

    def check_outputs(
        self, checkpoint: Checkpoint, outputs: Sequence[np.ndarray], frames: Sequence[int]
    ) -> None:
        """Outputs must be as many, as long and as wide as the split's first items."""
        width = checkpoint.layers[-1].outputs
        if not 0 < len(outputs) <= len(frames):
            raise TaskError(
                f"{self.id}: expected 1 to {len(frames)} output sequences, got {len(outputs)}"
            )
        for index, (output, length) in enumerate(zip(outputs, frames, strict=False)):
            if np.shape(output) != (length, width):
                raise TaskError(
                    f"{self.id}: sequence {index}: expected outputs of shape {(length, width)},"
                    f" got {np.shape(output)}"
                )

    def extra(self, checkpoint: Checkpoint, key: str) -> np.ndarray:
        """A table inside the checkpoint."""
        if key not in checkpoint.extras:
            raise CheckpointError(f"{key}: missing; expected in a checkpoint of task {self.id}")
        return checkpoint.extras[key]


def recurrent_module(checkpoint: Checkpoint) -> nn.Module:
    """The checkpoint's layers as torch.nn.LSTM, GRU or RNN (``batch_first``), of one width."""
    first = checkpoint.layers[0]
    kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN, "rnn_relu": nn.RNN}
    if checkpoint.cell not in kinds:
        raise CheckpointError(f"cell {checkpoint.cell}: has no module in torch")
    options: dict[str, Any] = {"proj_size": first.proj} if first.proj else {}
    if checkpoint.cell == "rnn_relu":
        options["nonlinearity"] = "relu"
    module = kinds[checkpoint.cell](
        first.inputs,
        first.hidden,
        len(checkpoint.layers),
        bias=first.bias,
        bidirectional=first.bidirectional,
        batch_first=True,
        **options,
    )
    state = {name: torch.from_numpy(np.array(value)) for name, value in checkpoint.tensors.items()}
    try:
        module.load_state_dict(state)
    except RuntimeError:
        raise CheckpointError("layers of different widths: torch has no module for them") from None
    return module.eval()


def cut(order: Sequence[Any] | np.ndarray, size: int) -> Iterator[Any]:
    """``order`` in pieces of so many, the last one of the rest. Example: 5 by 2 is 2, 2, 1."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def longest_first(frames: Frames, size: int) -> Iterator[list[int]]:
    """Indices of sequences in batches, those of like length together."""
    return cut(sorted(range(len(frames)), key=lambda i: -len(frames[i])), size)


@torch.no_grad()
def float_outputs(checkpoint: Checkpoint, frames: Frames, batch: int = 64) -> Frames:
    """Outputs of the recurrent layers in float32, ``[T, hidden]`` for each sequence."""
    if checkpoint.cell == "ligru":
        from csb_rnn.experiments.tasks.ligru import LiGru

        network: nn.Module = LiGru.from_checkpoint(checkpoint)
    else:
        network = recurrent_module(checkpoint)
    outputs: Frames = [np.empty(0)] * len(frames)
    for chosen in longest_first(frames, batch):
        lengths = [len(frames[i]) for i in chosen]
        padded = pad_sequence([torch.from_numpy(frames[i]) for i in chosen], batch_first=True)
        if checkpoint.cell == "ligru":
            result = network(padded)[0]
        else:
            packed = pack_padded_sequence(padded, lengths, batch_first=True)
            result = pad_packed_sequence(network(packed)[0], batch_first=True)[0]
        for row, i in enumerate(chosen):
            outputs[i] = result[row, : lengths[row]].numpy()
    return outputs


def linear_head(task: Task, checkpoint: Checkpoint, features: np.ndarray) -> np.ndarray:
    """Scores ``[N, classes]`` of features ``[N, hidden]`` by the checkpoint's linear head."""
    weight = task.extra(checkpoint, "head.weight")
    bias = task.extra(checkpoint, "head.bias")
    return np.asarray(features, np.float32) @ weight.T + bias
