#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure machines with shared columns on the published models: docs/results/shared_columns.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import jinja2
import torch

from csb_rnn import commands
from csb_rnn.experiments.bench import shared_columns as measured
from csb_rnn.experiments.bench.tables import Table
from csb_rnn.machine.memories import memory_bits

PAGE = Path(__file__).resolve().parents[1] / "docs/results/shared_columns.md"
TEMPLATES = Path(__file__).resolve().parents[1] / "docs/templates"


def page(tables: Sequence[Table]) -> str:
    """The page with these tables."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.get_template("shared_columns.md.j2").render(tables=tables)
    return text.rstrip() + "\n"


def main() -> None:
    parser = commands.Parser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two models, printed, no page")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    tables = [
        measured.memory_table(memory_bits),
        measured.efficiency_table((32,) if quick else (32, 64, 128), quick),
    ]
    if not quick:
        tables += [measured.frame_table(), measured.pattern_table(), measured.spartus_table()]
    text = page(tables)
    if quick:
        print(text)
    else:
        PAGE.write_text(text)
        print(f"{PAGE}: written")


if __name__ == "__main__":
    commands.run(main)
