# SPDX-License-Identifier: Apache-2.0
"""The fixed model: integers in hardware order, exact, with no notion of time or place.

It interprets the cell graph with the named points of :mod:`csb_rnn.machine.numerics`; the RTL
equals it in every bit of every output and state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.cells.graph import Drain
from csb_rnn.machine import numerics
from csb_rnn.machine.config import Config
from csb_rnn.machine.numerics import Ints, Saturations
from csb_rnn.models.integer_network import QNetwork

State = dict[str, Ints]
Trace = dict[tuple[int, str], Ints]
AT_ONCE = 256  # frames that go through a layer together


class Products:
    """Exact products of every gate's weights with one vector of a layer."""

    def __init__(self, weights: Mapping[str, Ints]) -> None:
        """``weights`` are int64 ``[units, columns]`` by gate, all with as many columns."""
        w = np.concatenate(list(weights.values()))
        row, self._col = np.nonzero(w)
        self._value = w[row, self._col]
        self._row, self._start = np.unique(row, return_index=True)
        self._all = w
        ends = np.cumsum([0, *(len(g) for g in weights.values())])
        self.gates = {
            g: slice(*ends[n : n + 2].tolist()) for n, g in enumerate(weights)
        }  # rows of each gate

    def of(self, x: Ints) -> Ints:
        """``[..., columns]`` -> ``[..., rows]``, over the non-zeros: few frames at a time."""
        out = np.zeros((*x.shape[:-1], len(self._all)), np.int64)
        if len(self._row):
            products = x[..., self._col] * self._value
            out[..., self._row] = np.add.reduceat(products, self._start, axis=-1)
        return out

    def of_many(self, x: Ints) -> Ints:
        """The same for many frames: in float64 where it is exact, as below 2^53."""
        largest = int(np.abs(x).max(initial=0)) * int(np.abs(self._all).sum(axis=1).max(initial=0))
        if largest >= 1 << 53:
            return self.of(x)
        return (x.astype(np.float64) @ self._all.T.astype(np.float64)).astype(np.int64)


