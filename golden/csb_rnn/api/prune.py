# SPDX-License-Identifier: Apache-2.0
"""Pruning of a module in place, by magnitude or with data."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from csb_rnn.api import arguments
from csb_rnn.api.schemes import scheme_for
from csb_rnn.errors import UsageError
from csb_rnn.machine import own_config
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.stacking import torch_cell
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.pruning.admm import AdmmPruner
from csb_rnn.pruning.matrices import recurrent_matrices, unwrapped
from csb_rnn.pruning.oneshot import prune_checkpoint
from csb_rnn.pruning.post_training import prune_with_data
from csb_rnn.pruning.projection import ProjectionError
from csb_rnn.pruning.report import Kept, Pruned, kept_of, metadata_of
from csb_rnn.pruning.scheme import Scheme
from csb_rnn.pruning.schemes import Csb

__all__ = ["Kept", "Pruned", "Pruner", "prune"]


class Pruner(AdmmPruner):
    """ADMM in a training loop of your own: :mod:`csb_rnn.pruning.admm` shows its five lines.

    Args:
        target: a module, whose recurrent matrices are pruned, or parameters by name.
        scheme: the set to project onto; compressed structured blocks of 32 if None.
        rate: weights / kept weights, one for all matrices or one for each name.
        rho: weight of the penalty.
        gates, classes: as :class:`csb_rnn.pruning.pruner.Pruner`.
        config: name or file of the configuration that the model is for: sets block, alignment and
            classes.

    Raises:
        PruningError, ProjectionError: no matrix to prune, or contradicting arguments.
        UsageError: an argument of another kind.
    """

    def __init__(
        self,
        target: torch.nn.Module
        | Mapping[str, torch.nn.Parameter]
        | Iterable[tuple[str, torch.nn.Parameter]],
        scheme: Scheme | None = None,
        rate: float | Mapping[str, float] = 1.0,
        rho: float = 1e-2,
        gates: Mapping[str, int] | None = None,
        *,
        classes: int = 1,
        config: str | os.PathLike[str] | None = None,
    ) -> None:
        if scheme is not None and not callable(getattr(scheme, "project_named", None)):
            raise UsageError(f"scheme: expected a scheme, got {arguments.kind_of(scheme)}")
        number = arguments.whole("classes", classes)
        if config is not None:
            machine = arguments.name_or_path("config", config)
            if not isinstance(scheme, Csb | None):
                raise UsageError(f"scheme {scheme.name!r} has no classes: only csb has")
            scheme, number = scheme_for(scheme or Csb(), number, machine), 1
        super().__init__(
            target if isinstance(target, torch.nn.Module) else _parameters(target),
            scheme,
            {str(k): arguments.real(f"rate '{k}'", v) for k, v in rate.items()}
            if isinstance(rate, Mapping)
            else arguments.real("rate", rate),
            arguments.real("rho", rho),
            None if gates is None else _gates(gates),
            classes=number,
        )


def _parameters(target: object) -> dict[str, torch.nn.Parameter]:
    """
    Raises:
        UsageError: no parameters by name.
    """
    try:
        found: dict[Any, Any] = dict(target)  # type: ignore[call-overload]
    except (TypeError, ValueError, RuntimeError):
        found = {"": None}
    if not all(isinstance(p, torch.nn.Parameter) for p in found.values()):
        of = arguments.kind_of(target)
        raise UsageError(f"target: expected a torch.nn.Module or parameters by name, got {of}")
    return {str(name): parameter for name, parameter in found.items()}


def _gates(gates: object) -> dict[str, int]:
    """
    Raises:
        UsageError: no numbers by name.
    """
    if not isinstance(gates, Mapping):
        raise UsageError(f"gates: expected numbers by name, got {arguments.kind_of(gates)}")
    return {str(k): arguments.whole(f"gates '{k}'", v) for k, v in gates.items()}


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
    if not isinstance(module, torch.nn.Module):
        raise UsageError(f"module: expected a torch.nn.Module, got {arguments.kind_of(module)}")
    if (rate is None) == (target_cycles is None):
        raise UsageError("give either rate= or target_cycles=")
    module = unwrapped(module)
    parameters = recurrent_matrices(module)
    refine = arguments.whole("refine", refine, least=0)
    if data is None and refine:
        raise UsageError("refine: steps are on data: give data=")
    blocks = Csb(arguments.whole("block", block), arguments.pair("align", align))
    machine = None if config is None else arguments.name_or_path("config", config)
    number = arguments.whole("classes", classes)
    scheme = scheme_for(dataclasses.replace(blocks, joint=data is not None), number, machine)
    if rate is None:
        if machine is None:
            raise UsageError("target_cycles: cycles are those of a machine: give config=")
        target = arguments.real("target_cycles", target_cycles)
        return _to_cycles(module, scheme, machine, target, data, refine)
    rate = arguments.real("rate", rate)
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
    if isinstance(data, (list, tuple)):
        return [arguments.numbers(f"data[{n}]", value) for n, value in enumerate(data)]
    return arguments.numbers("data", data)


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
