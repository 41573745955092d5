# SPDX-License-Identifier: Apache-2.0
"""Pruning with error feedback, for the same training loops as :class:`AdmmPruner`.

The model computes with projected weights ``Z`` from the first step on, and the dropped
part is kept beside them as ``U``; every step of the optimiser moves ``Z + U``, which is
projected anew (Lin et al., "Dynamic Model Pruning with Feedback", ICLR 2020, here for any scheme).
ADMM trains dense weights, drawn towards the set and cut at the end; here the loss is always
the pruned model's, and a segment dropped too early comes back by itself.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from csb_rnn.pruning.matrices import PruningError
from csb_rnn.pruning.pruner import Pruner
from csb_rnn.pruning.report import kept_of

__all__ = ["FeedbackPruner"]


class FeedbackPruner(Pruner):
    """The interface of :class:`AdmmPruner`; there is no penalty, ``rho`` is not used.

    :meth:`constrain` must be called after every optimiser step, :meth:`update` (a new pattern) now
    and then. ``leak`` is the share of ``U`` forgotten in every update: returning weights have noise
    of the optimiser in it, the more the longer it was away. The state is ``Z``, the weights the
    model has, and ``U``: ``Z + U`` is the optimiser's result. It resumes bit for bit.
    """

    leak = 0.0
    every_step = True

    @torch.no_grad()
    def reset(self) -> None:
        """Start from the present weights: ``Z = project(W)``, ``U = W - Z``."""
        self.masks, self.hardened = {}, False
        for name, parameter in self.params.items():
            self.z[name] = self._project(name, parameter)
            self.u[name] = parameter - self.z[name]
            self._show(name, parameter)

    def whole(self, name: str) -> Tensor:
        """The weights of a matrix behind the last pattern."""
        return self.z[name] + self.u[name]

    def _show(self, name: str, parameter: Tensor) -> None:
        """The model computes with ``Z`` from here on; its pattern holds until the next update."""
        parameter.copy_(self.z[name])
        if self.scheme.masks:
            self.masks[name] = self.z[name] != 0

    def add_gradients(self) -> None:
        """Nothing: the loss is already the pruned model's."""

    @torch.no_grad()
    def constrain(self) -> None:
        """After an optimiser step: its change goes to ``Z + U``, and the model has ``Z`` again."""
        if self.hardened:
            self._settle()
            return
        for name, parameter in self.params.items():
            moved = parameter + self.u[name]
            if self.scheme.masks:
                self.z[name] = moved.masked_fill(~self.masks[name], 0)
            else:
                self.z[name] = self._project(name, moved)
            self.u[name] = moved - self.z[name]
            parameter.copy_(self.z[name])

    @torch.no_grad()
    def update(self) -> float:
        """A new pattern, the projection of ``Z + U``.

        Returns:
            ``||U|| / ||Z + U||`` over all matrices: the share left out by the pattern.
        """
        left = norm = 0.0
        for name, parameter in self.params.items():
            moved = self.z[name] + self.u[name]
            if not bool(torch.isfinite(moved).all()):
                raise PruningError(f"{name}: NaN or infinity in the weights; training has diverged")
            self.z[name] = self._project(name, moved)
            self.u[name] = (moved - self.z[name]) * (1 - self.leak)
            self._show(name, parameter)
            left += float(self.u[name].square().sum())
            norm += float(moved.square().sum())
        self.residual = math.sqrt(left / norm) if norm else 0.0
        return self.residual

    @torch.no_grad()
    def harden(self) -> None:
        """The last pattern stays, at the present rate; ``U`` is dropped."""
        self.update()
        for name in self.params:
            self.energy[name] = kept_of(name, self.whole(name), self.z[name]).energy
            self.u[name].zero_()
        self.hardened = True
