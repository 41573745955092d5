# SPDX-License-Identifier: Apache-2.0
"""Tables of ``docs/develop/long_runs.md``: soak, functional coverage, faults, netlist."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from csb_rnn.experiments.coverage import counts
from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.faults.places import APART, PROTECTED
from csb_rnn.experiments.functional.points import EXCLUDED
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config
from csb_rnn.machine.memories import memory_bits

Row = dict[str, Any]


def _rows(name: str, part: str = "") -> list[Row]:
    """Rows of a result; none if it is not measured yet."""
    if not measured.path_of(name).is_file():
        return []
    return [row for row in measured.read(name).rows if not part or row["table"] == part]


def _table(heads: tuple[str, ...], rows: list[Row], keys: tuple[str, ...]) -> str:
    def cell(value: Any) -> str:
        return f"{value:,}" if isinstance(value, int) else str(value or "-")

    body = [[cell(row[key]) for key in keys] for row in rows]
    return table(heads, body or [["not measured yet", *["-"] * (len(heads) - 1)]])


def _sum(rows: list[Row], keys: tuple[str, ...], **named: str) -> list[Row]:
    """The rows, and their sum behind them."""
    return [*rows, {**named, **{k: sum(row[k] for row in rows) for k in keys}}] if rows else []


def soak_table() -> str:
    """Sums of each configuration, and of all."""
    keys = ("seeds", "frames", "cycles", "interruptions", "mismatches")
    rows = _sum(_rows("soak", "soak"), keys, config="all")
    return _table(("configuration", "networks", *keys[1:]), rows, ("config", *keys))


def kinds_table() -> str:
    """How often each interruption was."""
    keys = ("config", "interruptions")
    return _table(("interruption", "times"), _rows("soak", "kinds"), keys)


def functional_table() -> str:
    """Each cover point: bins, bins hit."""
    rows = _sum(_rows("functional"), ("bins", "hit"), point="all", missing="")
    return _table(("point", "bins", "hit", "missing"), rows, ("point", "bins", "hit", "missing"))


def excluded_table() -> str:
    """Bins that are left out."""
    return table(("bin", "left out because"), list(EXCLUDED.items()))


def faults_table(parity: int) -> str:
    """Each place of a machine with parity bits, or without: its bits, flips and their ends."""
    keys = ("bits", "flips", "masked", "detected", "silent", "hung")
    some = [row for row in _rows("faults", "places") if row.get("parity", 0) == parity]
    rows = _sum(some, keys, place="all")
    marks = {name: f"{name} (1)" for name in APART} | {name: f"{name} (2)" for name in PROTECTED}
    named = [{**row, "place": marks.get(row["place"], row["place"])} for row in rows]
    return _table(("place", *keys), named, ("place", *keys))


def hung_table() -> str:
    """How many flips of each variable hang without a code, and the first one's end."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in _rows("faults", "hung"):
        found.setdefault((row["place"], row["path"]), []).append(row)
    rows = [{"place": place, "path": f"`{path}`", "flips": len(some), "by": some[0]["by"]}
            for (place, path), some in sorted(found.items())]  # fmt: skip
    heads = ("place", "variable", "flips", "seen of the first")
    return _table(heads, rows, ("place", "path", "flips", "by"))


def parity_table() -> str:
    """Parity bits and cells that parity costs: memory of named machines, cells of a netlist."""
    body = []
    for name in ("tiny", "small", "paper256"):
        bits, more = (sum(memory_bits(config.load(name, parity=p)).values()) for p in (0, 1))
        body.append((f"`{name}`", "bits of memories", f"{bits:,}", f"{more:,}",
                     f"{100 * (more - bits) / bits:.2f} %"))  # fmt: skip
    rows = {row.get("parity", 0): row for row in _rows("netlist") if row["config"] == "tiny"}
    for kind in ("LUT4", "CCU2C", "TRELLIS_FF", "DP16KD") if len(rows) == 2 else ():
        bits, more = rows[0][kind], rows[1][kind]
        body.append((f"`{rows[0]['config']}`", f"{kind} of the netlist below", f"{bits:,}",
                     f"{more:,}", f"{100 * (more - bits) / bits:.2f} %"))  # fmt: skip
    return table(("configuration", "resource", "without", "with", "more"), body)


def netlist_table() -> str:
    """Each configuration: cells of its netlist, frames."""
    keys = ("config", "LUT4", "CCU2C", "TRELLIS_FF", "DP16KD", "MULT18X18D", "frames", "cycles")
    rows = [{**row, "config": f"{row['config']}, parity" if row.get("parity") else row["config"]}
            for row in _rows("netlist")]  # fmt: skip
    return _table(("configuration", *keys[1:6], "frames, all equal", "cycles"), rows, keys)


def coverage_table() -> str:
    """Each module: hits of points, by kind; then all of them."""
    sums = tuple(f"{kind}{part}" for kind in counts.KINDS for part in ("", "_hit"))
    rows = _sum(_rows("coverage"), sums, module="all")
    heads = ("module", *(f"{kind} {part}" for kind in counts.KINDS for part in ("hit", "%")))
    body = []
    for row in rows:
        cells = [row["module"] if row["module"] == "all" else f"`{row['module']}`"]
        for kind in counts.KINDS:
            hit, points = row[f"{kind}_hit"], row[kind]
            cells += [f"{hit} of {points}", f"{100 * hit / points:.1f}" if points else "-"]
        body.append(cells)
    return table(heads, body or [["not measured yet", *["-"] * (len(heads) - 1)]])


def left_out_table() -> str:
    """Points that count nowhere."""
    body = [(f"`{text}`", f"`{file}`" if file else "all", why)
            for file, text, why in counts.EXCLUDED]  # fmt: skip
    return table(("in a line or point", "module", "left out because"), body)


TABLES: dict[str, Callable[[], str]] = {
    "soak": soak_table,
    "kinds": kinds_table,
    "functional": functional_table,
    "excluded": excluded_table,
    "faults": partial(faults_table, 0),
    "faults-parity": partial(faults_table, 1),
    "parity": parity_table,
    "hung": hung_table,
    "netlist": netlist_table,
    "coverage": coverage_table,
    "left-out": left_out_table,
}
