# SPDX-License-Identifier: Apache-2.0
"""A training loop with a pruner, as a user has it, for the tests of all pruners."""

from __future__ import annotations

from collections.abc import Iterable

import torch


def train(model, optimizer, pruner, epochs: Iterable[int], hardens: int = 3) -> None:
    """Three steps on ``[5, 2, 6]`` inputs an epoch, drawn by its number, and an update after it;
    masks are hard from the end of epoch ``hardens`` on."""
    for epoch in epochs:
        generator = torch.Generator().manual_seed(epoch)
        for _ in range(3):
            optimizer.zero_grad()
            x = torch.randn(5, 2, 6, generator=generator)
            model(x)[0].square().mean().backward()
            pruner.observe()
            pruner.add_gradients()
            optimizer.step()
            if pruner.hardened or pruner.every_step:
                pruner.constrain()
        if epoch == hardens:
            pruner.harden()
        elif not pruner.hardened:
            pruner.update()
