# SPDX-License-Identifier: Apache-2.0
"""The matrices of a model for pruning, by torch's names."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from csb_rnn.errors import CsbError

__all__ = ["PruningError", "check_loss", "gates_of", "module_of", "recurrent_matrices", "unwrapped"]


class PruningError(CsbError, RuntimeError):
    """An end of training or pruning; one line for the user."""


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside ``torch.compile`` and ``DistributedDataParallel``, whose names are plain.

    Its parameters are those of the whole: pruned here, they are pruned there.
    """
    while True:
        inner = getattr(module, "_orig_mod", None)
        if inner is None and isinstance(module, nn.parallel.DistributedDataParallel):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def recurrent_matrices(module: nn.Module) -> dict[str, nn.Parameter]:
    """Weight matrices of all recurrent layers in a module, by their full names."""
    found = {
        name: parameter
        for name, parameter in unwrapped(module).named_parameters()
        if name.rpartition(".")[2].startswith(("weight_ih", "weight_hh", "weight_hr"))
    }
    if not found:
        raise PruningError("no recurrent weight matrix found; give the parameters by name")
    return found


def module_of(name: str) -> str:
    """The module of a parameter, as its prefix: ``enc.weight_ih_l0`` is of ``enc.``."""
    return name.rpartition(".")[0] + "." if "." in name else ""


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
