# SPDX-License-Identifier: Apache-2.0
"""Matrices of a model under a scheme: rates, projection, state. Methods of training build on it.

Everything a pruner knows is in :meth:`Pruner.state_dict`, so an interrupted training resumed from
the model's, the optimiser's and the pruner's state is equal bit for bit to one in one piece.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from csb_rnn.pruning.matrices import PruningError, check_loss, recurrent_matrices, unwrapped
from csb_rnn.pruning.order import Order, find_order
from csb_rnn.pruning.projection import ProjectionError
from csb_rnn.pruning.report import Pruned, kept_of, metadata_of
from csb_rnn.pruning.schemes import Csb, Scheme, for_machine

__all__ = ["Pruner"]

Target = nn.Module | Mapping[str, nn.Parameter] | Iterable[tuple[str, nn.Parameter]]


class Pruner(ABC):
    """State of pruning for some matrices of a model.

    Args:
        target: a module, whose recurrent matrices are pruned, or parameters by name.
        scheme: the set to project onto; compressed structured blocks of 32 if None.
        rate: weights / kept weights, one for all matrices or one for each name.
        rho: weight of the penalty ``rho/2 * ||W - Z + U||^2``, of ADMM.
        gates: matrix name -> number of gates whose rows it stacks. Each of them is projected by
            itself at the matrix's rate; the rows of all others compete together.
            Schemes without masks choose nothing, and orders mix gates: both ignore this.
        classes: kernels keep as many rows of each of so many classes of a block's units, for a
            machine with shared columns: of a csb scheme without classes of its own.
        config: name of the model's configuration: sets block, alignment and classes.

    Raises:
        PruningError: no matrix to prune, or contradicting arguments; one line.

    ``orders`` maps a matrix's name to the order of its rows and columns by which the scheme sees
    it; empty at first, :meth:`reorder` fills it. ``worth`` maps it to factors of its rows and
    columns to judge weights by, not to change them; empty unless :meth:`observe` is called.
    """

    every_step = False
    """Whether :meth:`constrain` has work to do before :meth:`harden`."""

    def __init__(
        self,
        target: Target,
        scheme: Scheme | None = None,
        rate: float | Mapping[str, float] = 1.0,
        rho: float = 1e-2,
        gates: Mapping[str, int] | None = None,
        *,
        classes: int = 1,
        config: str | None = None,
    ) -> None:
        self.module = unwrapped(target) if isinstance(target, nn.Module) else None
        self.params = recurrent_matrices(target) if isinstance(target, nn.Module) else dict(target)
        if not self.params:
            raise PruningError("no parameters to prune")
        for name, parameter in self.params.items():
            if parameter.ndim != 2:
                raise PruningError(f"{name}: expected a matrix, got shape {tuple(parameter.shape)}")
        try:
            scheme = for_machine(scheme, classes, config)
            self.gates = self._checked(dict(gates or {}), scheme)
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
        self.energy: dict[str, float] = {}  # share left by hardening
        self.hardened = False
        self.residual = 0.0  # result of the last update
        self.reset()

    def _checked(self, gates: dict[str, int], scheme: Scheme) -> dict[str, int]:
        """
        Raises:
            PruningError: rows are not so many gates, or blocks would hold rows of two gates.
        """
        for name, count in gates.items():
            if name not in self.params:
                continue
            height = self.params[name].shape[0]
            if count < 1 or height % count:
                raise PruningError(f"{name}: {height} rows are not {count} gates")
            if isinstance(scheme, Csb) and scheme.shared == 1 and height // count % scheme.block:
                raise PruningError(
                    f"{name}: blocks of {scheme.block} do not fit gates of {height // count}"
                )
        return gates

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

    def __repr__(self) -> str:
        """Scheme, rates, kept energy and residual of every matrix, as a table."""
        phase = "hardened" if self.hardened else f"residual {self.residual:.3f}"
        settings = ", ".join(f"{k} {v}" for k, v in self.scheme.describe().items())
        return f"<{type(self).__name__}: {settings}; {phase}>\n{self.pruned()}"

    @torch.no_grad()
    def pruned(self) -> Pruned:
        """Kept weights and energy by matrix; once hardened, the energy left by the last cut."""
        found = []
        for name, parameter in self.params.items():
            if self.hardened:
                found.append(kept_of(name, parameter, parameter, self.energy.get(name)))
            else:
                found.append(kept_of(name, self.whole(name), self.z[name]))
        metadata = metadata_of(self.module, self.params, self.scheme, self.orders)
        return Pruned(tuple(found), metadata, self.module)

    def whole(self, name: str) -> Tensor:
        """The weights of a matrix behind the last pattern."""
        return self.params[name] + self.u[name]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the module's state dict, which loads with ``strict=True``, and the pattern's
        metadata beside it.

        Raises:
            PruningError: the pruner was given parameters, not a module, or weights are not in the
                set yet.
            CheckpointError: the file cannot be written.
        """
        if not (self.hardened or self.every_step):
            raise PruningError("save() before harden(): the weights are not pruned yet")
        self.pruned().save(path)

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

        The first call starts afresh, later ones better the present order. Takes effect at
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

    def penalty(self) -> Tensor:
        """To be added to the loss; nothing, if the method has no penalty."""
        first = next(iter(self.params.values()))
        return torch.zeros((), dtype=first.dtype, device=first.device)

    @abstractmethod
    def add_gradients(self) -> None:
        """The penalty's gradient added straight to ``.grad``."""

    @abstractmethod
    def reset(self) -> None:
        """Start afresh from the present weights."""

    @abstractmethod
    def update(self) -> float:
        """A new pattern; returns the residual. Call it once an epoch or more often."""

    @abstractmethod
    def harden(self) -> None:
        """The pattern is final from here on."""

    @abstractmethod
    def constrain(self) -> None:
        """Bring the weights back into the set, after a step of the optimiser."""

    @torch.no_grad()
    def _settle(self) -> None:
        """Bring weights back into the set by the final pattern."""
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
            "energy": dict(self.energy),
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
        self.energy = dict(state.get("energy", {}))
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
