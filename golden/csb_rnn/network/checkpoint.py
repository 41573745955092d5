# SPDX-License-Identifier: Apache-2.0
"""Reading and writing checkpoints: state dicts of torch recurrent layers in three file formats.

``.pt`` (torch.save of a state dict), ``.safetensors`` and ``.npz`` (deflated) hold tensors under
torch's key names, with any name prefix (``rnn.weight_ih_l0``). Three key styles are read:

* plain: ``weight_ih_l0``;
* ``torch.nn.utils.prune``: ``weight_ih_l0_orig`` and ``weight_ih_l0_mask``, multiplied;
* ``torch.nn.utils.parametrize``: ``parametrizations.weight_ih_l0.original``, multiplied by every
  ``parametrizations.weight_ih_l0.<i>.mask`` of its shape. A parametrization that is no mask cannot
  be repeated from a state dict and is refused.

The cell follows from the shapes (4H gate rows: lstm, 3H: gru, H: rnn) unless the ``csb`` metadata
names one. Cells without a product of their state (SRU) have no ``weight_hh`` and ``bias_hh``, cells
with constants (peephole weights) have them stacked in ``weight_p_l0``.

Everything that is not part of the recurrent layers (``head.weight``, ``embed.weight``, ...) is
kept in :attr:`Checkpoint.extras`. Tables among the extras may be stored in 8 bits: int8 ``name``
with a float32 scale per row in ``name.scale``; reading gives float32.

Metadata: a JSON object under the key ``csb`` (npz: a string array; safetensors: the file's
metadata; pt: the file ``NAME.pt.csb.json``, or an entry of the dict). All fields are optional:

======================  ==========================================================================
``version``             1
``cell``                name of a cell description, e.g. ``"lstm"``
``block``, ``align``    side of a block; ``[P, Q]``
``row_order``,          matrix name -> permutation: entry ``i`` is the row (column) of torch's
``col_order``           matrix that stands at place ``i`` when blocks are cut
``task``, ``rate``      task id, weights / non-zeros of all matrices together
======================  ==========================================================================

Errors are :class:`CheckpointError`: one line that names the key and what was expected.
"""

from __future__ import annotations

import errno
import math
import os
import re
import tempfile
import warnings
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import UNITS
from csb_rnn.errors import CsbError
from csb_rnn.network import state_dict, weight_files
from csb_rnn.system import untrusted

__all__ = [
    "CELL_GATES",
    "Checkpoint",
    "CheckpointError",
    "Layer",
    "check_target",
    "from_state_dict",
    "read_arrays",
    "read_checkpoint",
    "write_checkpoint",
]

CSB_VERSION = 1
SUFFIXES = (".pt", ".pth", ".safetensors", ".npz")
NUMBERS = untrusted.LIMIT // 4  # of all tensors of a file, as float32
WEIGHTS = 1 << 26  # of the recurrent layers: more fit no configuration, at any rate of pruning
KEY_LENGTH = 500  # characters of a name
BLOCK_LIMIT = 1 << 16

CELL_GATES = {n: sum(c.spaces[g] == UNITS for g in c.gates) for n, c in CELLS.items()}
"""Gate rows per hidden unit. Shapes alone imply lstm, gru, rnn; metadata names the others."""

TORCH_READ = (".pt", ".pth", ".ckpt", ".bin", ".pkl")  # ends of names
READ = (*TORCH_READ, ".safetensors", ".npz")
_IMPLIED = {4: "lstm", 3: "gru", 1: "rnn"}
_STEMS = "weight_ih|weight_hh|weight_hr|weight_p|bias_ih|bias_hh"
_NAME = re.compile(rf"^({_STEMS})_l([0-9]{{1,4}})(_reverse)?$")
_TAIL = rf"(?:{_STEMS})_l[0-9]{{1,4}}(?:_reverse)?"
_STYLES = (
    ("plain", re.compile(rf"^(?P<prefix>.*?)(?P<name>{_TAIL})$")),
    ("orig", re.compile(rf"^(?P<prefix>.*?)(?P<name>{_TAIL})_orig$")),
    ("mask", re.compile(rf"^(?P<prefix>.*?)(?P<name>{_TAIL})_mask$")),
    ("original", re.compile(rf"^(?P<prefix>.*?)parametrizations\.(?P<name>{_TAIL})\.original$")),
    ("pmask", re.compile(rf"^(?P<prefix>.*?)parametrizations\.(?P<name>{_TAIL})\.\d+\.mask$")),
    ("other", re.compile(rf"^(?P<prefix>.*?)parametrizations\.(?P<name>{_TAIL})\..+$")),
)


