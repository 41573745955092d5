# SPDX-License-Identifier: Apache-2.0
"""Dicts of numpy arrays that ``pickle`` wrote, read without running anything that they name.

``pickle.dump({"weight_ih_l0": array, ...})`` names three functions of numpy. Here each name stands
for a class of this module that only keeps what it is given, so neither numpy's constructors nor any
other function meets a stranger's bytes: the array is made from the bytes at the end, if its type is
a plain number and its size is theirs. Any other name is refused. Example: ``np_ckpt.pkl`` of g2pM
holds a bidirectional LSTM with torch's names.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from csb_rnn.errors import CsbError

TYPES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}


class PickleError(CsbError, ValueError):
    """A pickle that holds something else, or is damaged."""


class _Type:
    """Stands for ``numpy.dtype``: ``dtype("f4", False, True)``, then its state with the order."""

    def __init__(self, name: Any = "", *_: Any) -> None:
        if name not in TYPES:
            raise PickleError(f"type {name!r:.20}")
        self.name, self.order = name, "|"

    def __setstate__(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "=")):
            raise PickleError("state of a type")
        self.order = state[1]


class _Array:
    """Stands for an ``ndarray`` under construction: ``(version, shape, type, fortran, bytes)``."""

    value: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        try:
            _, shape, kind, fortran, data = state
            if isinstance(data, str):  # protocols below 3
                data = data.encode("latin1")
            flat = np.frombuffer(data, np.dtype(kind.order + kind.name))
            self.value = flat.reshape(shape, order="F" if fortran else "C")
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise PickleError(f"state of an array: {error}") from None


def _reconstruct(*_: Any) -> _Array:
    """Stands for numpy's function of that name."""
    return _Array()


def _frombuffer(data: Any, kind: Any, shape: Any, order: Any) -> _Array:
    """Stands for numpy's function of that name, by which protocol 5 makes an array."""
    made = _Array()
    made.__setstate__((1, shape, kind, order == "F", data))
    return made


def _encode(text: str, *_: Any) -> bytes:
    """Stands for ``codecs.encode``, by which protocols below 3 write bytes."""
    if not isinstance(text, str):
        raise PickleError("bytes that are no text")
    return text.encode("latin1")


_NAMES: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): dict,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of a name.

        Raises:
            PickleError: it has none.
        """
        try:
            return _NAMES[module, name]
        except KeyError:
            raise PickleError(f"{module}.{name}") from None

    def persistent_load(self, _: Any) -> Any:
        raise PickleError("a reference to something outside")


def read(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name of a pickled dict.

    Args:
        data: the file; what it declares is at most as large as it is.

    Raises:
        PickleError: it is none, holds other objects, or is damaged.
    """
    try:
        loaded = _Reader(io.BytesIO(data)).load()
    except PickleError:
        raise
    except Exception as error:  # pickle's own: many kinds
        raise PickleError(type(error).__name__) from None
    if not isinstance(loaded, dict):
        raise PickleError(f"a {type(loaded).__name__}, not a dict")
    found = {}
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, _Array) or value.value is None:
            raise PickleError("something beside arrays by name")
        found[key] = value.value.copy()
    return found
