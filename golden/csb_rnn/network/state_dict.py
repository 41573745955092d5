# SPDX-License-Identifier: Apache-2.0
"""State dicts: from the keys of one file to the tensors of a checkpoint.

Keys are torch's, with any name prefix (``rnn.weight_ih_l0``), in three styles:

* plain: ``weight_ih_l0``;
* ``torch.nn.utils.prune``: ``weight_ih_l0_orig`` and ``weight_ih_l0_mask``, multiplied;
* ``torch.nn.utils.parametrize``: ``parametrizations.weight_ih_l0.original``, multiplied by every
  ``parametrizations.weight_ih_l0.<i>.mask`` of its shape. A parametrization other than a mask
  cannot be repeated from a state dict and is refused.

Other forms are brought to these: a dict at any depth of a file (``{"epoch": 3, "net": {"model":
...}}``), the keys of ``LSTMCell``, ``GRUCell`` and ``RNNCell`` (``weight_ih`` without ``_l0``), and
Linear layers (``fc.weight``, ``fc.bias``) named beside recurrent modules.

Tensors outside of the recurrent layers (``head.weight``, ``embed.weight``, ...) are kept as extras.
Tables among them may be stored in 8 bits: int8 ``name`` with a float32 scale for each row in
``name.scale``; reading gives float32.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from csb_rnn.network.checkpoint import CELL_GATES, STEMS, Checkpoint, CheckpointError, layers_of
from csb_rnn.network.checkpoint_metadata import check_csb, of_module
from csb_rnn.system import untrusted

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
    """Path -> dict, for every dict with tensors of a recurrent module itself."""
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
    """The state dict in a checkpoint: the one dict with recurrent weights. If there are
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
    """Weight and bias of the Linear layer of this prefix; None if it is none."""
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


NUMBERS = untrusted.LIMIT // 4  # of all tensors of a file, as float32
WEIGHTS = 1 << 26  # of the recurrent layers: more fit no configuration, at any rate of pruning
KEY_LENGTH = 500  # characters of a name
_TAIL = rf"(?:{STEMS})_l[0-9]{{1,4}}(?:_reverse)?"
_STYLES = (
    ("plain", re.compile(rf"^(?P<prefix>.*?)(?P<name>{_TAIL})$")),
    ("orig", re.compile(rf"^(?P<prefix>.*?)(?P<name>{_TAIL})_orig$")),
    ("mask", re.compile(rf"^(?P<prefix>.*?)(?P<name>{_TAIL})_mask$")),
    ("original", re.compile(rf"^(?P<prefix>.*?)parametrizations\.(?P<name>{_TAIL})\.original$")),
    ("pmask", re.compile(rf"^(?P<prefix>.*?)parametrizations\.(?P<name>{_TAIL})\.\d+\.mask$")),
    ("other", re.compile(rf"^(?P<prefix>.*?)parametrizations\.(?P<name>{_TAIL})\..+$")),
)


def _dense(value: Any) -> Any:
    """A sparse tensor with all its zeros; a file's indices are checked first."""
    import torch

    size = value.shape
    if value.layout == torch.sparse_coo:
        at, kept = value._indices(), value._values()
        return torch.sparse_coo_tensor(at, kept, size, check_invariants=True).to_dense()
    rows, columns, kept = value.crow_indices(), value.col_indices(), value.values()
    return torch.sparse_csr_tensor(rows, columns, kept, size, check_invariants=True).to_dense()


