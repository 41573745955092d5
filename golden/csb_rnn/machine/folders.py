# SPDX-License-Identifier: Apache-2.0
"""The places of the design, and of everything built, on this computer.

In a checkout :data:`ROOT` is its top folder. An installed package carries ``hdl/`` as data;
there :data:`ROOT` is the folder of the data, so ``ROOT / "hdl"`` holds the design in both cases.
"""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def _is_checkout(folder: Path) -> bool:
    return (folder / "hdl" / "files.f").is_file() and (folder / "pyproject.toml").is_file()


def _build_folder(root: Path, checkout: bool) -> Path:
    """The folder of builds: ``$CSB_BUILD``, else ``build`` of a checkout, else the user's cache.

    An example without a checkout: ``~/.cache/csb_rnn``, or ``$XDG_CACHE_HOME/csb_rnn``.
    """
    if chosen := os.environ.get("CSB_BUILD"):
        return Path(chosen).expanduser().resolve()
    if checkout:
        return root / "build"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "csb_rnn"


CHECKOUT = _is_checkout(PACKAGE.parents[1])
ROOT = PACKAGE.parents[1] if CHECKOUT else PACKAGE / "_data"
HDL = ROOT / "hdl"
BUILD = _build_folder(ROOT, CHECKOUT)
