# SPDX-License-Identifier: Apache-2.0
"""Weights of few bits in training: the model computes with rounded weights, steps move whole ones.

The gradient at the rounded weights is taken for that of the whole ones (straight through). Any
module serves, for the numbers of its parameters are exchanged, before the forward pass and after
the backward pass::

    bits = StraightThrough(pruner.params, 8)
    bits.show()
    loss(model, batch).backward()
    bits.restore()
    optimizer.step()

Each gate's rows of a matrix have one power of two as their step, as on the machine. Example:
weights up to 1.7 in 8 bits are multiples of 1/64.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from csb_rnn.pruning.matrices import PruningError, gates_of

__all__ = ["StraightThrough", "rounded"]


def rounded(w: Tensor, bits: int, gates: int = 1) -> Tensor:
    """A matrix ``[H, W]`` in so many bits, sign included, a step for the rows of each gate."""
    parts = []
    for part in w.detach().chunk(gates):
        most = float(part.abs().max()) if part.numel() else 0.0
        if most == 0:
            parts.append(part.clone())
            continue
        exponent = torch.frexp(torch.tensor(most)).exponent - (bits - 1)  # most < 2**exponent
        step = 2.0 ** float(exponent)
        limit = 2 ** (bits - 1) - 1
        parts.append((part / step).round().clamp(-limit - 1, limit) * step)
    return torch.cat(parts)


class StraightThrough:
    """Rounded numbers for some parameters of a model, while it computes.

    Args:
        params: matrices by name, those of a pruner for example.
        bits: of a weight, 2 to 16.

    Raises:
        PruningError: another number of bits.
    """

    def __init__(self, params: Mapping[str, nn.Parameter], bits: int) -> None:
        if not 2 <= bits <= 16:
            raise PruningError(f"weights have 2 to 16 bits, not {bits}")
        self.params, self.bits = dict(params), bits
        self.gates = gates_of(self.params)
        self.whole: dict[str, Tensor] = {}

    @torch.no_grad()
    def show(self) -> None:
        """Round the model's weights; call it before the forward pass."""
        if self.whole:
            return
        for name, parameter in self.params.items():
            self.whole[name] = parameter.detach().clone()
            parameter.copy_(rounded(parameter, self.bits, self.gates.get(name, 1)))

    @torch.no_grad()
    def restore(self) -> None:
        """Whole weights again; call it before the step of the optimiser."""
        for name, value in self.whole.items():
            self.params[name].copy_(value)
        self.whole = {}
