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

Everything the pruner knows is in :meth:`AdmmPruner.state_dict`, so an interrupted run resumed from
the model's, the optimiser's and the pruner's state is equal bit for bit to one in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from csb_rnn.errors import CsbError
from csb_rnn.pruning.order import Order, find_order
from csb_rnn.pruning.projection import ProjectionError
from csb_rnn.pruning.schemes import Csb, Scheme

__all__ = ["AdmmPruner", "PruningError", "gates_of", "recurrent_matrices"]


class PruningError(CsbError, RuntimeError):
    """Training or pruning that cannot go on; one line for the user."""


def recurrent_matrices(module: nn.Module) -> dict[str, nn.Parameter]:
    """Weight matrices of all recurrent layers in a module, by their full names."""
    found = {
        name: parameter
        for name, parameter in module.named_parameters()
        if name.rpartition(".")[2].startswith(("weight_ih", "weight_hh", "weight_hr"))
    }
    if not found:
        raise PruningError("no recurrent weight matrix found; give the parameters by name")
    return found


def check_loss(loss: Tensor | float) -> None:
    """Of any training.

    Raises:
        PruningError: the loss is not finite.
    """
    if not math.isfinite(float(loss)):
        raise PruningError(
            f"the loss is {float(loss)}: training has diverged; lower the learning rate or rho"
        )


def gates_of(params: Mapping[str, Tensor]) -> dict[str, int]:
    """How many gates the rows of each recurrent matrix stack, by torch's names and shapes."""
    found = {}
    for name, parameter in params.items():
        module, _, short = name.rpartition(".")
        kind, _, layer = short.rpartition("_")
        if kind not in ("weight_ih", "weight_hh"):
            continue  # a projection has no gates
        start = f"{module}." if module else ""
        inner = params.get(f"{start}weight_hr_{layer}", params.get(f"{start}weight_hh_{layer}"))
        if inner is not None and parameter.shape[0] % inner.shape[1] == 0:
            found[name] = parameter.shape[0] // inner.shape[1]
    return found


