# SPDX-License-Identifier: Apache-2.0
"""Tables of area and clock, from the results of ``scripts/area.py``."""

from __future__ import annotations

from collections.abc import Mapping

from csb_rnn.experiments.bench.tables import Table
from csb_rnn.experiments.reports.kinds import AREAS, VARIANTS
from csb_rnn.experiments.reports.measured import Measured

PARTS = ("engine", "data path", "interface")
SAME = ("config", "sharing", "largest block", "target")


def area_name(config: str, sharing: str) -> str:
    """Name of the result of a configuration with a sharing mode."""
    return f"area_{config}_{sharing}"


NAMES = tuple(area_name(*which) for which in AREAS)
VARIANT_NAMES = tuple(area_name(name, "horizontal") for name in VARIANTS)  # shown if measured


def area_table(found: Mapping[str, Measured]) -> Table:
    """Resources of every measured machine, and the commit of each row."""
    lines = [
        (
            r["config"], r["sharing"], str(r["max_block"]), r["target"],
            *(str(r[k]) for k in ("pes", "lut", "ff", "dsp")), f"{r['bram_kbit']:g}",
            f"{r['lut'] / r['pes']:.1f}",
            "-" if r["fmax_mhz"] is None else f"{r['fmax_mhz']:.1f}",
            f"`{one.commit}`",
        )
        for one in found.values() for r in one.rows
    ]  # fmt: skip
    heads = (*SAME, "PEs", "LUT", "FF", "DSP", "block RAM, kbit", "LUT/PE", "Fmax, MHz",
             "measured on")  # fmt: skip
    return Table("area", heads, lines, left=4)


def part_table(found: Mapping[str, Measured]) -> Table:
    """LUTs of a PE by part of the design."""
    lines = [
        (
            r["config"], r["sharing"], str(r["max_block"]), r["target"],
            *(f"{r['parts'][name]['LUT'] / r['pes']:.1f}" for name in PARTS),
        )
        for one in found.values() for r in one.rows if r["parts"]
    ]  # fmt: skip
    heads = (*SAME, *(f"{name}, LUT/PE" for name in PARTS))
    return Table("area by part", heads, lines, left=4)


def path_table(found: Mapping[str, Measured]) -> list[Table]:
    """The critical path of each machine after place and route."""
    out = []
    for one in found.values():
        for r in one.rows:
            if r["path"]:
                lines = [tuple(step.split(maxsplit=3)) for step in r["path"]]
                rows = [(kind, ns, cell) for ns, _, kind, cell in lines]
                title = f"critical path of {r['config']}"
                out.append(Table(title, ("step", "ns", "cell or net"), rows))
    return out