class CheckpointError(CsbError, ValueError):
    """A checkpoint that cannot be used; the message is one line for the user."""


@dataclass(frozen=True)
class Layer:
    """One recurrent layer. With ``bidirectional`` there are weights for both directions."""

    index: int
    inputs: int
    hidden: int
    bias: bool
    proj: int = 0  # LSTM projection size, 0 for none
    bidirectional: bool = False
    recurrent: bool = True  # has weight_hh
    constants: int = 0  # of each unit

    @property
    def outputs(self) -> int:
        """Width of what the layer puts out, both directions together."""
        return (self.proj or self.hidden) * (2 if self.bidirectional else 1)

    def names(self) -> list[str]:
        """Torch names of this layer's tensors."""
        kinds = ["ih", "hh"] if self.recurrent else ["ih"]
        stems = [f"weight_{kind}" for kind in kinds]
        stems += [f"bias_{kind}" for kind in kinds] if self.bias else []
        stems += ["weight_hr"] if self.proj else []
        stems += ["weight_p"] if self.constants else []
        ends = ["", "_reverse"] if self.bidirectional else [""]
        return [f"{stem}_l{self.index}{end}" for end in ends for stem in stems]


@dataclass(frozen=True)
class Checkpoint:
    """Recurrent layers of one model, and what came with them.

    ``tensors`` maps torch's names, without prefix, to float32 arrays in torch's gate order.
    """

    tensors: dict[str, np.ndarray]
    cell: str
    layers: list[Layer]
    csb: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, np.ndarray] = field(default_factory=dict)
    prefix: str = ""

    def matrices(self) -> list[str]:
        """Names of the weight matrices, in layer order."""
        names = [name for layer in self.layers for name in layer.names()]
        return [name for name in names if name.startswith("weight") and "_p_" not in name]

    @property
    def kept_weights(self) -> int:
        """Non-zero entries of the weight matrices."""
        return sum(int(np.count_nonzero(self.tensors[name])) for name in self.matrices())

    @property
    def weights(self) -> int:
        """Entries of the weight matrices."""
        return sum(self.tensors[name].size for name in self.matrices())

    @property
    def rate(self) -> float:
        """Weights / non-zeros over all matrices together."""
        kept = self.kept_weights
        return self.weights / kept if kept else float("inf")

    def with_tensors(self, tensors: dict[str, np.ndarray], **csb: Any) -> Checkpoint:
        """The same model with some tensors replaced and metadata fields set."""
        return replace(self, tensors={**self.tensors, **tensors}, csb={**self.csb, **csb})


def _from_torch(key: str, value: Any) -> np.ndarray:
    """A dense torch tensor as a numpy array; bfloat16, which numpy does not have, as float32."""
    kinds = (
        (str(value.layout) != "torch.strided", "a sparse"),
        (value.is_quantized, "a quantised"),
        (value.is_meta, "an empty (meta)"),
        (value.is_complex(), "a complex"),
    )
    for odd, kind in kinds:
        if odd:
            raise CheckpointError(f"{key}: {kind} tensor; expected a dense one of real numbers")
    try:
        value = value.detach().cpu().resolve_neg()
        return (value.float() if value.is_floating_point() else value).numpy()
    except (TypeError, RuntimeError, NotImplementedError) as error:
        reason = untrusted.clean((str(error).splitlines() or [""])[0], 100)
        raise CheckpointError(f"{key}: no numbers can be read from it: {reason}") from None


def _array(key: str, value: Any) -> np.ndarray:
    """A tensor as a numpy array; floats become float32, integers stay."""
    value = _from_torch(key, value) if hasattr(value, "detach") else np.asarray(value)
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


