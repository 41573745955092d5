# SPDX-License-Identifier: Apache-2.0
"""The cost of each kind of rounding: a quantised model in float64 with each kind on or off.

With all on it equals the fixed model in every bit (unless something saturates), with none the float
model. Example: of ``rnn_tanh`` rounded weights alone cost 2.1 units of 2^-14, rounded inputs 1.4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from csb_rnn.cells.graph import Drain, Elem
from csb_rnn.machine import numerics
from csb_rnn.machine.config import LANE_FRAC
from csb_rnn.models import float_model
from csb_rnn.models.directions import QModel, turned
from csb_rnn.models.formats import to_float
from csb_rnn.models.integer_layer import QLayer
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.models.wide_constants import all_widened
from csb_rnn.network.network import Floats, Layer, Model, Network, part_state

#: Kinds of rounding: inputs; weights and biases; sums, the table of their activations, and 1 - z,
#: which is exact beside a rounded z; other elements, their activations and states; neurons that
#: products read; the output.
KINDS = ("inputs", "weights", "gates", "states", "neurons", "output")


def _rounded(v: Floats, frac: int) -> Floats:
    return np.ldexp(np.floor(np.ldexp(v, frac) + 0.5), -frac)


def _neurons(v: Floats, frac: int, q: QNetwork) -> Floats:
    low, high = numerics.limits(q.data_w)
    own = frac - q.dropped
    return np.ldexp(np.clip(np.floor(np.ldexp(v, own) + 0.5), low, high), -own)


def _activated(v: Floats, act: str, on: bool) -> Floats:
    """The activation; with ``on`` the table's error at the nearest of its inputs is added."""
    exact = float_model.ACTS[act]
    if not on or act in ("identity", "relu"):
        return exact(v)
    place = np.floor(np.ldexp(v, LANE_FRAC) + 0.5)
    near = np.ldexp(place, -LANE_FRAC)
    table = to_float(numerics.activation(place.astype(np.int64), act), LANE_FRAC)
    return np.where(near == v, table, exact(v) + (table - exact(near)))


class _Layer:
    """A layer in float64 with roundings."""

    def __init__(self, la: Layer, ql: QLayer, q: QNetwork, gain: Floats, on: Collection[str]):
        self.q, self.on, self.float, self.integers = q, on, la, ql
        self.weights, self.biases = {}, {}
        for d in la.cell.drains:
            mine, unit = ql.drains[d.name], 32 - q.data_w - q.weight_w
            for i in d.inputs:
                key = (d.gate, i)
                exact = la.weights[key] / (gain if i == "x" else 1.0)
                stored = to_float(ql.weights[key], ql.weight_fracs[key] - 16 + q.weight_w)
                self.weights[key] = stored if "weights" in on else exact
            bias = sum((la.biases.get((d.gate, i), 0.0) for i in d.bias_of), np.zeros(1))
            self.biases[d.name] = to_float(mine.bias, mine.frac - unit) if "weights" in on else bias

    def step(self, x: Floats, state: dict[str, Floats], last: bool) -> Floats:
        """One frame ``[..., n]``; states ``[..., H]`` are replaced."""
        ql, q, on, cell = self.integers, self.q, self.on, self.integers.cell
        reg: dict[str, Floats] = {"one": np.ones(1), "zero": np.zeros(1)}
        reg |= {f"state:{s}": state[s] for s in cell.states}
        for k, v in self.float.constants.items():
            reg[f"const:{k}"] = _rounded(v, LANE_FRAC) if "weights" in on else v
        vectors = {"x": x}
        for name, kept in cell.vectors.items():
            if kept is not None:
                v = reg[f"state:{kept}"]
                vectors[name] = _neurons(v, ql.fracs[name], q) if "neurons" in on else v
        out = x
        for n in cell.nodes:
            complement = isinstance(n, Elem) and (n.m0, n.x0, n.m1) == ("one", "one", "one")
            kind = "gates" if isinstance(n, Drain) or complement else "states"
            if isinstance(n, Drain):
                parts = [vectors[i] @ self.weights[n.gate, i].T for i in n.inputs]
                v = np.sum(parts, axis=0) + self.biases[n.name]
            else:
                a, b = reg[n.m0] * reg[n.x0], reg[n.m1] * reg[n.x1]
                v = np.broadcast_to(a - b if n.sub else a + b, (*x.shape[:-1], ql.size(n.space)))
            v = _rounded(v, LANE_FRAC + ql.lift_of(n.name)) if kind in on else v
            if not isinstance(n, Drain):
                if n.state is not None:
                    frac = ql.state_frac(n.state, q.state_frac)
                    state[n.state] = _rounded(v, frac) if "states" in on else v
                if n.vector is not None and cell.vectors[n.vector] is None:
                    rounded = _neurons(v, ql.fracs[n.vector], q)
                    vectors[n.vector] = rounded if "neurons" in on else v
                if n.output:
                    kind_out = "output" if last else "neurons"
                    out = _neurons(v, ql.fracs["out"], q) if kind_out in on else v
            reg[n.name] = _activated(v, n.act, kind in on)
        return out


def _run_network(
    network: Network,
    q: QNetwork,
    x: Floats,
    start: Mapping[str, Floats],
    on: Collection[str],
    ends: tuple[bool, bool],
) -> Floats:
    """Outputs; ``ends``: x is the model's input, the output is the model's."""
    gain = np.ones(q.inputs) if q.x_gain is None else np.asarray(q.x_gain)
    x = to_float(q.quantise_inputs(x), q.x_frac) if ends[0] and "inputs" in on else x * gain
    pairs = zip(all_widened(network).layers, q.layers, strict=True)
    layers = [
        _Layer(la, ql, q, gain if not n else np.ones(1), on) for n, (la, ql) in enumerate(pairs)
    ]
    states: list[dict[str, Floats]] = []
    for n, la in enumerate(q.layers):
        own = {}
        for s in la.cell.states:
            v = np.asarray(start.get(f"{s}_l{n}", 0.0), np.float64)
            v = np.broadcast_to(v, (*x.shape[:-2], la.units(f"state:{s}")))
            own[s] = _rounded(v, la.state_frac(s, q.state_frac)) if "states" in on else v
        states.append(own)
    out = np.zeros((*x.shape[:-1], q.outputs))
    for t in range(x.shape[-2]):
        v = x[..., t, :]
        for n, layer in enumerate(layers):
            v = layer.step(v, states[n], ends[1] and n == len(layers) - 1)
        out[..., t, :] = v
    return out


def run(
    model: Model,
    q: QModel,
    x: Floats,
    state: Mapping[str, Floats] | None = None,
    on: Collection[str] = KINDS,
) -> Floats:
    """Outputs of the quantised model with some roundings; others are exact.

    Args:
        model, q: in float, and quantised from it.
        x: ``[(streams,) frames, inputs]``.
        state: initial states.
        on: kinds of rounding, of :data:`KINDS`.
    """
    v, start = np.asarray(x, np.float64), {**model.initial, **(state or {})}
    for n, (p, qp) in enumerate(zip(model.spans, q.spans, strict=True)):
        parts = []
        for reverse, network in p.networks.items():
            own = part_state(start, network.state_shapes(), p.first, reverse)
            ends = (n == 0, n == len(q.spans) - 1)
            y = _run_network(network, qp.networks[reverse], turned(v, reverse), own, on, ends)
            parts.append(turned(y, reverse))
        v = np.concatenate(parts, axis=-1)
    return v
