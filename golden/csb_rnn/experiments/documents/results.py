# SPDX-License-Identifier: Apache-2.0
"""Tables and pages of measured results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from csb_rnn.experiments.accuracy.causes import KINDS
from csb_rnn.experiments.bench import page
from csb_rnn.experiments.board import page as board_page
from csb_rnn.experiments.documents.tables import DOCS, table
from csb_rnn.experiments.energy import page as energy_page
from csb_rnn.experiments.importing import page as import_page
from csb_rnn.experiments.reports import measured

FORMATS = {"cycles_per_frame": ".2f", "cycles_per_frame_predicted": ".2f",
           "mac_efficiency": ".3f", "frame_efficiency": ".3f",
           "task_value": ".2f", "task_value_float": ".2f",
           "difference": ".2g", "difference_999": ".2g"}  # fmt: skip


def results_table() -> str:
    """The kept rows of ``make sim``; a missing figure is shown as ``-``."""

    def cell(row: dict[str, Any], key: str) -> str:
        value = row.get(key)
        return "-" if value is None else format(value, FORMATS.get(key, ""))

    rows = measured.read("sim").rows
    body = [[cell(row, key) for _, key in measured.SIM_COLUMNS] for row in rows]
    return table([title for title, _ in measured.SIM_COLUMNS], body)


def units(value: float) -> str:
    """An error in units of 2^-14."""
    return f"{value * 2**14:.2f}"


def causes_table() -> str:
    """Of networks beyond their limit, the error of each kind of rounding alone."""
    body = [
        (
            r["network"],
            units(r["limit"]),
            units(r["fixed"]),
            *(units(r[k]) for k in KINDS),
            units(r["two_words"]) if r.get("two_words") else "-",
        )
        for r in measured.read("accuracy").rows
        if r.get(KINDS[0]) is not None
    ]
    return table(("network", "limit", "fixed", *KINDS, "inputs of two words"), body)


def accuracy_table() -> str:
    """Error of every network of ``scripts/accuracy.py`` in units of 2^-14, beside its limit."""

    body = [
        (
            r["network"],
            f"{r['largest']:.3g}",
            units(r["tensors"]),
            units(r["limit"]),
            "refused" if r["fixed"] is None else units(r["fixed"]),
            "-" if r["ratio"] is None else f"{r['ratio']:.2f}",
        )
        for r in measured.read("accuracy").rows
    ]
    heads = ("network", "largest h", "16-bit tensors", "limit", "fixed", "of the limit")
    return table(heads, body)


def kept_table() -> str:
    """Every kept result: its commit, its rows, its command."""
    rows = []
    for name, kind in measured.KINDS.items():
        if not measured.path_of(name).is_file():
            rows.append((f"`{name}`", "not measured yet", "-", "-", f"`{kind.command}`"))
            continue
        found = measured.read(name)
        link = f"[`{name}`](../results/data/{name}.json)"
        again = found.confirmed or "-"
        rows.append((link, f"`{found.commit}`", str(len(found.rows)), again, f"`{kind.command}`"))
    return table(("result", "measured on", "rows", "confirmed", "by"), rows)


def weight_bits_table() -> str:
    """Results of the shipped models by the width of their weights."""
    rows = measured.read("weight_bits").rows

    def value(row: dict[str, Any], key: str) -> str:
        return format(row[key], ".4f" if row["metric"] == "R2" else ".2f")

    body = [
        [f"`{row['model']}`", f"{row['metric']} of {row['items']}",
         *(value(row, key) for key in ("float", "w16", "w8")), "yes" if row["within"] else "**no**",
         value(row, "w8a8"), "yes" if row["both_within"] else "no"]
        for row in rows
    ]  # fmt: skip
    heads = ("model", "test result", "float", "16 bits", "8-bit weights", "within",
             "8-bit weights and neurons", "within")  # fmt: skip
    return table(heads, body)


def result_pages() -> dict[Path, str]:
    """The pages of ``docs/results`` whose results are all there, and the content of each."""
    makers = {
        "engine": page.engine,
        "shared_columns": page.shared_columns,
        "slot_rate": page.slot_rate,
        "large_models": page.large_models,
        "energy": energy_page.energy,
        "importing": import_page.importing,
        "ecp5": board_page.ecp5,
    }
    pages = {
        **page.PAGES,
        "energy": ("energy",),
        "importing": ("import_soak",),
        "ecp5": ("ecp5",),
    }
    there = {
        name: all(measured.path_of(result).is_file() for result in pages[name]) for name in makers
    }
    return {DOCS / f"results/{name}.md": make() for name, make in makers.items() if there[name]}
