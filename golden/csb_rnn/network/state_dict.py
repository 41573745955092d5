# SPDX-License-Identifier: Apache-2.0
"""State dicts as they lie in files of others: inside of other dicts, of cells, of several modules.

:mod:`csb_rnn.network.checkpoint` reads the keys of one recurrent module. This module brings other
forms to that one: a dict at any depth of a checkpoint (``{"epoch": 3, "net": {"model": ...}}``),
the keys of ``LSTMCell``, ``GRUCell`` and ``RNNCell`` (``weight_ih`` without ``_l0``), and Linear
layers (``fc.weight``, ``fc.bias``) that are named beside recurrent modules.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

DEPTH = 8  # of dicts in dicts
_PART = re.compile(r"^(.*\.)?(parametrizations\.)?(weight_ih|weight_hh|bias_ih|bias_hh)(\W|_|$)")
_CELL = re.compile(
    r"^(?P<head>(?:.*\.)?(?:parametrizations\.)?)(?P<stem>weight_ih|weight_hh|bias_ih|bias_hh)"
    r"(?P<tail>|_orig|_mask|\.original|\.\d+\.mask)$"
)


def is_tensor(value: Any) -> bool:
    """Whether a value of a file is a tensor or array."""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _dicts(loaded: dict, path: str = "", depth: int = 0) -> dict[str, dict[str, Any]]:
    """Path -> dict, for every dict that holds tensors of a recurrent module itself."""
    found: dict[str, dict[str, Any]] = {}
    names = [k for k, v in loaded.items() if isinstance(k, str) and is_tensor(v)]
    if any(_PART.match(k) for k in names):
        found[path] = loaded
    if depth < DEPTH:
        for key, value in loaded.items():
            if isinstance(value, dict) and isinstance(key, str):
                found |= _dicts(value, f"{path}{key}.", depth + 1)
    return found


def inner(loaded: dict) -> dict[str, Any]:
    """The state dict in a checkpoint: the one dict that holds recurrent weights. If there are
    several, one dict of all with their paths as prefixes; if there is none, the dict itself."""
    found = _dicts(loaded)
    if not found:
        return loaded
    if len(found) == 1:
        return next(iter(found.values()))
    return {f"{path}{k}": v for path, state in found.items() for k, v in state.items()}


def as_layers(state: dict[str, Any]) -> dict[str, Any]:
    """Keys of cells as those of a layer: ``enc.weight_ih`` is ``enc.weight_ih_l0``."""
    out = {}
    for key, value in state.items():
        match = _CELL.match(key) if is_tensor(value) else None
        out[f"{match['head']}{match['stem']}_l0{match['tail']}" if match else key] = value
    return out if len(out) == len(state) else state


def linear(state: dict[str, Any], prefix: str) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Weight and bias of the Linear layer of that prefix; None if it is none."""
    head = prefix if not prefix or prefix.endswith(".") else prefix + "."
    w, b = state.get(head + "weight"), state.get(head + "bias")
    if w is None or not is_tensor(w) or len(w.shape) != 2 or any(n == 0 for n in w.shape):
        return None

    def plain(t: Any) -> np.ndarray:
        t = t.detach().cpu().float().numpy() if hasattr(t, "detach") else t
        return np.asarray(t, np.float64)

    if b is None or not is_tensor(b) or tuple(b.shape) != (w.shape[0],):
        return plain(w), None
    return plain(w), plain(b)
