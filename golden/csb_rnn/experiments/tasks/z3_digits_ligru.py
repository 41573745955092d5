# SPDX-License-Identifier: Apache-2.0
"""Z3: spoken digits by a Li-GRU 39 -> 256, in the place of the paper's SR3. Data as in Z2."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from csb_rnn.experiments.tasks.base import Recipe
from csb_rnn.experiments.tasks.ligru import LiGru
from csb_rnn.experiments.tasks.z2_digits import CLASSES, INPUTS, Digits, Normalise, statistics


class DigitLiGru(nn.Module):
    """Normalise, Li-GRU, linear head on the last output. Noise and dropout in training only."""

    cell = "ligru"

    def __init__(self, hidden: int = 256, noise: float = 0.3, dropout: float = 0.3) -> None:
        super().__init__()
        self.norm = Normalise(*statistics())
        self.rnn = LiGru(INPUTS, hidden)
        self.head = nn.Linear(hidden, CLASSES)
        self.noise = noise
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.norm(x)
        if self.training:
            x = x + self.noise * torch.randn_like(x)
        outputs, _ = self.rnn(x, lengths)
        return self.head(self.dropout(outputs[torch.arange(len(lengths)), lengths - 1]))

    def checkpoint_state(self) -> dict[str, Tensor]:
        """State dict as it goes into a checkpoint: batch norm folded."""
        own = {k: v for k, v in self.state_dict().items() if not k.startswith("rnn.")}
        return own | {f"rnn.{k}": v for k, v in self.rnn.folded_state().items()}


class DigitsLiGru(Digits):
    """As Z2, with another cell."""

    id = "Z3"
    title = "spoken digits, Li-GRU 39->256"
    stands_for = "SR3"
    epochs = 10
    lr = 2e-3
    recipe = Recipe(
        admm_epochs=10, retrain_epochs=10, lr=2e-3, retrain_lr=2e-3, rho=1.0, input_factor=2.5
    )

    def model(self) -> nn.Module:
        return DigitLiGru()