def _of_torch(key: str, value: Any) -> np.ndarray:
    """A torch tensor as a numpy array; bfloat16, which numpy does not have, as float32."""
    layout = str(value.layout).removeprefix("torch.")
    kinds = (
        (layout not in ("strided", "sparse_coo", "sparse_csr"), f"a {layout}"),
        (value.is_quantized, "a quantised"),
        (value.is_meta, "an empty (meta)"),
        (value.is_complex(), "a complex"),
    )
    for odd, kind in kinds:
        if odd:
            raise CheckpointError(f"{key}: {kind} tensor; expected a dense one of real numbers")
    try:
        value = value.detach().cpu()
        value = value.resolve_neg() if layout == "strided" else _dense(value)
        return (value.float() if value.is_floating_point() else value).numpy()
    except (TypeError, RuntimeError, NotImplementedError) as error:
        reason = untrusted.clean((str(error).splitlines() or [""])[0], 100)
        raise CheckpointError(f"{key}: no numbers can be read from it: {reason}") from None


def as_array(key: str, value: Any) -> np.ndarray:
    """A tensor as a numpy array; floats become float32, integers stay."""
    value = _of_torch(key, value) if hasattr(value, "detach") else np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise CheckpointError(f"{key}: expected numbers, got type {value.dtype}")
    if value.dtype.kind == "f":
        if not np.isfinite(value).all():
            raise CheckpointError(f"{key}: expected finite numbers, found NaN or infinity")
        with np.errstate(over="ignore", under="ignore"):
            value = value.astype(np.float32)
        if not np.isfinite(value).all():
            raise CheckpointError(f"{key}: expected numbers within float32's range")
    return value


def check_sizes(state: dict[str, Any], used: set[str]) -> None:
    """Refuse tensors beyond the memory of a usual machine, before a copy is made; a tensor may
    be larger than its file, if its strides are zero.

    Raises:
        CheckpointError: too many numbers, or a name other than text or too long.
    """
    total = weights = 0
    for key, value in state.items():
        if getattr(value, "is_nested", False):
            raise CheckpointError(f"{key[:KEY_LENGTH]}: a nested tensor; expected a dense one")
        if len(key) > KEY_LENGTH:
            raise CheckpointError(f"{untrusted.show(key)}: a name of {len(key)} characters")
        if hasattr(value, "shape") and hasattr(value, "dtype"):
            size = math.prod(int(n) for n in value.shape)
            total, weights = total + size, weights + (size if key in used else 0)
    for count, limit, name in ((total, NUMBERS, "numbers"), (weights, WEIGHTS, "weights")):
        if count > limit:
            raise CheckpointError(f"{untrusted.show(count)} {name}, at most {limit:,} are read")


def _collect(state: dict[str, Any], prefix: str | None) -> tuple[str, dict[str, dict], set[str]]:
    """Sort keys into ``name -> style -> [keys]`` for one prefix; also the set of keys used."""
    by_prefix: dict[str, dict[str, dict[str, list[str]]]] = {}
    for key in state:
        for style, pattern in _STYLES:
            match = pattern.match(key)
            if match:
                found = by_prefix.setdefault(match["prefix"], {})
                found.setdefault(match["name"], {}).setdefault(style, []).append(key)
                break
    if prefix is None:
        if not by_prefix:
            raise CheckpointError(
                "weight_ih_l0: missing; expected a state dict of torch.nn.LSTM, GRU or RNN"
            )
        if len(by_prefix) > 1:
            names = ", ".join(untrusted.show(p) for p in sorted(by_prefix)[:20])
            raise CheckpointError(
                "several recurrent modules: name one by its prefix, or those that follow each "
                f"other with commas between: {names}"
            )
        prefix = next(iter(by_prefix))
    else:
        if prefix not in by_prefix and prefix + "." in by_prefix:
            prefix += "."
        if prefix not in by_prefix:
            raise CheckpointError(
                f"{prefix}weight_ih_l0: missing; no key has the prefix {prefix!r}"
            )
    found = by_prefix[prefix]
    used = {key for styles in found.values() for keys in styles.values() for key in keys}
    return prefix, found, used


