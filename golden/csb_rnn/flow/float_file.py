# SPDX-License-Identifier: Apache-2.0
"""The float network in the folder of an image, for the loss of the integers in a run's report.

The build has compared this network with its source (``source_check`` of the manifest, at most 1e-4
of the largest value), so it stands in for the source when the image is simulated. The file holds
numbers only, single precision if nothing is lost: cell, sizes and names are those of the
integers in ``network.npz``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.errors import UsageError
from csb_rnn.flow.files import npz, read_state
from csb_rnn.flow.record import Part
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.network import Layer, Model, Network, NetworkError, Span

NAME = "float.npz"


def _arrays(layer: Layer, n: int) -> Iterator[tuple[str, np.ndarray]]:
    for kind, found in (("w", layer.weights), ("b", layer.biases)):
        for (gate, vector), a in found.items():
            yield f"{kind}{n}.{gate}.{vector}", a
    for name, a in layer.constants.items():
        yield f"k{n}.{name}", a


def pack(network: Network) -> bytes:
    """The numbers of a network as the bytes of an ``.npz`` file."""
    arrays = {k: a for n, layer in enumerate(network.layers) for k, a in _arrays(layer, n)}
    short = {k: np.float32(a) for k, a in arrays.items()}
    return npz({k: short[k] if np.array_equal(short[k], a) else a for k, a in arrays.items()})


def unpack(path: Path, data: bytes, q: QNetwork) -> Network:
    """The float network of an image.

    Args:
        path: of the file, for messages.
        data: its bytes.
        q: the network in integers.

    Raises:
        UsageError: the file does not hold just the numbers of such a network.
    """
    arrays = {k: np.asarray(a, np.float64) for k, a in read_state(path, data).items()}
    layers, used = [], set[str]()
    for n, la in enumerate(q.layers):
        mine: dict[str, dict[Any, np.ndarray]] = {"w": {}, "b": {}, "k": {}}
        for key, a in arrays.items():
            head, *rest = key.split(".")
            if (
                head[1:] == str(n)
                and head[:1] in mine
                and len(rest) == (1 if head[0] == "k" else 2)
            ):
                mine[head[0]][rest[0] if head[0] == "k" else tuple(rest)] = a
                used.add(key)
        layers.append(
            Layer(la.cell, la.hidden, la.inputs, mine["w"], mine["b"], la.sizes, mine["k"])
        )
    if used != arrays.keys():
        raise UsageError(f"{path}: holds other numbers than those of the network")
    try:
        return Network(tuple(layers), q.block, q.csb)
    except NetworkError as error:
        raise UsageError(f"{path}: {error}") from None


def model_of(parts: Sequence[Part]) -> Model | None:
    """The float model of a folder's parts; None if one of them has no float network."""
    spans: dict[int, Span] = {}
    initial = {}
    for part in parts:
        if part.network is None:
            return None
        one = spans.setdefault(part.number, Span({}, part.first))
        one.networks[part.reverse] = part.network
        for key, own in part.model_keys().items():
            if own in part.initial:
                initial[key] = np.asarray(part.initial[own], np.float64)
    return Model(tuple(spans[n] for n in sorted(spans)), initial)
