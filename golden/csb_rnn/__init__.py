# SPDX-License-Identifier: Apache-2.0
"""CSB-RNN: an accelerator for recurrent networks pruned to compressed structured blocks.

    import csb_rnn
    build = csb_rnn.build("lstm.pt", config="small")
    print(build.predict().cycles)

The names below are the API, kept stable; :mod:`csb_rnn.api` documents them. They are imported when
they are first used: ``import csb_rnn`` needs numpy alone, and only pruning needs torch.
docs/develop/architecture.md shows the rooms of this package and their allowed imports.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from csb_rnn import errors as errors
from csb_rnn.machine.version import __version__ as __version__
from csb_rnn.system import extras as _extras

if TYPE_CHECKING:
    from csb_rnn.api.build import Build, build, load
    from csb_rnn.api.explore import Exploration, Point, explore
    from csb_rnn.api.module import Quantised, quantised
    from csb_rnn.api.plots import plot_kernels, plot_rates
    from csb_rnn.api.prune import Pruned, Pruner, prune
    from csb_rnn.api.results import Prediction, Result, Run
    from csb_rnn.api.sources import read

_HOMES = {
    "build": ("Build", "build", "load"),
    "explore": ("Exploration", "Point", "explore"),
    "module": ("Quantised", "quantised"),
    "plots": ("plot_kernels", "plot_rates"),
    "prune": ("Pruned", "Pruner", "prune"),
    "results": ("Prediction", "Result", "Run"),
    "sources": ("read",),
}

__all__ = [
    "Build",
    "Exploration",
    "Point",
    "Prediction",
    "Pruned",
    "Pruner",
    "Quantised",
    "Result",
    "Run",
    "build",
    "explore",
    "load",
    "plot_kernels",
    "plot_rates",
    "prune",
    "quantised",
    "read",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            try:
                return getattr(importlib.import_module(f"csb_rnn.api.{home}"), name)
            except ModuleNotFoundError as error:
                raise _extras.of_import(error) from None
    raise AttributeError(f"module 'csb_rnn' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
