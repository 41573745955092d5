# SPDX-License-Identifier: Apache-2.0
"""Z1: a word language model, embedding 128, LSTM 128 -> 256 -> 256, as the paper's MT1.

The King James Bible, chapters split 18:1:1. This is the fast setting: 2000 words, two epochs.
Training carries the state through the text; in evaluation a chapter is cut in pieces of at most
320 words and each starts from the zero state, so pieces are independent items.
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from csb_rnn.experiments.tasks.base import Frames, Recipe, Score, Task
from csb_rnn.experiments.tasks.data import DataError, member
from csb_rnn.experiments.tasks.lzw import uncompress
from csb_rnn.network.checkpoint import Checkpoint

VOCABULARY = 2000
EMBEDDING = 128
HIDDEN = 256
UNKNOWN, START = 0, 1
STEPS = 35  # words of a training batch
PIECE = 320  # words of an item in evaluation
_DATA_AT = 0x170  # where the text starts in bible.data, after a table of places in it
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[.,;:?!()]")


@functools.cache
def chapters() -> dict[str, list[np.ndarray]]:
    """Word numbers of each chapter by split; of 20 chapters the last two are valid and test."""
    stored = member("bible-kjv-text", "usr/lib/bible.data")
    verses = uncompress(stored[_DATA_AT:]).decode("ascii").splitlines()[1:]  # after the title
    text: dict[str, list[str]] = {}
    for line in verses:
        place, _, verse = line.partition(" ")
        text.setdefault(place.rpartition(":")[0], []).extend(_WORD.findall(verse.lower()))
    if len(text) != 1189:
        raise DataError(f"bible-kjv: expected 1189 chapters, found {len(text)}")
    splits: dict[str, list[list[str]]] = {"train": [], "valid": [], "test": []}
    for i, words in enumerate(text.values()):
        splits[{18: "valid", 19: "test"}.get(i % 20, "train")].append(words)
    count = collections.Counter(word for words in splits["train"] for word in words)
    ranked = sorted(count, key=lambda word: (-count[word], word))[: VOCABULARY - 2]
    number = {word: i + 2 for i, word in enumerate(ranked)}
    return {
        name: [
            np.array([START] + [number.get(word, UNKNOWN) for word in words], np.int64)
            for words in part
        ]
        for name, part in splits.items()
    }


@functools.cache
def pieces(split: str) -> list[np.ndarray]:
    """Items of a split: ``T + 1`` words each; the first T go in, the last T are to be foreseen."""
    cut = []
    for words in chapters()[split]:
        cut += [words[s : s + PIECE + 1] for s in range(0, len(words) - 1, PIECE)]
    return cut


class WordLstm(nn.Module):
    """Embedding, two LSTM layers, linear head. Dropout between them in training only."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        self.rnn = nn.LSTM(EMBEDDING, HIDDEN, 2, batch_first=True, dropout=dropout)
        self.head = nn.Linear(HIDDEN, VOCABULARY)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.state: Any = None  # carried from batch to batch in training

    def forward(self, words: Tensor, fresh: bool) -> Tensor:
        state = None if fresh or self.state is None else self.state
        outputs, state = self.rnn(self.dropout(self.embed(words)), state)
        self.state = tuple(part.detach() for part in state)
        return self.head(self.dropout(outputs))


class BibleWords(Task):
    """Perplexity of the next word, unknown words counted as one word."""

    id = "Z1"
    title = "word language model, LSTM 128->256->256"
    stands_for = "MT1"
    source = "King James Bible in Debian bible-kjv 4.38"
    licence = "public domain (text), GPL-2+ (program)"
    metric = "perplexity"
    higher_is_better = False
    epochs = 2
    lr = 4e-3
    batch = 64
    recipe = Recipe(
        admm_epochs=2,
        retrain_epochs=2,
        lr=2e-3,
        retrain_lr=3e-3,
        rho=0.1,
        distil=0.0,
        clip=0.5,
        updates_per_epoch=8,
    )

    def sizes(self) -> dict[str, int]:
        return {name: len(pieces(name)) for name in ("train", "valid", "test")}

    def steps(self) -> int:
        total = sum(len(words) for words in chapters()["train"])
        return int(self.share * ((total // self.batch - 1) // STEPS))

    def model(self) -> nn.Module:
        return WordLstm()

    def batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, bool, Tensor]]:
        parts = chapters()["train"]
        order = torch.randperm(len(parts), generator=generator).tolist()
        text = torch.from_numpy(np.concatenate([parts[i] for i in order]))
        columns = text[: len(text) // self.batch * self.batch].reshape(self.batch, -1)
        for step in range(self.steps()):
            at = step * STEPS
            yield columns[:, at : at + STEPS], step == 0, columns[:, at + 1 : at + STEPS + 1]

    def logits(self, model: nn.Module, batch: tuple[Tensor, bool, Tensor]) -> Tensor:
        return model(batch[0], batch[1])

    def frames(
        self, checkpoint: Checkpoint, split: str = "test", limit: int | None = None
    ) -> Frames:
        table = self.extra(checkpoint, "embed.weight").astype(np.float32)
        return [table[words[:-1]] for words in pieces(self.check_split(split))[:limit]]

    def score(
        self, checkpoint: Checkpoint, outputs: Sequence[np.ndarray], split: str = "test"
    ) -> Score:
        items = pieces(self.check_split(split))
        self.check_outputs(checkpoint, outputs, [len(words) - 1 for words in items])
        weight, bias = self.extra(checkpoint, "head.weight"), self.extra(checkpoint, "head.bias")
        loss, count = 0.0, 0
        for words, output in zip(items, outputs, strict=False):
            scores = np.asarray(output, np.float32) @ weight.T + bias
            scores = scores - scores.max(1, keepdims=True)
            surprise = np.log(np.exp(scores).sum(1)) - scores[np.arange(len(scores)), words[1:]]
            loss += float(surprise.sum(dtype=np.float64))
            count += len(scores)
        return Score(self.metric, float(np.exp(loss / count)), count)


class BibleWordsLong(BibleWords):
    """The same model, trained six times as long: 18 dense epochs in place of 3.

    Forward and backward passes are in bfloat16, weights and optimiser in float32: 57 % of the time.
    Results are of float32.
    """

    id = "Z1L"
    title = "word language model of Z1, trained six times as long"
    epochs = 6

    def logits(self, model: nn.Module, batch: tuple[Tensor, bool, Tensor]) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return super().logits(model, batch).float()
