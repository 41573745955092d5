# SPDX-License-Identifier: Apache-2.0
"""Arguments of the API, checked where they come in: one of another kind is one line for the user.

Example: ``build.run_fixed("abc")`` raises ``UsageError: x: expected numbers, got a str``. Arrays
may be of numpy or torch everywhere: :func:`plain` makes one kind of them.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.errors import UsageError
from csb_rnn.machine.config import Config


def kind_of(value: object) -> str:
    """What a value is, for a message: ``a str``, ``an int``, ``None``."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def plain(value: Any) -> Any:
    """A tensor of torch as an array, bfloat16 as float32; other values as they are."""
    if not callable(getattr(value, "detach", None)):
        return value
    tensor = value.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def each_plain(values: Any) -> Any:
    """As :func:`plain`, for one value, each of a tuple or list, or each by its name."""
    if isinstance(values, Mapping):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, (tuple, list)):
        return type(values)(map(plain, values)) if type(values) in (tuple, list) else values
    return plain(values)


def numbers(name: str, value: Any) -> np.ndarray:
    """An array of integers or floats.

    Raises:
        UsageError: of another kind, or rows of different lengths.
    """
    try:
        array = np.asarray(each_plain(value))
    except (ValueError, TypeError, RuntimeError):
        raise UsageError(f"{name}: expected numbers in rows of one length") from None
    if array.dtype.kind not in "biuf":
        of = kind_of(value) if array.ndim == 0 else f"an array of {array.dtype}"
        raise UsageError(f"{name}: expected numbers, got {of}")
    return array


def by_name(name: str, values: object) -> dict[str, np.ndarray]:
    """Arrays by name: ``{"h_l0": [0.5, 0.25]}``.

    Raises:
        UsageError: no mapping, or no numbers in it.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{name}: expected arrays by name, got {kind_of(values)}")
    return {str(key): numbers(f"{name} '{key}'", value) for key, value in values.items()}


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least so much.

    Raises:
        UsageError: it is none.
    """
    try:
        number = operator.index(value)
    except (TypeError, RuntimeError):
        raise UsageError(f"{name}: expected a whole number, got {kind_of(value)}") from None
    if number < least:
        raise UsageError(f"{name}: expected a whole number of at least {least}, got {number}")
    return number


def real(name: str, value: Any) -> float:
    """A number.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, (str, bytes)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
        except (TypeError, ValueError, RuntimeError):
            pass
    raise UsageError(f"{name}: expected a number, got {kind_of(value)}")


def text(name: str, value: object) -> str | None:
    """A string or None.

    Raises:
        UsageError: neither.
    """
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f"{name}: expected a string, got {kind_of(value)}")


def one_of(name: str, value: object, known: Collection[str]) -> str:
    """One of some names.

    Raises:
        UsageError: another.
    """
    if isinstance(value, str) and value in known:
        return value
    given = f"'{value}'" if isinstance(value, str) else kind_of(value)
    raise UsageError(f"{name}: expected {' or '.join(known)}, got {given}")


def path(name: str, value: object) -> Path:
    """The path of a file or folder.

    Raises:
        UsageError: it is none, is empty or holds a zero byte.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise UsageError(f"{name}: expected a path, got {kind_of(value)}")
    found = os.fspath(value)
    if not isinstance(found, str) or not found or "\0" in found:
        raise UsageError(f"{name}: {found!r} is no path")
    return Path(found)


def name_or_path(name: str, value: object) -> str | os.PathLike[str]:
    """The name of a configuration or the path of its file.

    Raises:
        UsageError: neither.
    """
    if isinstance(value, (str, os.PathLike)):
        return value
    raise UsageError(f"{name}: expected a name or a path, got {kind_of(value)}")


def configuration(value: object) -> str | os.PathLike[str] | Config:
    """A configuration, its name or the path of its file.

    Raises:
        UsageError: none of them.
    """
    if isinstance(value, (str, os.PathLike, Config)):
        return value
    raise UsageError(f"config: expected a name, a path or a Config, got {kind_of(value)}")


def _block(value: Any) -> str | int:
    """The side of blocks: a number or ``auto``; strings are read by the build.

    Raises:
        UsageError: another kind.
    """
    return value if isinstance(value, str) else whole("block", value)


def options(block: Any, sharing: Any, streams: Any) -> dict[str, Any]:
    """Options of a compilation by name, as :class:`csb_rnn.flow.record.Options` takes them.

    Raises:
        UsageError: one is of another kind.
    """
    return {
        "block": _block(block),
        "sharing": text("sharing", sharing),
        "streams": whole("streams", streams),
    }


def several(name: str, values: Any) -> list[Any]:
    """Values of a list, a tuple or another row of them.

    Raises:
        UsageError: a single one.
    """
    if isinstance(values, (str, bytes, Mapping)):
        raise UsageError(f"{name}: expected a list, got {kind_of(values)}")
    try:
        return list(plain(values))
    except TypeError:
        raise UsageError(f"{name}: expected a list, got {kind_of(values)}") from None


def pair(name: str, value: Any) -> tuple[int, int]:
    """Two whole numbers of at least 1.

    Raises:
        UsageError: something else.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise UsageError(f"{name}: expected two whole numbers, (4, 4) for instance")
    return whole(name, value[0]), whole(name, value[1])
