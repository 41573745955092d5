# SPDX-License-Identifier: Apache-2.0
"""Gradual pruning with masks that only shrink, the way of the public tools.

A pruned weight is zero from then on (Zhu and Gupta, "To prune, or not to prune", 2017). The rate
rises with the caller's schedule, as for the other methods.
"""

from __future__ import annotations

import math

import torch

from csb_rnn.pruning.pruner import Pruner
from csb_rnn.pruning.report import kept_of

__all__ = ["GradualPruner"]


class GradualPruner(Pruner):
    """The interface of :class:`FeedbackPruner`; there is no penalty and nothing comes back."""

    every_step = True

    @torch.no_grad()
    def reset(self) -> None:
        """Start from the present weights: nothing is pruned yet."""
        self.hardened = False
        for name, parameter in self.params.items():
            self.masks[name] = torch.ones_like(parameter, dtype=torch.bool)
            self.z[name], self.u[name] = parameter.clone(), torch.zeros_like(parameter)

    def add_gradients(self) -> None:
        """Nothing: the loss is already the pruned model's."""

    def constrain(self) -> None:
        """After an optimiser step: pruned weights are zero again."""
        self._settle()

    @torch.no_grad()
    def update(self) -> float:
        """A smaller pattern of the present weights, at the present rate.

        Returns:
            The norm of the weights cut now over that of all weights.
        """
        cut = norm = 0.0
        for name, parameter in self.params.items():
            before = parameter.clone()
            self.z[name] = self._project(name, parameter)
            self.masks[name] &= self.z[name] != 0
            self.energy[name] = kept_of(name, before, self.z[name]).energy
            cut += float((before - self.z[name]).square().sum())
            norm += float(before.square().sum())
        self._settle()
        self.residual = math.sqrt(cut / norm) if norm else 0.0
        return self.residual

    @torch.no_grad()
    def harden(self) -> None:
        """The last pattern stays, at the present rate."""
        self.update()
        self.hardened = True
