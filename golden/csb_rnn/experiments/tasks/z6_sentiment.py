# SPDX-License-Identifier: Apache-2.0
"""Z6: sentiment of movie-review sentences by an LSTM 50 -> 256, in the place of the paper's SC2.

Words are looked up in an embedding of 50, the mean of the LSTM's outputs goes through a linear
head. A sentence is positive when its mean human rating is above zero.
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from csb_rnn.experiments.tasks.base import Frames, Recipe, Score, Task, cut, linear_head
from csb_rnn.experiments.tasks.data import member
from csb_rnn.network.checkpoint import Checkpoint

UNKNOWN = 0
EMBEDDING = 50
HIDDEN = 256
VOCABULARY = 8000
_WORD = re.compile(r"[a-z0-9]+|[!?']")


@functools.cache
def sentences() -> tuple[dict[str, tuple[list[np.ndarray], np.ndarray]], int]:
    """Per split: word numbers (int64 ``[T]``) and labels; and the vocabulary's size.

    8605 / 1000 / 1000 sentences, shuffled once with a fixed seed. The vocabulary is the most
    frequent words of the training split, ties in alphabetical order; 0 is any other word.
    """
    blob = member(
        "vaderSentiment",
        "additional_resources/hutto_ICWSM_2014.tar.gz",
        "movieReviewSnippets_GroundTruth.txt",
    )
    rows = [
        line.split("\t") for line in blob.decode("utf-8", "replace").splitlines() if line.strip()
    ]
    words = [_WORD.findall(row[2].lower()) or ["?"] for row in rows]
    labels = np.array([float(row[1]) > 0 for row in rows], np.int64)
    order = np.random.default_rng(0).permutation(len(rows))
    splits = {"test": order[:1000], "valid": order[1000:2000], "train": order[2000:]}
    count = collections.Counter(word for i in splits["train"] for word in words[i])
    ranked = sorted(count, key=lambda word: (-count[word], word))
    number = {
        word: i + 1 for i, word in enumerate(w for w in ranked[: VOCABULARY - 1] if count[w] > 1)
    }
    coded = [np.array([number.get(word, UNKNOWN) for word in line], np.int64) for line in words]
    return {
        name: ([coded[i] for i in index], labels[index]) for name, index in splits.items()
    }, len(number) + 1


class SentenceLstm(nn.Module):
    """Embedding, LSTM, linear head on the mean output; words and features drop in training only."""

    def __init__(self, vocabulary: int, dropout: float = 0.5, word_dropout: float = 0.25) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, EMBEDDING)
        self.rnn = nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 2)
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = word_dropout
        nn.init.normal_(self.embed.weight, std=0.1)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        if self.training:
            dropped = torch.rand(words.shape) < self.word_dropout
            words = words.masked_fill(dropped, UNKNOWN)
        x = self.dropout(self.embed(words))
        # Not packed: frames behind a sentence's end change nothing before it, and torch's fused
        # kernel, twice as fast, takes padded batches only.
        inside = torch.arange(words.shape[1])[None, :, None] < lengths[:, None, None]
        outputs = self.rnn(x)[0].masked_fill(~inside, 0)
        return self.head(self.dropout(outputs.sum(1) / lengths[:, None]))


class Sentences(Task):
    """Two classes, 1000 held-out sentences."""

    id = "Z6"
    title = "sentiment of sentences, LSTM 50->256"
    stands_for = "SC2"
    source = (
        "movie-review sentences with human ratings (Hutto and Gilbert 2014) in vaderSentiment 3.3.2"
    )
    licence = "MIT"
    metric = "accuracy"
    epochs = 6
    lr = 3e-3
    batch = 32
    recipe = Recipe(
        admm_epochs=4, retrain_epochs=3, lr=1.5e-3, retrain_lr=1.5e-3, rho=0.3, input_factor=2.0
    )

    def sizes(self) -> dict[str, int]:
        return {name: len(labels) for name, (_, labels) in sentences()[0].items()}

    def model(self) -> nn.Module:
        return SentenceLstm(sentences()[1])

    def batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        words, labels = sentences()[0]["train"]
        order = torch.randperm(len(words), generator=generator).tolist()
        # Neighbours in length share a batch: sort inside pools of 16 batches, then shuffle batches.
        groups: list[list[int]] = []
        for part in cut(order, self.batch * 16):
            groups += cut(sorted(part, key=lambda i: len(words[i])), self.batch)
        for pick in torch.randperm(len(groups), generator=generator).tolist():
            chosen = groups[pick]
            pieces = [torch.from_numpy(words[i]) for i in chosen]
            lengths = torch.tensor([len(p) for p in pieces])
            yield pad_sequence(pieces, batch_first=True), lengths, torch.from_numpy(labels[chosen])

    def logits(self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return model(batch[0], batch[1])

    def frames(
        self, checkpoint: Checkpoint, split: str = "test", limit: int | None = None
    ) -> Frames:
        table = self.extra(checkpoint, "embed.weight").astype(np.float32)
        return [table[line] for line in sentences()[0][self.check_split(split)][0][:limit]]

    def score(
        self, checkpoint: Checkpoint, outputs: Sequence[np.ndarray], split: str = "test"
    ) -> Score:
        words, labels = sentences()[0][self.check_split(split)]
        self.check_outputs(checkpoint, outputs, [len(x) for x in words])
        mean = np.stack([np.asarray(output, np.float32).mean(0) for output in outputs])
        guess = linear_head(self, checkpoint, mean).argmax(1)
        hits = int((guess == labels[: len(guess)]).sum())
        return Score(self.metric, 100 * hits / len(guess), len(guess))
