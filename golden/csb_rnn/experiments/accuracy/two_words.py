# SPDX-License-Identifier: Apache-2.0
"""A design that was measured and not kept: every input column as two, a high part and its rest.

``W x = W high(x) + W rest(x)``: the rounding of inputs vanishes, for twice the words of W_x and a
frame of twice the columns. Example: 3.14159 of a column to 8 is 3.140625 and 0.000965.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from csb_rnn.experiments.accuracy.networks import Case
from csb_rnn.network.network import Floats, Layer, Model, Network, Span

BITS = 9  # of the high part


def _doubled(layer: Layer) -> Layer:
    """The layer with each column of x twice."""
    weights = {
        k: np.concatenate([w, w], axis=1) if k[1] == "x" else w for k, w in layer.weights.items()
    }
    inputs = {**layer.inputs, "x": 2 * layer.inputs["x"]}
    return dataclasses.replace(layer, weights=weights, inputs=inputs)


def _first(network: Network) -> Network:
    return dataclasses.replace(network, layers=(_doubled(network.layers[0]), *network.layers[1:]))


def split(case: Case) -> Case:
    """The case with inputs of two words, ``[..., 2 inputs]``: high parts, then their rests."""
    peak = np.abs(case.calibrate).reshape(-1, case.calibrate.shape[-1]).max(axis=0)
    step = 2.0 ** (np.ceil(np.log2(2 * np.maximum(peak, 1e-9))) - BITS)

    def parts(x: Floats) -> Floats:
        high = np.floor(x / step + 0.5) * step
        return np.concatenate([high, x - high], axis=-1)

    first, *others = case.model.spans
    doubled = Span({way: _first(n) for way, n in first.networks.items()}, first.first)
    model: Model = dataclasses.replace(case.model, spans=(doubled, *others))
    return dataclasses.replace(
        case, model=model, calibrate=parts(case.calibrate), test=parts(case.test)
    )