def _resolve(state: dict[str, Any], prefix: str, name: str, styles: dict) -> np.ndarray:
    """One float32 tensor from whichever key style it has."""
    bases = [s for s in ("plain", "orig", "original") if s in styles]
    if "other" in styles:
        raise CheckpointError(
            f"{styles['other'][0]}: expected a mask; make other parametrizations permanent first"
            " (torch.nn.utils.parametrize.remove_parametrizations)"
        )
    if len(bases) != 1:
        what = "is stored twice" if bases else "has a mask but no weights"
        raise CheckpointError(f"{prefix}{name}: {what}; expected exactly one form of it")
    value = as_array(styles[bases[0]][0], state[styles[bases[0]][0]])
    if value.dtype.kind != "f":
        raise CheckpointError(f"{prefix}{name}: expected floating point, got type {value.dtype}")
    masks = styles.get("mask", []) + styles.get("pmask", [])
    if bases[0] == "orig" and not styles.get("mask"):
        raise CheckpointError(f"{prefix}{name}_mask: missing; expected beside {name}_orig")
    if bases[0] == "plain" and masks:
        raise CheckpointError(f"{masks[0]}: a mask beside a plain {name}; expected {name}_orig")
    for key in masks:
        mask = as_array(key, state[key])
        if mask.shape != value.shape:
            raise CheckpointError(f"{key}: expected shape {value.shape}, got {mask.shape}")
        value = value * mask.astype(np.float32)
    # A masked negative weight is -0.0: as +0.0 it compresses, and nobody has to think of it.
    return np.ascontiguousarray(value, dtype=np.float32) + np.float32(0)


def extras_of(state: dict[str, Any], used: set[str]) -> dict[str, np.ndarray]:
    """Arrays other than recurrent weights; 8-bit tables are brought back to float32."""
    extras = {}
    for key, value in state.items():
        if key in used:
            continue
        if not (hasattr(value, "shape") and hasattr(value, "dtype")):
            continue  # a .pt file may carry settings and the like
        extras[key] = as_array(key, value)
    for key in [k for k in extras if k + ".scale" in extras and extras[k].dtype == np.int8]:
        scale = extras.pop(key + ".scale")
        if scale.shape != (extras[key].shape[0], 1):
            raise CheckpointError(
                f"{key}.scale: expected shape {(extras[key].shape[0], 1)}, got {scale.shape}"
            )
        extras[key] = extras[key].astype(np.float32) * scale
    return extras


def from_state_dict(
    state: dict[str, Any], prefix: str | None = None, csb: dict[str, Any] | None = None
) -> Checkpoint:
    """A :class:`Checkpoint` from a state dict of torch tensors or numpy arrays.

    Args:
        state: keys in any of the styles of this module's docstring.
        prefix: name prefix of the recurrent module; found by itself when there is only one.
        csb: metadata.

    Raises:
        CheckpointError: missing keys, contradicting shapes, NaN or infinity, bad metadata.
    """
    if csb is not None:
        try:
            csb = untrusted.plain_json(csb)
        except untrusted.FileError as error:
            raise CheckpointError(f"csb: {error}") from None
    state = as_layers(state)
    prefix, found, used = _collect(state, prefix)
    check_sizes(state, used)
    tensors = {name: _resolve(state, prefix, name, styles) for name, styles in found.items()}
    if csb is not None and not isinstance(csb, dict):
        raise CheckpointError(f"csb: expected a JSON object, got {type(csb).__name__}")
    named = (csb or {}).get("cell")
    if named is not None and not (isinstance(named, str) and named in CELL_GATES):
        raise CheckpointError(
            f"csb.cell: expected one of {', '.join(CELL_GATES)}, got {untrusted.show(named)}"
        )
    cell, layers = layers_of({n: t.shape for n, t in tensors.items()}, prefix, named)
    checked = check_csb(of_module(csb or {}, prefix), tensors)
    ordered = {name: tensors[name] for layer in layers for name in layer.names()}
    return Checkpoint(ordered, cell, layers, checked, extras_of(state, used), prefix)
