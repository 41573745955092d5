# SPDX-License-Identifier: Apache-2.0
"""Models: spans that run over a sequence one after the other; both directions are made of them.

A network reads frames in one direction. A bidirectional layer is a *span* of two networks: one
runs over the frames forwards, the other over the same frames backwards, on the same hardware, and
their outputs stand side by side, as torch has them. Layers of one direction that follow each other
are one network, so a model without a backward layer is one span of one network.

States have torch's names over all spans: ``h_l1``, ``c_l1_reverse``. A state is what the network
of its direction ended with: backwards, that is after frame 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.network.network import (
    Floats,
    Layer,
    Network,
    NetworkError,
    find_cell,
    split_stacked,
    torch_cell,
)

if TYPE_CHECKING:
    import torch

    from csb_rnn.network.checkpoint import Checkpoint

Directions = dict[bool, Layer]  # reverse? -> layer; one of them or both


@dataclasses.dataclass(frozen=True)
class Span:
    """Networks over the same frames.

    Attributes:
        networks: by whether it runs backwards; outputs stand side by side, forwards first.
        first: number of the first layer in the model.
    """

    networks: dict[bool, Network]
    first: int

    @property
    def outputs(self) -> int:
        """Values of an output frame."""
        return sum(n.outputs for n in self.networks.values())

    @property
    def inputs(self) -> int:
        """Values of an input frame."""
        return next(iter(self.networks.values())).inputs


def model_key(key: str, first: int, reverse: bool) -> str:
    """The model's name of a network's state: ``h_l0`` of the span that begins with layer 2 is
    ``h_l2`` or ``h_l2_reverse``."""
    name, n = key.rsplit("_l", 1)
    return f"{name}_l{int(n) + first}{'_reverse' if reverse else ''}"


def part_state(
    state: Mapping[str, Any], keys: Iterable[str], first: int, reverse: bool
) -> dict[str, Any]:
    """The states of one network out of a model's.

    Args:
        state: by the model's names; absent states stay absent.
        keys: the network's own names of its states, as ``h_l0``.
        first: number of the network's first layer in the model.
    """
    names = {k: model_key(k, first, reverse) for k in keys}
    return {k: state[name] for k, name in names.items() if name in state}


@dataclasses.dataclass(frozen=True)
class Model:
    """Passes; each reads what the one before put out.

    Attributes:
        initial: initial states that came with the model, by name; those that are absent are zero.
    """

    spans: tuple[Span, ...]
    initial: dict[str, Floats] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for before, after in zip(self.spans, self.spans[1:], strict=False):
            if {n.inputs for n in after.networks.values()} != {before.outputs}:
                raise NetworkError(
                    f"layer {after.first}: takes {after.inputs} inputs, layer {after.first - 1} "
                    f"returns {before.outputs}"
                )
        known = self.state_shapes()
        for key, value in self.initial.items():
            if key not in known or np.shape(value)[-1:] != (known[key],):
                raise NetworkError(f"initial state '{key}' of shape {np.shape(value)}: no such")

    @property
    def inputs(self) -> int:
        """Values of an input frame."""
        return self.spans[0].inputs

    @property
    def outputs(self) -> int:
        """Values of an output frame."""
        return self.spans[-1].outputs

    def networks(self) -> Iterator[tuple[int, bool, Network]]:
        """(first layer, backwards, network), in the order in which they run."""
        for p in self.spans:
            for reverse, network in p.networks.items():
                yield p.first, reverse, network

    @property
    def single(self) -> Network | None:
        """The network, if the model is one that runs forwards."""
        found = list(self.networks())
        return found[0][2] if len(found) == 1 and not found[0][1] else None

    @property
    def kept_weights(self) -> int:
        """Weights that are not zero, before quantisation."""
        return sum(n.kept_weights for _, _, n in self.networks())

    def state_shapes(self) -> dict[str, int]:
        """Length of every state by its name."""
        return {
            model_key(k, first, reverse): size
            for first, reverse, network in self.networks()
            for k, size in network.state_shapes().items()
        }


def stack(
    layers: Sequence[Directions],
    block: int | None = None,
    csb: Mapping[str, Any] | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
) -> Model:
    """A model from its layers, each with the directions that it has.

    Raises:
        NetworkError: layers do not fit each other.
    """
    groups: list[tuple[int, list[Directions]]] = []
    for n, layer in enumerate(layers):
        if groups and layer.keys() == groups[-1][1][-1].keys() and len(layer) == 1:
            groups[-1][1].append(layer)
        else:
            groups.append((n, [layer]))
    spans = []
    for first, group in groups:
        networks = {}
        for reverse in sorted(group[0]):
            try:
                chain = tuple(layer[reverse] for layer in group)
                networks[reverse] = Network(chain, block, dict(csb or {}))
            except NetworkError as error:
                raise NetworkError(
                    f"from layer {first} on: {error}" if first else str(error)
                ) from None
        spans.append(Span(networks, first))
    start = {k: np.asarray(v, np.float64) for k, v in (initial or {}).items()}
    return Model(tuple(spans), start)


def _stacked(
    cell: str, tensors: Mapping[str, ArrayLike], layers: int, both: bool, **meta: Any
) -> Model:
    graph = find_cell(cell)
    ends = {False: "", True: "_reverse"} if both else {False: ""}
    return stack(
        [
            {reverse: split_stacked(graph, tensors, n, end) for reverse, end in ends.items()}
            for n in range(layers)
        ],
        **meta,
    )


def from_checkpoint(checkpoint: Checkpoint) -> Model:
    """The model of a checkpoint, with every option of torch's modules."""
    csb = checkpoint.csb or {}
    first = checkpoint.layers[0]
    cell = "lstmp" if first.proj and checkpoint.cell == "lstm" else checkpoint.cell
    both, count = first.bidirectional, len(checkpoint.layers)
    return _stacked(cell, checkpoint.tensors, count, both, block=csb.get("block"), csb=csb)


def from_torch(module: torch.nn.RNNBase, block: int | None = None) -> Model:
    """The model of a ``torch.nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` with any of their options.

    ``batch_first`` and ``dropout`` make no difference here: frames come one after the other, and
    nothing is trained.
    """
    tensors, both = module.state_dict(), bool(module.bidirectional)
    return _stacked(torch_cell(module), tensors, module.num_layers, both, block=block)
