# SPDX-License-Identifier: Apache-2.0
"""The float model: the user's network.

:func:`run_torch` calls torch's own modules, :func:`run` interprets the cell graph in float64
and runs any cell; tests hold the two together. Weights are those of the
:class:`~csb_rnn.network.network.Network`, unrounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.cells.graph import Drain
from csb_rnn.network.network import Floats, Layer, Network

if TYPE_CHECKING:
    import torch

State = dict[str, Floats]
Watch = Callable[[str, Floats], None]


def _sigmoid(v: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * v))


ACTS: dict[str, Callable[[Floats], Floats]] = {
    "identity": lambda v: v,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda v: np.maximum(v, 0.0),
}


def step_layer(
    layer: Layer, x: Floats, state: Mapping[str, Floats]
) -> tuple[Floats, State, dict[str, Floats]]:
    """One frame of one layer.

    Args:
        x: ``[..., n]``.
        state: ``[..., H]`` of each state by its name in the cell.

    Returns:
        Output ``[..., H]``, new state, and the value of every node before its activation.
    """
    cell = layer.cell
    reg: dict[str, Floats | float] = {"one": 1.0, "zero": 0.0}
    reg |= {f"state:{s}": state[s] for s in cell.states}
    reg |= {f"const:{k}": v for k, v in layer.constants.items()}
    vectors = {"x": x} | {v: state[s] for v, s in cell.vectors.items() if s is not None}
    values: dict[str, Floats] = {}
    after, out = dict(state), x
    v: Floats
    for n in cell.nodes:
        if isinstance(n, Drain):
            v = np.sum([vectors[i] @ layer.weights[n.gate, i].T for i in n.inputs], axis=0)
            v = v + sum(layer.biases.get((n.gate, i), 0.0) for i in n.bias_of)
        else:
            a, b = reg[n.m0] * reg[n.x0], reg[n.m1] * reg[n.x1]
            v = np.asarray(a - b if n.sub else a + b)
            v = np.broadcast_to(v, (*x.shape[:-1], layer.size(n.space)))
            if n.state is not None:
                after[n.state] = v
            if n.vector is not None and cell.vectors[n.vector] is None:
                vectors[n.vector] = v
            if n.output:
                out = v
        values[n.name] = v
        reg[n.name] = ACTS[n.act](v)
    return out, after, values


def run(
    network: Network,
    x: ArrayLike,
    state: Mapping[str, ArrayLike] | None = None,
    watch: Watch | None = None,
) -> tuple[Floats, State]:
    """All frames, by interpreting the cell graphs.

    Args:
        x: ``[frames, inputs]`` or ``[streams, frames, inputs]``.
        state: initial state, torch's names (``h_l0``), ``[H]`` or ``[streams, H]``; zero if
            absent.
        watch: called with the values ``[..., units]`` of every node in every frame, before its
            activation, by its name ``NODE_lN``.

    Returns:
        Outputs, shaped as ``x`` but ``outputs`` wide, and the final state.
    """
    x = np.asarray(x, np.float64)
    lead = x.shape[:-2]
    current: State = {
        k: np.broadcast_to(np.asarray((state or {}).get(k, 0.0), np.float64), (*lead, n))
        for k, n in network.state_shapes().items()
    }
    out = np.zeros((*x.shape[:-1], network.outputs))
    for t in range(x.shape[-2]):
        v = x[..., t, :]
        for n, layer in enumerate(network.layers):
            mine = {s: current[f"{s}_l{n}"] for s in layer.cell.states}
            v, after, values = step_layer(layer, v, mine)
            current |= {f"{s}_l{n}": a for s, a in after.items()}
            if watch is not None:
                for name, value in values.items():
                    watch(f"{name}_l{n}", value)
        out[..., t, :] = v
    return out, current


def peaks(
    network: Network, x: ArrayLike, state: Mapping[str, ArrayLike] | None = None
) -> dict[str, float]:
    """Largest |value| of every node, before its activation, as ``NODE_lN``."""
    found: dict[str, float] = {}

    def watch(key: str, value: Floats) -> None:
        found[key] = max(found.get(key, 0.0), float(np.abs(value).max()))

    run(network, x, state, watch)
    return found


def _module(layer: Layer) -> torch.nn.RNNBase:
    """The torch module of one layer, float64, batch first."""
    import torch

    kinds: dict[str, tuple[Callable[..., torch.nn.RNNBase], dict[str, Any]]] = {
        "lstm": (torch.nn.LSTM, {}),
        "lstmp": (torch.nn.LSTM, {"proj_size": layer.outputs}),
        "gru": (torch.nn.GRU, {}),
        "rnn": (torch.nn.RNN, {"nonlinearity": "tanh"}),
        "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    }
    if layer.cell.name not in kinds:
        raise ValueError(f"torch has no module for the cell '{layer.cell.name}'")
    kind, options = kinds[layer.cell.name]
    m = kind(layer.inputs["x"], layer.hidden, batch_first=True, dtype=torch.float64, **options)
    zero = np.zeros(layer.hidden)
    gates = [g for g in layer.cell.gates if g != "proj"]
    tensors = {}
    for name, v in (("ih", "x"), ("hh", "h")):
        tensors[f"weight_{name}_l0"] = [layer.weights[g, v] for g in gates]
        tensors[f"bias_{name}_l0"] = [layer.biases.get((g, v), zero) for g in gates]
    if "proj" in layer.cell.gates:
        tensors["weight_hr_l0"] = [layer.weights["proj", "m"]]
    m.load_state_dict({k: torch.from_numpy(np.concatenate(v)) for k, v in tensors.items()})
    return m


def run_torch(
    network: Network, x: ArrayLike, state: Mapping[str, ArrayLike] | None = None
) -> tuple[Floats, State]:
    """As :func:`run`, by ``torch.nn.LSTM``, ``GRU`` and ``RNN`` in float64.

    Raises:
        ValueError: a layer's cell is none of torch's.
    """
    import torch

    x = np.asarray(x, np.float64)
    v = torch.from_numpy(x if x.ndim == 3 else x[None])
    final: State = {}
    for n, layer in enumerate(network.layers):
        start = [
            torch.from_numpy(
                np.broadcast_to(
                    np.asarray((state or {}).get(f"{s}_l{n}", 0.0), np.float64),
                    (len(v), layer.units(f"state:{s}")),
                ).copy()
            )[None]
            for s in layer.cell.states
        ]
        with torch.no_grad():
            v, end = _module(layer)(v, tuple(start) if len(start) > 1 else start[0])
        for s, e in zip(layer.cell.states, end if len(start) > 1 else (end,), strict=True):
            final[f"{s}_l{n}"] = e[0].numpy() if x.ndim == 3 else e[0, 0].numpy()
    return v.numpy() if x.ndim == 3 else v[0].numpy(), final