def _check_sizes(state: dict[str, Any], used: set[str]) -> None:
    """Refuse what would not fit the memory of a usual machine, before a copy is made; a tensor may
    be larger than its file, if its strides are zero.

    Raises:
        CheckpointError: too many numbers, or a name that is no text or too long.
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
    value = _array(styles[bases[0]][0], state[styles[bases[0]][0]])
    if value.dtype.kind != "f":
        raise CheckpointError(f"{prefix}{name}: expected floating point, got type {value.dtype}")
    masks = styles.get("mask", []) + styles.get("pmask", [])
    if bases[0] == "orig" and not styles.get("mask"):
        raise CheckpointError(f"{prefix}{name}_mask: missing; expected beside {name}_orig")
    if bases[0] == "plain" and masks:
        raise CheckpointError(f"{masks[0]}: a mask beside a plain {name}; expected {name}_orig")
    for key in masks:
        mask = _array(key, state[key])
        if mask.shape != value.shape:
            raise CheckpointError(f"{key}: expected shape {value.shape}, got {mask.shape}")
        value = value * mask.astype(np.float32)
    # A masked negative weight is -0.0: as +0.0 it compresses, and nobody has to think of it.
    return np.ascontiguousarray(value, dtype=np.float32) + np.float32(0)


def _need(
    tensors: dict[str, np.ndarray], prefix: str, name: str, shape: tuple[int, ...]
) -> np.ndarray:
    if name not in tensors:
        raise CheckpointError(f"{prefix}{name}: missing; expected shape {shape}")
    if tensors[name].shape != shape:
        raise CheckpointError(f"{prefix}{name}: expected shape {shape}, got {tensors[name].shape}")
    return tensors[name]


def _layers(
    tensors: dict[str, np.ndarray], prefix: str, named_cell: str | None
) -> tuple[str, list[Layer]]:
    """Cell and layers from names and shapes; every tensor must have its place and its shape."""
    count = 1 + max(int(m[2]) for name in tensors if (m := _NAME.match(name)))
    cell, layers, width = named_cell, [], None
    bidirectional = any(name.endswith("_reverse") for name in tensors)
    bias = any(name.startswith("bias") for name in tensors)
    projected = any(name.startswith("weight_hr") for name in tensors)
    graph = CELLS.get(named_cell or "")
    recurrent = graph is None or any(v != "x" for d in graph.drains for v in d.inputs)
    for index in range(count):
        end = f"_l{index}"
        for stem in ("weight_ih", *["weight_hh"] * recurrent, *["weight_hr"] * projected):
            name = stem + end
            if name not in tensors:
                raise CheckpointError(f"{prefix}{name}: missing; expected for layer {index}")
            if tensors[name].ndim != 2 or 0 in tensors[name].shape:
                raise CheckpointError(
                    f"{prefix}{name}: expected a matrix, got shape {tensors[name].shape}"
                )
        rows, state_width = tensors[("weight_hh" if recurrent else "weight_ih") + end].shape
        if not recurrent:
            state_width = rows // CELL_GATES[str(cell)]
        hidden = tensors["weight_hr" + end].shape[1] if projected else state_width
        gates = rows // hidden if rows % hidden == 0 else 0
        if cell is None:
            if gates not in _IMPLIED:
                raise CheckpointError(
                    f"{prefix}weight_hh{end}: expected 4, 3 or 1 times {hidden} rows"
                    f" (lstm, gru, rnn), got {rows}"
                )
            cell = _IMPLIED[gates]
            if cell == "rnn":
                raise CheckpointError(
                    f"{prefix}weight_hh{end}: is of a torch.nn.RNN, whose state dict does not say "
                    "its activation: say --activation tanh or relu (or csb.cell rnn or rnn_relu)"
                )
        gates = CELL_GATES[cell]
        if projected and cell not in ("lstm", "lstmp"):
            raise CheckpointError(
                f"{prefix}weight_hr{end}: only an lstm has a projection, not {cell}"
            )
        inputs = tensors["weight_ih" + end].shape[1] if width is None else width
        layer = Layer(
            index,
            inputs,
            hidden,
            bias,
            state_width if projected else 0,
            bidirectional,
            recurrent,
            len(CELLS[cell].constants),
        )
        shapes = {
            "weight_ih": (gates * hidden, inputs),
            "weight_hh": (gates * hidden, state_width),
            "weight_hr": (state_width, hidden),
            "weight_p": (layer.constants * hidden,),
            "bias_ih": (gates * hidden,),
            "bias_hh": (gates * hidden,),
        }
        for name in layer.names():
            _need(tensors, prefix, name, shapes[name[: name.index("_l")]])
        layers.append(layer)
        width = layer.outputs
    known = {name for layer in layers for name in layer.names()}
    for name in tensors:
        if name not in known:
            raise CheckpointError(f"{prefix}{name}: has no place in {count} layer(s) of {cell}")
    assert cell is not None
    return cell, layers


def _check_csb(csb: Any, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Metadata whose types are right, or an error that names the field."""

    def fail(name: str, expected: str) -> None:
        raise CheckpointError(f"csb.{name}: expected {expected}, got {untrusted.show(csb[name])}")

    if not isinstance(csb, dict):
        raise CheckpointError(f"csb: expected a JSON object, got {type(csb).__name__}")
    if csb.get("version", CSB_VERSION) != CSB_VERSION:
        fail("version", str(CSB_VERSION))
    cell = csb.get("cell")
    if cell is not None and not (isinstance(cell, str) and cell in CELL_GATES):
        fail("cell", "one of " + ", ".join(CELL_GATES))
    block = csb.get("block")
    if block is not None and not (type(block) is int and 1 <= block <= BLOCK_LIMIT):
        fail("block", f"an integer of 1 to {BLOCK_LIMIT}")
    align = csb.get("align")
    if align is not None and not (
        isinstance(align, (list, tuple))
        and len(align) == 2
        and all(type(a) is int and 1 <= a <= BLOCK_LIMIT for a in align)
    ):
        fail("align", f"two integers of 1 to {BLOCK_LIMIT}")
    classes = csb.get("classes")
    if classes is not None and not (type(classes) is int and classes >= 1):
        fail("classes", "a positive integer")
    unit_class = csb.get("unit_class")
    if unit_class is not None and not (
        isinstance(unit_class, dict)
        and all(
            isinstance(v, list) and all(type(n) is int and n >= 0 for n in v)
            for v in unit_class.values()
        )
    ):
        fail("unit_class", "an object: unit space and layer, as hidden_l0 -> classes")
    rate = csb.get("rate")
    if rate is not None and not (type(rate) in (int, float) and 1 <= rate < 1e9):
        fail("rate", "a number of at least 1")
    for axis, name in enumerate(("row_order", "col_order")):
        orders = csb.get(name)
        if orders is None:
            continue
        if not isinstance(orders, dict):
            fail(name, "an object: matrix name -> permutation")
        for matrix, order in orders.items():
            if matrix not in tensors or tensors[matrix].ndim != 2:
                raise CheckpointError(
                    f"csb.{name}.{untrusted.clean(matrix, 80)}: no such matrix in the checkpoint"
                )
            size = tensors[matrix].shape[axis]
            if not (
                isinstance(order, list)
                and all(type(i) is int for i in order)
                and sorted(order) == list(range(size))
            ):
                raise CheckpointError(
                    f"csb.{name}.{matrix}: expected a permutation of 0..{size - 1}"
                )
    return dict(csb)


