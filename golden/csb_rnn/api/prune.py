# SPDX-License-Identifier: Apache-2.0
"""Pruning of a module in one shot, in place."""

from __future__ import annotations

import torch

from csb_rnn.pruning.admm import AdmmPruner as Pruner
from csb_rnn.pruning.matrices import recurrent_matrices
from csb_rnn.pruning.projection import ProjectionError
from csb_rnn.pruning.report import Kept, Pruned, kept_of, metadata_of
from csb_rnn.pruning.schemes import Csb, for_machine

__all__ = ["Kept", "Pruned", "Pruner", "prune"]


def prune(
    module: torch.nn.Module,
    *,
    rate: float,
    block: int = 32,
    align: tuple[int, int] = (1, 1),
    classes: int = 1,
    config: str | None = None,
) -> Pruned:
    """Set weights of all recurrent matrices of a module to zero, by magnitude, in CSB blocks.

    Without training this loses accuracy beyond small rates; :class:`Pruner` prunes in training.

    Args:
        module: whatever holds ``weight_ih``, ``weight_hh``, ``weight_hr`` parameters.
        rate: weights / kept weights, at least 1.
        block: side of a block.
        align: rows are kept in groups of P, columns in groups of Q: ``(P, Q)`` of the machine.
        classes: kernels keep as many rows of each of so many classes of a block's units, for a
            machine with shared columns; ``align`` then counts for columns only.
        config: name of the configuration that the model is for: sets alignment and classes, and
            a block that fits.

    Returns:
        Kept weights and energy by matrix; ``print`` shows a table, ``save`` writes a file that
        loads back, with metadata.

    Raises:
        PruningError: no recurrent matrix.
        ProjectionError: bad arguments; names the matrix.
    """
    parameters = recurrent_matrices(module)
    scheme = for_machine(Csb(block, align), classes, config).for_model(parameters)
    new = {}
    for name, parameter in parameters.items():
        try:
            new[name] = scheme.project_named(name, parameter, rate)
        except ProjectionError as error:
            raise ProjectionError(f"{name}: {error}") from None
    done = tuple(kept_of(name, parameters[name], value) for name, value in new.items())
    with torch.no_grad():
        for name, value in new.items():
            parameters[name].copy_(value)
    return Pruned(done, metadata_of(module, parameters, scheme, {}), module)
