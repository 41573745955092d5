# SPDX-License-Identifier: Apache-2.0
"""Measured area and energy: the files of ``docs/results/data``, also in the wheel.

Nothing is estimated here: a configuration or a network without a row has no figure.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.machine.config import Config, load, names
from csb_rnn.machine.folders import ROOT
from csb_rnn.machine.sharing_modes import SHARING

RESULTS = ROOT / "docs/results/data"
PROCESSES = {"nm45": "45 nm", "nm22": "22 nm"}
DEVICES = {"xcup": "UltraScale+", "ecp5": "ECP5"}


class Area(NamedTuple):
    """Of a configuration, after synthesis.

    Attributes:
        device: family that it was synthesised for.
        lut, ff, multipliers: of the device.
        fmax_mhz: after place and route; None if it was only synthesised.
        commit: that it was measured on.
    """

    device: str
    lut: int
    ff: int
    multipliers: int
    fmax_mhz: float | None
    commit: str


@functools.cache
def _rows(name: str, folder: Path) -> tuple[dict[str, Any], ...]:
    """Rows of a result, each with the commit; none if there is no such file."""
    try:
        value = json.loads((folder / f"{name}.json").read_text())
    except OSError:
        return ()
    commit = {"commit": str(value["commit"])}
    return tuple(dict(zip(value["columns"], row, strict=True)) | commit for row in value["rows"])


def _named(c: Config) -> bool:
    """Whether a configuration is the one that its name says: an own one may differ from it."""
    return c.name in names(sim_only=True) and load(c.name) == c


def area(c: Config, folder: Path = RESULTS) -> Area | None:
    """The area of a configuration with all sharing that it has built in; None if it was never
    measured."""
    sharing = SHARING[c.sharing]
    if not _named(c):
        return None
    for row in reversed(_rows(f"area_{c.name}_{sharing}", folder)):
        if row["sharing"] == sharing and row["max_block"] == c.max_block:
            mhz = row["fmax_mhz"]
            device = DEVICES.get(row["target"], row["target"])
            return Area(device, row["lut"], row["ff"], row["dsp"], mhz, row["commit"])
    return None


def energy(
    model: str, c: Config, kept: int, cycles: float, folder: Path = RESULTS
) -> dict[str, float]:
    """Energy of a frame, nJ by process, of a network that it was measured for.

    Args:
        model: name of its file, without its end.
        c: the machine.
        kept, cycles: kept weights and cycles a frame: a row counts only if they are the same.
        folder: of the results.
    """
    if not _named(c):
        return {}
    for row in _rows("energy", folder):
        wanted = {"table": "trained", "model": model, "config": c.name, "kept": kept}
        same = all(row.get(key) == value for key, value in wanted.items())
        if same and row["interval"] == cycles:
            return {text: sum(row[key].values()) for key, text in PROCESSES.items()}
    return {}