class FixedModel:
    """A quantised network, run frame by frame.

    State is a dict of int64 arrays, ``[H]`` or ``[streams, H]``: see
    :meth:`csb_rnn.models.integer_network.QNetwork.state_keys`. ``saturations`` counts values that
    a named point had to limit, since the model was made.
    """

    def __init__(self, network: QNetwork, cfg: Config) -> None:
        """
        Raises:
            QuantError: the configuration has other widths than the network's numbers.
        """
        network.check_config(cfg)
        self.network = network
        self.cfg = cfg
        self.saturations: Saturations = Saturations()
        self._products = [
            {
                i: Products({g: w for (g, other), w in la.weights.items() if other == i})
                for i in dict.fromkeys(i for _, i in la.weights)
            }
            for la in network.layers
        ]

    def zero_state(self, streams: int | None = None) -> State:
        """State of a run from zero."""
        return self.network.zero_state(streams)

    def _layer(
        self,
        n: int,
        x: Ints,
        state: State,
        trace: Trace | None = None,
        early: Ints | None = None,
    ) -> Ints:
        """A frame of layer n; ``early`` are its products with ``x``, all gates, if there are."""
        layer, products = self.network.layers[n], self._products[n]
        cell, cfg, counts = layer.cell, self.cfg, self.saturations
        one = np.array(numerics.ONE, np.int64)
        reg: dict[str, Ints] = {"one": one, "zero": np.zeros((), np.int64)}
        for s in cell.states:
            reg[f"state:{s}"] = numerics.from_state(state[f"{s}_l{n}"], cfg, s in layer.fine)
        for k, value in layer.constants.items():
            reg[f"const:{k}"] = numerics.from_state(value, cfg, fine=True)
        vectors = {"x": x}
        made = {} if early is None else {"x": early}
        for name, kept in cell.vectors.items():
            if kept is not None:
                # Values of the frame before or the prologue: a fine state loses nothing of them.
                shift = layer.neu_shift(cell.writer(name))
                vectors[name] = numerics.to_neuron(reg[f"state:{kept}"], shift, cfg)
        after: State = {}
        out = x
        for node in cell.nodes:
            if isinstance(node, Drain):
                d = layer.drains[node.name]
                acc: Any = 0
                for i in node.inputs:
                    if i not in made:
                        made[i] = products[i].of(vectors[i])
                    acc = acc + made[i][..., products[i].gates[node.gate]]
                v = numerics.drain_value(acc, d.bias, d.shift, cfg, counts)
            else:
                ops = (reg[node.m0], reg[node.x0], reg[node.m1], reg[node.x1])
                v = numerics.element(*ops, node.sub, cfg, counts)
                v = np.broadcast_to(v, (*x.shape[:-1], layer.size(node.space)))
                if node.state is not None:
                    fine = node.state in layer.fine
                    after[f"{node.state}_l{n}"] = numerics.to_state(v, cfg, counts, fine)
                if node.vector is not None or node.output:
                    neurons = numerics.to_neuron(v, layer.neu_shift(node), cfg, counts, one=False)
                    if node.output:
                        out = neurons
                    if node.vector is not None and cell.vectors[node.vector] is None:
                        vectors[node.vector] = neurons
            reg[node.name] = numerics.activation(v, node.act)
            if trace is not None:
                trace[n, node.name] = v
        state |= after
        return out

    def step(self, x: Ints, state: State, trace: Trace | None = None) -> Ints:
        """One frame.

        Args:
            x: inputs as integers, ``[inputs]`` or ``[streams, inputs]``.
            state: taken over by the call, which puts the new arrays in their place.
            trace: takes the data path value of every node, before its activation, by
                (layer, node), if given.

        Returns:
            The last layer's output, ``data_w`` bits: ``[outputs]`` or ``[streams, outputs]``.
        """
        v = np.asarray(x, np.int64)
        if v.shape[-1] != self.network.inputs:
            raise ValueError(f"a frame is {self.network.inputs} wide, not {v.shape[-1]}")
        for n in range(len(self.network.layers)):
            v = self._layer(n, v, state, trace)
        return v

    def run(self, x: ArrayLike, state: Mapping[str, ArrayLike] | None = None) -> tuple[Ints, State]:
        """All frames.

        Args:
            x: integers, ``[frames, inputs]`` or ``[streams, frames, inputs]``.
            state: initial state in integers (not changed); zero if None.

        Returns:
            Outputs ``[..., frames, outputs]`` and the final state.
        """
        x = np.asarray(x, np.int64)
        if x.ndim not in (2, 3):
            raise ValueError(f"inputs have shape {x.shape}, not [(streams,) frames, inputs]")
        current = self.zero_state(len(x) if x.ndim == 3 else None)
        for k, v in (state or {}).items():
            if k not in current:
                raise ValueError(f"unknown state '{k}'")
            current[k] = np.broadcast_to(np.asarray(v, np.int64), current[k].shape)
        if x.shape[-1] != self.network.inputs:
            raise ValueError(f"a frame is {self.network.inputs} wide, not {x.shape[-1]}")
        out = np.empty((*x.shape[:-1], self.network.outputs), np.int64)
        for begin in range(0, x.shape[-2], AT_ONCE):
            v = x[..., begin : begin + AT_ONCE, :]
            for n in range(len(self.network.layers)):
                v = self._frames(n, v, current)
            out[..., begin : begin + AT_ONCE, :] = v
        return out, current

    def _frames(self, n: int, x: Ints, state: State) -> Ints:
        """Frames ``[..., frames, inputs]`` of layer n; no layer depends on a later one."""
        early = self._products[n]["x"].of_many(x) if "x" in self._products[n] else None
        out = np.empty((*x.shape[:-1], self.network.layers[n].outputs), np.int64)
        for t in range(x.shape[-2]):
            mine = None if early is None else early[..., t, :]
            out[..., t, :] = self._layer(n, x[..., t, :], state, None, mine)
        return out
