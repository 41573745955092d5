# SPDX-License-Identifier: Apache-2.0
"""Models: passes over a sequence, one after the other; what both directions are made of.

A network reads frames in one direction. A bidirectional layer is a *pass* of two networks: one
runs over the frames forwards, the other over the same frames backwards, on the same hardware, and
their outputs stand side by side, as torch has them. Layers of one direction that follow each other
are one network, so a model without a backward layer is one pass of one network.

States have torch's names over all passes: ``h_l1``, ``c_l1_reverse``. A state is what the network
of its direction ended with: backwards, that is after frame 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.machine import numerics
from csb_rnn.machine.config import Config
from csb_rnn.machine.numerics import Ints, Saturations
from csb_rnn.models import float_model, quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.quantise import QNetwork
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
AnyNetwork = TypeVar("AnyNetwork", Network, QNetwork)


@dataclasses.dataclass(frozen=True)
class Pass:
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
    """The model's name of a network's state: ``h_l0`` of the pass that begins with layer 2 is
    ``h_l2`` or ``h_l2_reverse``."""
    name, n = key.rsplit("_l", 1)
    return f"{name}_l{int(n) + first}{'_reverse' if reverse else ''}"


def part_state(
    state: Mapping[str, Any], network: AnyNetwork, first: int, reverse: bool
) -> dict[str, Any]:
    """The states of one network, by its own names, out of a model's; what is absent stays so."""
    shapes = network.state_shapes() if isinstance(network, Network) else network.state_keys()
    names = {k: model_key(k, first, reverse) for k in shapes}
    return {k: state[name] for k, name in names.items() if name in state}


@dataclasses.dataclass(frozen=True)
class Model:
    """Passes; each reads what the one before put out.

    Attributes:
        initial: initial states that came with the model, by name; those that are absent are zero.
    """

    passes: tuple[Pass, ...]
    initial: dict[str, Floats] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for before, after in zip(self.passes, self.passes[1:], strict=False):
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
        return self.passes[0].inputs

    @property
    def outputs(self) -> int:
        """Values of an output frame."""
        return self.passes[-1].outputs

    def networks(self) -> Iterator[tuple[int, bool, Network]]:
        """(first layer, backwards, network), in the order in which they run."""
        for p in self.passes:
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
    passes = []
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
        passes.append(Pass(networks, first))
    start = {k: np.asarray(v, np.float64) for k, v in (initial or {}).items()}
    return Model(tuple(passes), start)


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


# --- running ------------------------------------------------------------------------------------


def _turned(x: np.ndarray, reverse: bool) -> np.ndarray:
    """Frames ``[..., frames, n]`` in the order in which a network takes them."""
    return np.ascontiguousarray(x[..., ::-1, :]) if reverse else x


def run(
    model: Model, x: ArrayLike, state: Mapping[str, ArrayLike] | None = None, torch: bool = False
) -> tuple[Floats, dict[str, Floats]]:
    """The float model over all frames.

    Args:
        x: ``[frames, inputs]`` or ``[streams, frames, inputs]``.
        state: initial states, by name; others are the model's own, or zero.
        torch: by torch's own modules (:func:`csb_rnn.models.float_model.run_torch`).

    Returns:
        Outputs, and the final states.
    """
    run_one = float_model.run_torch if torch else float_model.run
    start = {**model.initial, **(state or {})}
    final: dict[str, Floats] = {}
    v = np.asarray(x, np.float64)
    for p in model.passes:
        parts = []
        for reverse, network in p.networks.items():
            own = part_state(start, network, p.first, reverse)
            y, end = run_one(network, _turned(v, reverse), own)
            parts.append(_turned(y, reverse))
            final |= {model_key(k, p.first, reverse): e for k, e in end.items()}
        v = np.concatenate(parts, axis=-1)
    return v, final


def run_layers(
    model: Model, x: ArrayLike, layers: int, state: Mapping[str, ArrayLike] | None = None
) -> Floats:
    """Outputs of the first ``layers`` layers in float, arguments as :func:`run`."""
    passes: list[Pass] = []
    for p in model.passes:
        if p.first >= layers:
            break
        cut = {
            way: dataclasses.replace(n, layers=n.layers[: layers - p.first])
            for way, n in p.networks.items()
        }
        passes.append(Pass(cut, p.first))
    part = Model(tuple(passes))
    known = part.state_shapes()
    start = {k: v for k, v in {**model.initial, **(state or {})}.items() if k in known}
    return run(part, x, start)[0]


@dataclasses.dataclass(frozen=True)
class QPass:
    """A pass in integers. ``frac`` is the fraction of its outputs side by side."""

    networks: dict[bool, QNetwork]
    first: int
    frac: int


