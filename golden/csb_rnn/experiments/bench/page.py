# SPDX-License-Identifier: Apache-2.0
"""``docs/results/engine.md``: every number of it comes from a run."""

from __future__ import annotations

import json
from pathlib import Path

import jinja2

from csb_rnn.experiments.bench import models, plan, tables
from csb_rnn.machine.folders import ROOT

TEMPLATE = ROOT / "docs/templates/engine.md.j2"


def area_tables(file: Path) -> list[tables.Table]:
    """What ``scripts/area.py`` left behind; nothing if it has not run."""
    if not file.is_file():
        return []
    rows = json.loads(file.read_text())
    lines = [
        (
            r["config"],
            r["sharing"],
            str(r["max_block"]),
            r["target"],
            *(str(r[k]) for k in ("pes", "lut", "ff", "dsp")),
            f"{r['bram_kbit']:g}",
            f"{r['lut'] / r['pes']:.1f}",
            "-" if r["fmax_mhz"] is None else f"{r['fmax_mhz']:.1f}",
        )
        for r in rows
    ]
    heads: tuple[str, ...]
    heads = ("config", "sharing", "largest block", "target", "PEs", "LUT", "FF", "DSP",
             "block RAM, kbit", "LUT/PE", "Fmax, MHz")  # fmt: skip
    out = [tables.Table("area", heads, lines, left=4)]
    parts = file.with_name("area_parts.json")
    if parts.is_file():
        rows = json.loads(parts.read_text())
        names = ("engine", "data path", "interface")
        lines = [
            (
                r["config"], r["sharing"], str(r["max_block"]), r["target"],
                *(f"{r['parts'][n]['LUT'] / r['pes']:.1f}" for n in names),
            )
            for r in rows
        ]  # fmt: skip
        columns = [f"{n}, LUT/PE" for n in names]
        heads = ("config", "sharing", "largest block", "target", *columns)
        out.append(tables.Table("area by part", heads, lines, left=4))
    return out


def render(results: plan.Results, area: Path) -> str:
    """The page's text."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE.parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    short = [
        f"{r['model']} layer {r['layer']} at block {r['block']}"
        for r in tables.default_rows(results, sharing="none")
        if not tables.long_enough(r)
    ]
    return env.get_template(TEMPLATE.name).render(
        tables=tables.tables(results),
        area=area_tables(area),
        notes=results.notes,
        short=short,
        models=models,
        plan=plan,
        least=tables.LEAST_IDEAL,
    )


def write(results: plan.Results, area: Path, page: Path) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(results, area))