class AdmmPruner:
    """ADMM state for some matrices of a model.

    Args:
        target: a module, whose recurrent matrices are pruned, or parameters by name.
        scheme: the set to project onto.
        rate: weights / kept weights, one for all matrices or one for each name.
        rho: weight of the penalty ``rho/2 * ||W - Z + U||^2``.
        gates: matrix name -> number of gates whose rows it stacks. Each of them is projected by
            itself at the matrix's rate; of what is not named the rows compete all together.
            Schemes without masks choose nothing, and orders mix gates: both ignore this.

    ``orders`` maps a matrix's name to the order of its rows and columns in which the scheme sees
    it; empty at first, :meth:`reorder` fills it. ``worth`` maps it to factors of its rows and
    columns by which weights are judged, not changed; empty unless :meth:`observe` is called.
    """

    def __init__(
        self,
        target: nn.Module | Mapping[str, nn.Parameter] | Iterable[tuple[str, nn.Parameter]],
        scheme: Scheme,
        rate: float | Mapping[str, float],
        rho: float = 1e-2,
        gates: Mapping[str, int] | None = None,
    ) -> None:
        self.params = recurrent_matrices(target) if isinstance(target, nn.Module) else dict(target)
        if not self.params:
            raise PruningError("no parameters to prune")
        for name, parameter in self.params.items():
            if parameter.ndim != 2:
                raise PruningError(f"{name}: expected a matrix, got shape {tuple(parameter.shape)}")
        self.gates = dict(gates or {})
        for name, count in self.gates.items():
            if name in self.params and (count < 1 or self.params[name].shape[0] % count):
                raise PruningError(
                    f"{name}: {self.params[name].shape[0]} rows are not {count} gates"
                )
            if isinstance(scheme, Csb) and name in self.params:
                rows = self.params[name].shape[0] // count
                if rows % scheme.block and scheme.shared == 1:
                    raise PruningError(
                        f"{name}: blocks of {scheme.block} do not fit gates of {rows}"
                    )
        try:
            self.scheme = scheme.for_model(self.params)
        except ProjectionError as error:
            raise PruningError(str(error)) from None
        self.rho = float(rho)
        self.rates: dict[str, float] = {}
        self.set_rate(rate)
        self.z: dict[str, Tensor] = {}
        self.u: dict[str, Tensor] = {}
        self.masks: dict[str, Tensor] = {}
        self.orders: dict[str, Order] = {}
        self.worth: dict[str, tuple[Tensor, Tensor]] = {}
        self.hardened = False
        self.residual = 0.0  # what the last update gave
        self._anchor: dict[str, Tensor] = {}
        self.reset()

    def set_rate(self, rate: float | Mapping[str, float]) -> None:
        """Set the rate, of all matrices or by name; takes effect at the next update."""
        rates = rate if isinstance(rate, Mapping) else dict.fromkeys(self.params, float(rate))
        missing = set(self.params) - set(rates)
        if missing:
            raise PruningError(f"{sorted(missing)[0]}: no rate given")
        if any(math.isnan(r) or r < 1 for r in rates.values()):
            raise PruningError(f"rate must be at least 1, got {min(rates.values())}")
        self.rates = {name: float(rates[name]) for name in self.params}

    def _project(self, name: str, w: Tensor) -> Tensor:
        if name not in self.worth or not self.scheme.masks:
            return self._project_ordered(name, w)
        rows, cols = self.worth[name]
        seen = w * (rows[:, None] * cols).clamp(min=1e-6).sqrt()
        return torch.where(self._project_ordered(name, seen) != 0, w, torch.zeros_like(w))

    def _project_ordered(self, name: str, w: Tensor) -> Tensor:
        try:
            if name not in self.orders:
                parts = w.chunk(self.gates.get(name, 1) if self.scheme.masks else 1)
                return torch.cat(
                    [self.scheme.project_named(name, part, self.rates[name]) for part in parts]
                )
            rows, cols = self.orders[name]
            projected = torch.empty_like(w)
            projected[rows[:, None], cols] = self.scheme.project(w[rows][:, cols], self.rates[name])
            return projected
        except ProjectionError as error:
            raise PruningError(f"{name}: {error}") from None

    @torch.no_grad()
    def observe(self, memory: float = 0.99) -> None:
        """Note how much the loss minds each row and column: running means of squared gradients.

        Call it after ``backward`` and before anything is added to the gradients. The next
        projections rank ``W**2`` times these, a row's and a column's factor, each of mean 1, for
        the Fisher information of single weights is too noisy. Only schemes with masks look at it.
        """
        for name, parameter in self.params.items():
            if parameter.grad is None or self.hardened:
                continue
            power = parameter.grad.square()
            now = [power.mean(axis) for axis in (1, 0)]
            now = [part / part.mean().clamp(min=1e-30) for part in now]
            old = self.worth.get(name)
            if old is not None:
                now = [memory * a + (1 - memory) * b for a, b in zip(old, now, strict=True)]
            self.worth[name] = (now[0], now[1])

    @torch.no_grad()
    def reorder(self, rate: float | Mapping[str, float]) -> None:
        """Look for better row and column orders of ``W + U`` at a rate; CSB only.

        The first call starts afresh, later ones better the order that there is. Takes effect at
        the next update. Not to be called once hardened.
        """
        if not isinstance(self.scheme, Csb):
            raise PruningError(f"scheme {self.scheme.name}: only csb has an order to look for")
        if self.scheme.shared > 1:
            raise PruningError("classes and orders of rows do not go together: units have both")
        for name, parameter in self.params.items():
            of = rate[name] if isinstance(rate, Mapping) else rate
            moved, start = parameter + self.u[name], self.orders.get(name)
            try:
                order = find_order(moved, self.scheme.block, of, self.scheme.align, start)
            except ProjectionError as error:
                raise PruningError(f"{name}: {error}") from None
            self.orders[name] = order

    @torch.no_grad()
    def reset(self) -> None:
        """Start ADMM afresh from the present weights: ``Z = project(W)``, ``U = 0``."""
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
            if self.scheme.masks:
                self.masks[name] = projected != 0
                parameter.masked_fill_(~self.masks[name], 0)
            else:
                parameter.copy_(self._project(name, parameter))
        self.hardened = True

    @torch.no_grad()
    def constrain(self) -> None:
        """Bring the weights back into the set; call after every optimiser step once hardened."""
        if not self.hardened:
            return
        for name, parameter in self.params.items():
            if self.scheme.masks:
                parameter.masked_fill_(~self.masks[name], 0)
            else:
                parameter.copy_(self._project(name, parameter))

    def check_loss(self, loss: Tensor | float) -> None:
        """Raise a clear error if the loss is not finite."""
        check_loss(loss)

    def achieved(self) -> float:
        """Weights / non-zeros of all matrices together, as they are now."""
        kept: float = sum(int(torch.count_nonzero(p)) for p in self.params.values())
        total = sum(p.numel() for p in self.params.values())
        if not self.scheme.masks:  # stored values, not non-zeros
            kept = sum(p.numel() / max(1, round(self.rates[n])) for n, p in self.params.items())
        return total / kept if kept else math.inf

    def state_dict(self) -> dict[str, Any]:
        """All state, as tensors and plain values (safe for ``torch.load(weights_only=True)``)."""

        def copy(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: tensor.clone() for name, tensor in tensors.items()}

        return {
            "rho": self.rho,
            "rates": dict(self.rates),
            "hardened": self.hardened,
            "z": copy(self.z),
            "u": copy(self.u),
            "masks": copy(self.masks),
            "orders": {name: list(order) for name, order in self.orders.items()},
            "worth": {name: list(worth) for name, worth in self.worth.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from :meth:`state_dict`; names and shapes must be the same."""
        for name, parameter in self.params.items():
            if name not in state["z"] or state["z"][name].shape != parameter.shape:
                raise PruningError(
                    f"{name}: pruner state does not fit, expected {tuple(parameter.shape)}"
                )
        self.rho = float(state["rho"])
        self.set_rate(state["rates"])
        self.hardened = bool(state["hardened"])
        self.z = {name: state["z"][name].clone() for name in self.params}
        self.u = {name: state["u"][name].clone() for name in self.params}
        self.masks = {name: mask.clone() for name, mask in state["masks"].items()}
        self.orders = {
            name: (order[0].clone(), order[1].clone())
            for name, order in state.get("orders", {}).items()
        }
        self.worth = {
            name: (worth[0].clone(), worth[1].clone())
            for name, worth in state.get("worth", {}).items()
        }
        self._anchor = {name: self.z[name] - self.u[name] for name in self.params}
