# SPDX-License-Identifier: Apache-2.0
"""The float and the fixed model of both directions: networks over the same frames, side by side.

:class:`csb_rnn.network.network.Model` gives each network its frames. Here such a
model is computed in floats (:func:`run`) and, once :func:`csb_rnn.models.quantise.quantise_model`
has quantised it, in integers (:func:`run_fixed`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.machine import numerics
from csb_rnn.machine.config import Config
from csb_rnn.machine.numerics import Ints, Saturations
from csb_rnn.models import float_model, formats, integer_layer
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.network import Floats, Model, Span, model_key, part_state


def turned(x: np.ndarray, reverse: bool) -> np.ndarray:
    """Frames ``[..., frames, n]`` in a network's own order."""
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
    for p in model.spans:
        parts = []
        for reverse, network in p.networks.items():
            own = part_state(start, network.state_shapes(), p.first, reverse)
            y, end = run_one(network, turned(v, reverse), own)
            parts.append(turned(y, reverse))
            final |= {model_key(k, p.first, reverse): e for k, e in end.items()}
        v = np.concatenate(parts, axis=-1)
    return v, final


def run_layers(
    model: Model, x: ArrayLike, layers: int, state: Mapping[str, ArrayLike] | None = None
) -> Floats:
    """Outputs of the first ``layers`` layers in float, arguments as :func:`run`."""
    spans: list[Span] = []
    for p in model.spans:
        if p.first >= layers:
            break
        cut = {
            way: dataclasses.replace(n, layers=n.layers[: layers - p.first])
            for way, n in p.networks.items()
        }
        spans.append(Span(cut, p.first))
    part = Model(tuple(spans))
    known = part.state_shapes()
    start = {k: v for k, v in {**model.initial, **(state or {})}.items() if k in known}
    return run(part, x, start)[0]


@dataclasses.dataclass(frozen=True)
class QSpan:
    """A span in integers. ``frac`` is the fraction of its outputs side by side."""

    networks: dict[bool, QNetwork]
    first: int
    frac: int


@dataclasses.dataclass(frozen=True)
class QModel:
    """A model in integers."""

    spans: tuple[QSpan, ...]

    @property
    def inputs(self) -> int:
        """Values of an input frame."""
        return next(iter(self.spans[0].networks.values())).inputs

    @property
    def out_frac(self) -> int:
        """Fraction bits of an output."""
        return self.spans[-1].frac

    def quantise_inputs(self, x: ArrayLike, counts: Saturations | None = None) -> Ints:
        """As :meth:`csb_rnn.models.integer_network.QNetwork.quantise_inputs`."""
        return next(iter(self.spans[0].networks.values())).quantise_inputs(x, counts)

    def output_float(self, y: ArrayLike) -> np.ndarray:
        """Integer outputs as float32, exact."""
        return formats.to_float(y, self.out_frac).astype(np.float32)

    def state_float(self, state: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
        """States as float32, exact."""
        return self._each_state(state, QNetwork.state_float)

    def quantise_state(self, state: Mapping[str, ArrayLike]) -> dict[str, Ints]:
        """Initial states from floats; absent ones are zero.

        Raises:
            QuantError: an unknown name, a wrong shape, NaN or infinity.
        """
        known = {
            model_key(k, p.first, reverse)
            for p in self.spans
            for reverse, q in p.networks.items()
            for k in q.state_keys()
        }
        for key in state:
            if key not in known:
                raise integer_layer.QuantError(
                    f"unknown state '{key}': known are {', '.join(sorted(known))}"
                )
        return self._each_state(state, QNetwork.quantise_state)

    def _each_state(self, state: Mapping[str, Any], convert: Callable) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for p in self.spans:
            for reverse, q in p.networks.items():
                mine = convert(q, part_state(state, q.state_keys(), p.first, reverse))
                out |= {model_key(k, p.first, reverse): v for k, v in mine.items()}
        return out


def join(p: QSpan, outputs: Mapping[bool, Ints]) -> Ints:
    """Outputs of a span's networks, in the order of frames, side by side at one fraction."""
    parts = [
        numerics.round_shift(turned(y, reverse), p.networks[reverse].out_frac - p.frac)
        for reverse, y in outputs.items()
    ]
    return np.concatenate(parts, axis=-1)


Runner = Callable[[int, bool, QNetwork, Ints, dict[str, Ints]], tuple[Ints, dict[str, Ints]]]


def run_spans(
    q: QModel, x: Ints, state: Mapping[str, Ints] | None, run_one: Runner
) -> tuple[Ints, dict[str, Ints]]:
    """Every network over its frames, in its direction.

    Args:
        x: integers ``[(streams,) frames, inputs]``.
        state: initial states in integers; zero if None.
        run_one: (number of the span, backwards, network, frames in its order, its states) ->
            outputs and final states.
    """
    final: dict[str, Ints] = {}
    for n, p in enumerate(q.spans):
        outputs = {}
        for reverse, network in p.networks.items():
            own = part_state(state or {}, network.state_keys(), p.first, reverse)
            y, end = run_one(n, reverse, network, turned(x, reverse), own)
            outputs[reverse] = y
            final |= {model_key(k, p.first, reverse): e for k, e in end.items()}
        x = join(p, outputs)
    return x, final


def run_fixed(
    q: QModel,
    cfg: Config,
    x: ArrayLike,
    state: Mapping[str, Ints] | None = None,
    counts: Saturations | None = None,
) -> tuple[Ints, dict[str, Ints]]:
    """The fixed model over all frames ``[(streams,) frames, inputs]``, integers; ``counts`` takes
    how often each named point saturated."""

    def one(_n: int, _reverse: bool, network: QNetwork, frames: Ints, own: dict[str, Ints]) -> Any:
        model = FixedModel(network, cfg)
        result = model.run(frames, own)
        if counts is not None:
            counts.update(model.saturations)
        return result

    return run_spans(q, np.asarray(x, np.int64), state, one)
