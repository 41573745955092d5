# SPDX-License-Identifier: Apache-2.0
"""Cover points and their bins. A fact is ``"point: bin"``; a run of the RTL gives a set of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cocotb_coverage.coverage import CoverageDB, CoverPoint

from csb_rnn.cells import CELLS
from csb_rnn.experiments.direct.host import WAITS
from csb_rnn.experiments.direct.jobs import Job
from csb_rnn.experiments.soak.kinds import KINDS
from csb_rnn.machine import isa
from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.verify.random_layers import PATTERNS

SIZES = ("1", "2 to 7", "8 and more")
PROGRAMS = {"pegroup": isa.PEG_CTL, "drain": isa.DRAIN, "elem": isa.ELEM}
SECTION = (*isa.PE_ROW, *isa.SHARED, *isa.PE_ROW_END, *isa.PE_WEIGHT, *isa.PE)
ENDS = ("zeros", "ones")
FIELDS = [
    f"{unit} {name} {end}"
    for unit, names in (
        *((unit, [f.name for f in fields]) for unit, fields in PROGRAMS.items()),
        ("section", [f.name for f in SECTION]),
    )
    for name in names
    for end in ENDS
]

#: Every point and its bins.
POINTS: dict[str, list[str]] = {
    "cells": [name for name in CELLS if not name.startswith("linear")],
    "inputs": list(SIZES),
    "units": list(SIZES),
    "layers": ["1", "2", "3"],
    "streams": ["1", "2", "3", "8"],
    "kernel sizes": [f"block {b}" for b in (8, 16, 32, 64)],
    "patterns": list(PATTERNS),
    "sharing": ["none", "horizontal", "vertical"],
    "share groups": ["1 PE row", "2 PE rows"],
    "stalls": [f"{a}, registers {b}" for a in ("none", "source", "sink", "both")
               for b in ("stall", "do not")],
    "saturation": ["drain", "element", "state", "neuron"],
    "error codes": list(ERRORS),
    "waits": list(WAITS),
    "images": ["behind a run", "in the middle of a run", "back to back"],
    "interruptions": [kind.__name__ for kind in KINDS],
    "fields": FIELDS,
}  # fmt: skip


#: Bins that are left out, and why.
EXCLUDED = {
    "saturation: narrow": "operands m of all cells are gates and constants, in range by the "
    "compiler; the bench of `csb_lane` saturates them",
}


def size(n: int) -> str:
    """The bin of a number of inputs or units."""
    return SIZES[0] if n == 1 else SIZES[1] if n < 8 else SIZES[2]


def facts_of(job: Job) -> set[str]:
    """Facts that a job's network and program are."""
    case, c = job.case, job.program.config
    found = {f"cells: {name}" for name in case.cell.split("+")}
    rows = f"{c.shared_cols} PE row{'s' if c.shared_cols > 1 else ''}"
    found |= {f"inputs: {size(case.inputs)}", f"units: {size(case.hidden)}",
              f"layers: {case.layers}", f"streams: {job.streams}",
              f"kernel sizes: block {case.block}", f"patterns: {case.pattern}",
              f"share groups: {rows}"}  # fmt: skip
    found |= {f"saturation: {point}" for point in job.saturated}
    groups = job.program.groups
    horizontal = any(g.pe["s"].any() for g in groups if "s" in g.pe)
    vertical = any(g.rows["vert"].any() for g in groups if "vert" in g.rows)
    modes = (("horizontal", horizontal), ("vertical", vertical))
    shared = {f"sharing: {name}" for name, used in modes if used}
    return found | (shared or {"sharing: none"})


class Points:
    """All points, sampled fact by fact in the database of cocotb-coverage."""

    def __init__(self) -> None:
        self.db = CoverageDB()
        self._sample: dict[str, Any] = {}
        for name, bins in POINTS.items():
            point = CoverPoint(f"csb.{name.replace(' ', '_')}", vname="value", bins=bins)

            @point
            def sample(value: str) -> None:
                pass

            self._sample[name] = sample

    def add(self, facts: Iterable[str]) -> None:
        """Samples facts; of a point that is none, nothing is counted."""
        for fact in facts:
            name, value = fact.split(": ", 1)
            if name in self._sample:
                self._sample[name](value)

    def hits(self, name: str) -> dict[str, int]:
        """Hits of each bin of a point."""
        return dict(self.db[f"csb.{name.replace(' ', '_')}"].detailed_coverage)

    def missing(self) -> list[str]:
        """Facts that never were."""
        return [f"{n}: {b}" for n in POINTS for b, hits in self.hits(n).items() if not hits]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each point: bins, bins hit, the names of the others."""
        out = []
        for name in POINTS:
            hits = self.hits(name)
            left = [b for b, count in hits.items() if not count]
            out.append({"point": name, "bins": len(hits), "hit": len(hits) - len(left),
                        "missing": ", ".join(left)})  # fmt: skip
        return out