@dataclasses.dataclass(frozen=True)
class QModel:
    """A model in integers."""

    passes: tuple[QPass, ...]

    @property
    def inputs(self) -> int:
        """Values of an input frame."""
        return next(iter(self.passes[0].networks.values())).inputs

    @property
    def out_frac(self) -> int:
        """Fraction bits of an output."""
        return self.passes[-1].frac

    def quantise_inputs(self, x: ArrayLike, counts: Saturations | None = None) -> Ints:
        """As :meth:`csb_rnn.models.quantise.QNetwork.quantise_inputs`."""
        return next(iter(self.passes[0].networks.values())).quantise_inputs(x, counts)

    def output_float(self, y: ArrayLike) -> np.ndarray:
        """Integer outputs as float32, exact."""
        return quantise.to_float(y, self.out_frac).astype(np.float32)

    def state_float(self, state: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
        """States as float32, exact."""
        return self._each_state(state, QNetwork.state_float)

    def quantise_state(self, state: Mapping[str, ArrayLike]) -> dict[str, Ints]:
        """Initial states from floats; those that are absent are zero.

        Raises:
            QuantError: an unknown name, a wrong shape, NaN or infinity.
        """
        known = {
            model_key(k, p.first, reverse)
            for p in self.passes
            for reverse, q in p.networks.items()
            for k in q.state_keys()
        }
        for key in state:
            if key not in known:
                raise quantise.QuantError(
                    f"unknown state '{key}': known are {', '.join(sorted(known))}"
                )
        return self._each_state(state, QNetwork.quantise_state)

    def _each_state(self, state: Mapping[str, Any], convert: Callable) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for p in self.passes:
            for reverse, q in p.networks.items():
                mine = convert(q, part_state(state, q, p.first, reverse))
                out |= {model_key(k, p.first, reverse): v for k, v in mine.items()}
        return out


def quantise_model(
    model: Model,
    cfg: Config,
    calibrate: ArrayLike | None = None,
    state: Mapping[str, ArrayLike] | None = None,
) -> QModel:
    """The model in integers, pass by pass; see :func:`csb_rnn.models.quantise.quantise`."""
    start = {**model.initial, **(state or {})}
    v = None if calibrate is None else np.asarray(calibrate, np.float64)
    passes: list[QPass] = []
    for p in model.passes:
        qs, parts = {}, []
        for reverse, network in p.networks.items():
            own = part_state(start, network, p.first, reverse)
            x = None if v is None else _turned(v, reverse)
            frac = passes[-1].frac + numerics.GRID_W - cfg.data_w if passes else None
            qs[reverse] = quantise.quantise(network, cfg, x, own, frac)
            if x is not None:
                parts.append(_turned(float_model.run(network, x, own)[0], reverse))
        v = np.concatenate(parts, axis=-1) if parts else None
        passes.append(QPass(qs, p.first, min(q.out_frac for q in qs.values())))
    return QModel(tuple(passes))


def join(p: QPass, outputs: Mapping[bool, Ints]) -> Ints:
    """Outputs of the networks of a pass, in the order of frames, side by side at one fraction."""
    parts = [
        numerics.round_shift(_turned(y, reverse), p.networks[reverse].out_frac - p.frac)
        for reverse, y in outputs.items()
    ]
    return np.concatenate(parts, axis=-1)


Runner = Callable[[int, bool, QNetwork, Ints, dict[str, Ints]], tuple[Ints, dict[str, Ints]]]


def run_passes(
    q: QModel, x: Ints, state: Mapping[str, Ints] | None, run_one: Runner
) -> tuple[Ints, dict[str, Ints]]:
    """Every network over its frames, in its direction.

    Args:
        x: integers ``[(streams,) frames, inputs]``.
        state: initial states in integers; zero if None.
        run_one: (number of the pass, backwards, network, frames in its order, its states) ->
            outputs and final states.
    """
    final: dict[str, Ints] = {}
    for n, p in enumerate(q.passes):
        outputs = {}
        for reverse, network in p.networks.items():
            own = part_state(state or {}, network, p.first, reverse)
            y, end = run_one(n, reverse, network, _turned(x, reverse), own)
            outputs[reverse] = y
            final |= {model_key(k, p.first, reverse): e for k, e in end.items()}
        x = join(p, outputs)
    return x, final


def run_fixed(
    q: QModel, cfg: Config, x: ArrayLike, state: Mapping[str, Ints] | None = None
) -> tuple[Ints, dict[str, Ints]]:
    """The fixed model over all frames ``[(streams,) frames, inputs]``, integers."""

    def one(_n: int, _reverse: bool, network: QNetwork, frames: Ints, own: dict[str, Ints]) -> Any:
        return FixedModel(network, cfg).run(frames, own)

    return run_passes(q, np.asarray(x, np.int64), state, one)
