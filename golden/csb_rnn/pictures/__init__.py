# SPDX-License-Identifier: Apache-2.0
"""Pictures: a function for each, which gives a figure of matplotlib; :func:`save` writes one.

Labels stand beside their lines and bars, so no colour is needed to read a picture; more than four
series are small multiples: one axis for each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from csb_rnn.errors import UsageError
from csb_rnn.system import extras

STYLE: Any = {
    "font.size": 9,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "0.9",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "csb",
}
BLUE, ORANGE, GREY = "#1f5fa8", "#d9822b", "0.6"


def drawing() -> Any:
    """The module ``matplotlib.figure``, with no window system behind it.

    Raises:
        UsageError: matplotlib is not installed.
    """
    extras.need("matplotlib")
    from matplotlib import figure

    return figure


def styled() -> Any:
    """A context for figures in the style of this package."""
    drawing()
    import matplotlib as mpl

    return mpl.rc_context(STYLE)


def check_name(path: str | Path) -> None:
    """Before anything is drawn: can a picture have this name?

    Raises:
        UsageError: another ending than ``.png``, ``.svg``, ``.pdf``; matplotlib is not installed.
    """
    if Path(path).suffix not in (".png", ".svg", ".pdf"):
        raise UsageError(f"{path}: expected a name that ends in .png, .svg or .pdf")
    drawing()


def save(figure: Any, path: str | Path) -> None:
    """Write a figure; the same figure gives the same bytes.

    Args:
        figure: of one of the functions of this package.
        path: ends in ``.png``, ``.svg`` or ``.pdf``.

    Raises:
        UsageError: another ending.
        OSError: it cannot be written.
    """
    check_name(path)
    dates: dict[str, dict[str, Any]] = {
        ".png": {"Software": None},
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }
    metadata = dates[Path(path).suffix]
    with styled():
        figure.savefig(path, dpi=120, bbox_inches="tight", metadata=metadata)