def _extras(state: dict[str, Any], used: set[str]) -> dict[str, np.ndarray]:
    """Arrays that are not recurrent weights; 8-bit tables are brought back to float32."""
    extras = {}
    for key, value in state.items():
        if key in used:
            continue
        if not (hasattr(value, "shape") and hasattr(value, "dtype")):
            continue  # a .pt file may carry settings and the like
        extras[key] = _array(key, value)
    for key in [k for k in extras if k + ".scale" in extras and extras[k].dtype == np.int8]:
        scale = extras.pop(key + ".scale")
        if scale.shape != (extras[key].shape[0], 1):
            raise CheckpointError(
                f"{key}.scale: expected shape {(extras[key].shape[0], 1)}, got {scale.shape}"
            )
        extras[key] = extras[key].astype(np.float32) * scale
    return extras


def _of_module(csb: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Metadata of one module: of names with dots, those with its prefix, without it.

    Example: of ``{"enc.hidden_l0": [0, 1], "dec.hidden_l0": [1, 0]}`` the module ``enc.`` has
    ``{"hidden_l0": [0, 1]}``.
    """
    own = dict(csb)
    for key in ("row_order", "col_order", "unit_class"):
        if isinstance(found := csb.get(key), dict):
            own[key] = {
                name.removeprefix(prefix): value
                for name, value in found.items()
                if "." not in name or (prefix and name.startswith(prefix))
            }
    return own


def from_state_dict(
    state: dict[str, Any], prefix: str | None = None, csb: dict[str, Any] | None = None
) -> Checkpoint:
    """A :class:`Checkpoint` from a state dict of torch tensors or numpy arrays.

    Args:
        state: keys in any of the styles of this module's docstring.
        prefix: name prefix of the recurrent module; found by itself when there is only one.
        csb: metadata.

    Raises:
        CheckpointError: missing keys, shapes that do not fit, NaN or infinity, bad metadata.
    """
    if csb is not None:
        try:
            csb = untrusted.plain_json(csb)
        except untrusted.FileError as error:
            raise CheckpointError(f"csb: {error}") from None
    state = state_dict.as_layers(state)
    prefix, found, used = _collect(state, prefix)
    _check_sizes(state, used)
    tensors = {name: _resolve(state, prefix, name, styles) for name, styles in found.items()}
    if csb is not None and not isinstance(csb, dict):
        raise CheckpointError(f"csb: expected a JSON object, got {type(csb).__name__}")
    named = (csb or {}).get("cell")
    if named is not None and not (isinstance(named, str) and named in CELL_GATES):
        raise CheckpointError(
            f"csb.cell: expected one of {', '.join(CELL_GATES)}, got {untrusted.show(named)}"
        )
    cell, layers = _layers(tensors, prefix, named)
    checked = _check_csb(_of_module(csb or {}, prefix), tensors)
    ordered = {name: tensors[name] for layer in layers for name in layer.names()}
    return Checkpoint(ordered, cell, layers, checked, _extras(state, used), prefix)


def _parse_json(text: Any) -> dict[str, Any]:
    try:
        return untrusted.parse_json(str(text))
    except untrusted.FileError as error:
        reason = str(error).removeprefix("not JSON: ")
        raise CheckpointError(f"csb: expected JSON, {reason}") from None


def _torch_load(path: Path) -> Any:
    """What ``torch.save`` wrote, if it is tensors and plain values.

    Raises:
        CheckpointError: it holds other objects, or it is damaged.
    """
    import pickle

    import torch

    if zipfile.is_zipfile(path):
        untrusted.check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # its message tells how to run the objects' code: never
        raise CheckpointError(
            f"not a readable {path.suffix} file: damaged, or it holds Python objects beside "
            "tensors, numbers, texts, lists and dicts: save the state dict alone"
        ) from None


def _state_of(loaded: Any) -> tuple[dict[str, Any], Any]:
    """State dict and metadata of what ``torch.load`` gave."""
    if not isinstance(loaded, dict):
        raise CheckpointError(f"expected a state dict, got {type(loaded).__name__}")
    csb = loaded.get("csb")
    loaded = state_dict.inner(loaded)
    for key in loaded:
        if not isinstance(key, str):
            raise CheckpointError(f"{untrusted.show(key)}: expected names as keys")
    state = {key: value for key, value in loaded.items() if key != "csb"}
    return state, _parse_json(csb) if isinstance(csb, str) else csb


def read_content(path: str | os.PathLike) -> dict[str, Any]:
    """All of one file: what ``torch.save`` was given, or arrays and tensors by name.

    Raises:
        CheckpointError: a file that is missing, damaged or too large.
    """
    path = Path(path)
    if path.suffix not in TORCH_READ:
        return read_state(path)[0]
    read_state(path)  # with all its checks
    return _torch_load(path)


def _read_file(path: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """State dict and metadata of one file, whose declared sizes are checked first."""
    if path.suffix == ".npz":
        state: dict[str, Any] = dict(untrusted.read_npz(path))
        text = state.pop("csb", None)
        return state, None if text is None else _parse_json(text)
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        untrusted.check_safetensors(path)
        with safe_open(path, framework="pt") as data:
            state = {key: data.get_tensor(key) for key in data.keys()}  # noqa: SIM118
            text = (data.metadata() or {}).get("csb")
        return state, None if text is None else _parse_json(text)
    untrusted.check_size(path.stat().st_size)
    state, csb = _state_of(_torch_load(path))
    beside = weight_files.beside(path)
    if csb is None and beside.is_file():
        csb = _parse_json(untrusted.read_text(beside))
    return state, csb


def read_state(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """State dict and metadata of one file.

    Raises:
        CheckpointError: a file that is missing, damaged or too large.
    """
    path = Path(path)
    if path.suffix not in READ:
        raise CheckpointError(f"{path}: expected a file ending in {', '.join(READ)}")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    if path.suffix != ".npz":  # before the limit: they map hundreds of MB of their own
        import torch  # noqa: F401
    try:
        with untrusted.bounded_memory():
            return _read_file(path)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except Exception as error:  # whatever a damaged file makes the three libraries raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, MemoryError):
            reason = f"takes more than {untrusted.ROOM:,} bytes"
        reason = untrusted.clean(reason, 200)
        raise CheckpointError(f"{path}: not a readable {path.suffix} file: {reason}") from None


def read_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Every array of a file, by its name; floats as float32.

    Raises:
        CheckpointError: a file that is missing or damaged.
    """
    state = read_state(path)[0]
    try:
        _check_sizes(state, set())
        return _extras(state, set())
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def read_checkpoint(path: str | os.PathLike, prefix: str | None = None) -> Checkpoint:
    """Read a checkpoint file; see the module's docstring for what is understood.

    Raises:
        CheckpointError: a file that is missing or damaged, or content that does not fit.
    """
    state, csb = read_state(path)
    try:
        return from_state_dict(state, prefix, csb)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _eight_bits(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 codes ``[rows, cols]`` and float32 scale ``[rows, 1]``; stable under repetition."""
    scale = (np.abs(table).max(axis=1, keepdims=True) / np.float32(127)).astype(np.float32)
    codes = np.rint(table / np.where(scale == 0, np.float32(1), scale))
    return np.clip(codes, -127, 127).astype(np.int8), scale


def check_target(path: str | os.PathLike) -> None:
    """Refuse a file that :func:`write_checkpoint` could not write, before hours of work.

    Raises:
        CheckpointError: another ending, a folder, or a place where nobody may write.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f"{path}: expected a file ending in .pt, .pth, .safetensors or .npz")
    place = next(p for p in path.absolute().parents if p.exists())
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror}") from None


def write_checkpoint(
    path: str | os.PathLike, checkpoint: Checkpoint, tables_8bit: bool = False
) -> None:
    """Write a checkpoint in the format its file name ends in, all of it or nothing.

    Args:
        path: ``.npz``, ``.safetensors`` or ``.pt``; parent folders are made.
        checkpoint: what to write; recurrent tensors go out under plain keys, with their prefix.
        tables_8bit: store float matrices among the extras as int8 with a scale per row.
    """
    path = Path(path)
    check_target(path)
    csb = _check_csb(
        {"version": CSB_VERSION, "cell": checkpoint.cell} | checkpoint.csb, checkpoint.tensors
    )
    state = {checkpoint.prefix + name: value for name, value in checkpoint.tensors.items()}
    for key, value in checkpoint.extras.items():
        value = np.asarray(value)
        if tables_8bit and value.ndim == 2 and value.dtype.kind == "f":
            state[key], state[key + ".scale"] = _eight_bits(value)
        else:
            state[key] = value
    weight_files.write(path, state, csb)
