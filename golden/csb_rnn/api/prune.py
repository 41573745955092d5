# SPDX-License-Identifier: Apache-2.0
"""Pruning of a module in place, by magnitude or with data."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from csb_rnn.api.schemes import scheme_for
from csb_rnn.errors import UsageError
from csb_rnn.machine import own_config
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.stacking import torch_cell
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.pruning.admm import AdmmPruner as Pruner
from csb_rnn.pruning.matrices import recurrent_matrices, unwrapped
from csb_rnn.pruning.oneshot import prune_checkpoint
from csb_rnn.pruning.post_training import prune_with_data
from csb_rnn.pruning.projection import ProjectionError
from csb_rnn.pruning.report import Kept, Pruned, kept_of, metadata_of
from csb_rnn.pruning.scheme import Scheme
from csb_rnn.pruning.schemes import Csb

__all__ = ["Kept", "Pruned", "Pruner", "prune"]


def prune(
    module: torch.nn.Module,
    *,
    rate: float | None = None,
    block: int = 32,
    align: tuple[int, int] = (1, 1),
    classes: int = 1,
    config: str | os.PathLike[str] | None = None,
    data: ArrayLike | Sequence[ArrayLike] | None = None,
    refine: int = 0,
    target_cycles: float | None = None,
) -> Pruned:
    """Set weights of all recurrent matrices of a module to zero, in CSB blocks.

    By magnitude, without data, a network loses accuracy beyond small rates. With inputs as data the
    pattern and the weights that are left are those that change the module's sums least; minutes, no
    labels. :class:`Pruner` prunes in training.

    Args:
        module: whatever holds ``weight_ih``, ``weight_hh``, ``weight_hr`` parameters.
        rate: weights / kept weights, at least 1.
        block: side of a block.
        align: rows are kept in groups of P, columns in groups of Q: ``(P, Q)`` of the machine.
        classes: kernels keep as many rows of each of so many classes of a block's units, for a
            machine with shared columns; ``align`` then counts for columns only.
        config: name or file of the configuration that the model is for: sets alignment, classes
            and a block that fits.
        data: inputs of a ``torch.nn.LSTM``, ``GRU`` or ``RNN``, ``[frames, inputs]`` or
            ``[batch, frames, inputs]`` (whatever ``batch_first`` says), or a list of sequences.
        refine: with data, steps of gradients at the end, towards the dense module's outputs.
        target_cycles: in place of a rate, with ``config``, of a ``torch.nn.LSTM``, ``GRU`` or
            ``RNN``: as little is pruned as so many cycles a frame of the compiled program allow.

    Returns:
        Kept weights and energy by matrix; ``print`` shows a table, ``save`` writes a file that
        loads back, with metadata.

    Raises:
        PruningError: no recurrent matrix.
        ProjectionError: bad arguments; names the matrix.
        UsageError, DataError: data for another kind of module, or of another shape; both a rate and
            cycles, or neither; cycles out of reach.
    """
    if (rate is None) == (target_cycles is None):
        raise UsageError("give either rate= or target_cycles=")
    module = unwrapped(module)
    parameters = recurrent_matrices(module)
    if data is None and refine:
        raise UsageError("refine: steps are on data: give data=")
    scheme = scheme_for(Csb(block, align, joint=data is not None), classes, config)
    if rate is None:
        if config is None:
            raise UsageError("target_cycles: cycles are those of a machine: give config=")
        return _to_cycles(module, scheme, config, float(target_cycles or 0), data, refine)
    if data is not None:
        return _with_data(module, scheme, rate, data, refine)
    scheme = scheme.for_model(parameters)
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


def _source_of(module: torch.nn.Module, what: str) -> Checkpoint:
    """
    Raises:
        UsageError: no recurrent module of torch.
    """
    if not isinstance(module, torch.nn.RNNBase):
        raise UsageError(f"{what}: expected a torch.nn.LSTM, GRU or RNN: prune each by itself")
    return from_state_dict(module.state_dict(), None, {"cell": torch_cell(module)})


def _put(module: torch.nn.Module, new: Checkpoint) -> None:
    """The numbers of a checkpoint into its module."""
    with torch.no_grad():
        for name, value in new.tensors.items():
            module.get_parameter(name).copy_(torch.from_numpy(np.array(value)))


def _arrays(data: Any) -> Any:
    return data if isinstance(data, (list, tuple)) else np.asarray(data)


def _with_data(
    module: torch.nn.Module, scheme: Scheme, rate: float, data: Any, refine: int
) -> Pruned:
    """Prune one recurrent module with data, in place."""
    source = _source_of(module, "data")
    new, kept = prune_with_data(source, scheme, rate, _arrays(data), refine=refine)
    _put(module, new)
    return dataclasses.replace(kept, module=module)


def _to_cycles(
    module: torch.nn.Module,
    scheme: Scheme,
    config: str | os.PathLike[str],
    cycles: float,
    data: Any,
    refine: int,
) -> Pruned:
    """Prune one recurrent module to a number of cycles, in place."""
    from csb_rnn.api.cycle_target import prune_to_cycles  # the compiler: only here

    source = _source_of(module, "target_cycles")
    assert isinstance(scheme, Csb), "only blocks have a configuration"

    def fast(rate: float) -> tuple[Checkpoint, Pruned]:
        return prune_checkpoint(source, scheme, rate)

    def last(rate: float) -> tuple[Checkpoint, Pruned]:
        return prune_with_data(source, scheme, rate, _arrays(data), refine=refine)

    c = own_config.choose(config)
    new, kept, _ = prune_to_cycles(c, cycles, fast, None if data is None else last)
    _put(module, new)
    return dataclasses.replace(kept, module=module)
