# SPDX-License-Identifier: Apache-2.0
"""ADMM pruning for any torch training loop.

Minimise the loss subject to ``W`` in a scheme's set (CSB-RNN, 3.2), with an auxiliary ``Z`` and a
scaled dual ``U`` for each matrix::

    pruner = AdmmPruner(model, scheme=Csb(32, (4, 4)), rate=12)     # 1
    for epoch in range(epochs):
        for batch in data:
            (loss(model, batch) + pruner.penalty()).backward()      # 2
            optimizer.step(); optimizer.zero_grad()
        pruner.update()                                             # 3
    pruner.harden()                                                 # 4, then train on:
    ...; optimizer.step(); pruner.constrain()                       # 5, after every step
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from csb_rnn.pruning.matrices import PruningError
from csb_rnn.pruning.pruner import Pruner
from csb_rnn.pruning.report import kept_of

__all__ = ["AdmmPruner"]


class AdmmPruner(Pruner):
    """ADMM for some matrices of a model; arguments are those of :class:`Pruner`."""

    _anchor: dict[str, Tensor]  # Z - U, of which W keeps near

    @torch.no_grad()
    def reset(self) -> None:
        """Start ADMM afresh from the present weights: ``Z = project(W)``, ``U = 0``."""
        self._anchor = {}
        for name, parameter in self.params.items():
            self.z[name] = self._project(name, parameter)
            self.u[name] = torch.zeros_like(parameter)
            self._anchor[name] = self.z[name].clone()
        self.masks, self.hardened = {}, False

    def penalty(self) -> Tensor:
        """``rho/2 * sum ||W - Z + U||^2``, to be added to the loss; 0 once hardened."""
        first = next(iter(self.params.values()))
        total = torch.zeros((), dtype=first.dtype, device=first.device)
        if self.hardened:
            return total
        for name, parameter in self.params.items():
            total = total + (parameter - self._anchor[name]).square().sum()
        return total * (self.rho / 2)

    @torch.no_grad()
    def add_gradients(self) -> None:
        """The penalty's gradient added straight to ``.grad``: cheaper than :meth:`penalty`.

        Call it after ``backward`` and before the optimiser's step, instead of adding the penalty.
        """
        if self.hardened:
            return
        for name, parameter in self.params.items():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad.add_(parameter, alpha=self.rho)
            parameter.grad.sub_(self._anchor[name], alpha=self.rho)

    @torch.no_grad()
    def update(self) -> float:
        """``Z = project(W + U)``, then ``U += W - Z``. Call once an epoch.

        Returns:
            The primal residual ``||W - Z|| / ||W||`` over all matrices.
        """
        gap = norm = 0.0
        for name, parameter in self.params.items():
            if not bool(torch.isfinite(parameter).all()):
                raise PruningError(f"{name}: NaN or infinity in the weights; training has diverged")
            moved = parameter + self.u[name]
            self.z[name] = self._project(name, moved)
            self.u[name] = moved - self.z[name]
            self._anchor[name] = self.z[name] - self.u[name]
            gap += float((parameter - self.z[name]).square().sum())
            norm += float(parameter.square().sum())
        self.residual = math.sqrt(gap / norm) if norm else 0.0
        return self.residual

    @torch.no_grad()
    def harden(self) -> None:
        """Move the weights into the set and keep them there: ``W`` on the support of ``Z``."""
        for name, parameter in self.params.items():
            projected = self._project(name, parameter + self.u[name])
            self.energy[name] = kept_of(name, self.whole(name), projected).energy
            if self.scheme.masks:
                self.masks[name] = projected != 0
                parameter.masked_fill_(~self.masks[name], 0)
            else:
                parameter.copy_(self._project(name, parameter))
        self.hardened = True

    def constrain(self) -> None:
        """Bring the weights back into the set; call after every optimiser step once hardened.

        Raises:
            PruningError: before :meth:`harden`: ADMM trains dense weights until then.
        """
        if not self.hardened:
            raise PruningError(
                "constrain() before harden(): ADMM trains dense weights until then; call it in the "
                "loop after harden(), or use FeedbackPruner, which prunes from the first step on"
            )
        self._settle()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from :meth:`state_dict`; names and shapes must be the same."""
        super().load_state_dict(state)
        self._anchor = {name: self.z[name] - self.u[name] for name in self.params}
