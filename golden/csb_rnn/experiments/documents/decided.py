# SPDX-License-Identifier: Apache-2.0
"""Figures inside pages written by hand, each from a kept result or a configuration.

Example: the block ``barriers`` of docs/develop/decisions.md holds the busy PEs of
``docs/results/data/engine_layers.json`` and ``engine_paper.json``, as the page of the engine does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from csb_rnn.experiments.bench.shared_tables import efficiency
from csb_rnn.experiments.bench.tables import long_enough, mean, three
from csb_rnn.experiments.documents.front import estimate_text, rows_of
from csb_rnn.experiments.documents.tables import ARCHITECTURE, DOCS, README, table
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config, isa
from csb_rnn.machine.memories import memory_bits
from csb_rnn.machine.sharing_modes import PAPER_MODES

BLOCK = 32
COLUMN_MACHINES = ("paper512", "paper512_cols", "paper512_w8")
LAYER = {"model": "MT1", "layer": 0, "block": BLOCK, "pattern": "aligned", "compiler": "default"}


def _mean(compiler: str, sharing: str, key: str) -> str:
    """The mean of docs/results/engine.md over layers that are long enough."""
    name = "engine_paper" if compiler == "paper" else "engine_layers"
    found = rows_of(name, compiler=compiler, sharing=sharing, block=BLOCK, pattern="aligned")
    return three(mean(r[key] for r in found if compiler == "paper" or long_enough(r)))


def barriers_text() -> str:
    """Busy PEs with barriers and without, the cycles of one layer, the sets of this engine."""
    modes = ("none", "horizontal", "both")
    busy = {c: [_mean(c, m, "busy_pe_utilisation") for m in modes] for c in ("paper", "default")}
    body = [
        ("published, sets solved by Z3", *busy["paper"]),
        ("this one, work balanced over whole products", *busy["default"]),
    ]
    (alone,), (shared,) = (rows_of("engine_layers", sharing=m, **LAYER) for m in modes[:2])
    sets, whole = (_mean(c, "horizontal", "mac_efficiency") for c in ("reference", "default"))
    heads = ("machine", "busy PEs, no sharing", "with horizontal sharing", "with both")
    return "\n".join(
        (
            table(heads, body),
            "",
            "**Price.** A program memory for each PEGroup, and 16 event counters. An example of "
            "the gain: layer 0 of MT1 on `paper256` has",
            f"{alone['kept_weights']:,} kept weights. {alone['pes']} PEs need at least "
            f"{alone['bound_cycles']} cycles for them; the machine takes {alone['cycles']} "
            f"without sharing and {shared['cycles']} with",
            "horizontal sharing.",
            "",
            "**Tried and dropped.** Sets between barriers on this engine: the reference compiler "
            "balances one set after the other and reaches",
            f"a MAC efficiency of {sets} with horizontal sharing, where balancing whole products "
            f"reaches {whole}. It is kept as",
            "`--compiler reference` for comparison.",
        )
    )


def _memory(name: str) -> tuple[str, str, str]:
    """Kibit of all memories, bits of a word for a weight, RAM bits read for a product."""
    c = config.load(name)
    word = isa.pegroup_width(c) / (c.P * c.Q)
    kibit = sum(memory_bits(c).values()) / 1024
    return f"{kibit:,.0f}", f"{word:.1f}", f"{word + c.data_w / c.shared_cols:.1f}"


def _frames(name: str) -> dict[str, Any]:
    """The row of MT1 on a machine, with the pattern that it is for."""
    if config.load(name).shared_cols > 1:
        (row,) = rows_of("shared_columns", table="frames", model="MT1", config=name)
    else:
        (row,) = rows_of("engine_frames", model="MT1", config=name, streams=1)
        row = {**row, "cycles": row["cycles_per_frame"]}
    return row


def columns_text() -> str:
    """Memory and cycles of machines with shared columns, and other patterns on them."""
    label = {"paper512_w8": ", weights of 8 bits"}
    body = [
        (f"`{name}`{label.get(name, '')}", *_memory(name), f"{_frames(name)['cycles']:.0f}")
        for name in COLUMN_MACHINES
    ]
    heads = ("configuration", "memory, Kibit", "bits of a word for a weight",
             "RAM bits read for a product", "MT1, cycles a frame")  # fmt: skip

    def cycles(pattern: str, machine: str) -> str:
        (row,) = rows_of("shared_columns", table="patterns", model=pattern, config=machine)
        return f"{row['cycles']:.0f}"

    return "\n".join(
        (
            table(heads, body),
            "",
            "**Price.** A model pruned for another machine is slower: MT1 with plain CSB blocks "
            f"takes {cycles('csb', 'paper256_cols')} cycles on",
            f"`paper256_cols` and {cycles('csb', 'paper256')} on `paper256`; scattered zeros take "
            f"{cycles('unstructured', 'paper256_cols')} and "
            f"{cycles('unstructured', 'paper256')}.",
        )
    )


def columns_example_text() -> str:
    """The same in a sentence, for the architecture."""
    plain, columns, narrow = map(_memory, COLUMN_MACHINES)
    row = _frames("paper512_cols")
    return "\n".join(
        (
            f"Example: `paper512_cols` needs {columns[0]} Kibit where `paper512` needs "
            f"{plain[0]}, words of {columns[1]} instead of {plain[1]} bits a",
            f"weight, and reads {columns[2]} instead of {plain[2]} RAM bits for a product; with "
            f"8-bit weights (`paper512_w8`) {narrow[0]} Kibit,",
            f"{narrow[1]} and {narrow[2]}. Frames of the published LSTM (MT1) take "
            f"{row['cycles']:.0f} cycles, {100 * efficiency(row):.1f} % of the multipliers' time.",
        )
    )


def sharing_text() -> str:
    """Efficiency and area of ``paper256`` by sharing mode, each area with its commit."""
    body = []
    for mode in PAPER_MODES:
        (row,) = rows_of(f"area_paper256_{mode}", max_block=BLOCK, sharing=mode)
        commit = measured.read(f"area_paper256_{mode}").commit
        mac = _mean("default", mode, "mac_efficiency")
        body.append((mode, mac, f"{row['lut']:,}", f"{row['bram_kbit']:,}", f"`{commit}`"))
    heads = ("sharing", "MAC efficiency", "LUTs of `paper256`", "block RAM, Kibit", "area of")
    return table(heads, body)


def clock_text() -> str:
    """Clocks of ``small`` on an ECP5: of the design alone, and on the board."""
    (small,) = rows_of("area_small_horizontal", target="ecp5")
    on = measured.read("area_small_horizontal").commit
    placed = [r["mhz"] for r in rows_of("ecp5", table="clock") if r["mhz"] is not None]
    mhz, link = small["fmax_mhz"], "([results](docs/results/engine.md#area-and-clock))"
    clock = (
        (
            f"* `small` reached {mhz:.1f} MHz on an ECP5-85k with the sources of {on}. The clock is"
            " of one placement:",
            f"  a change of the design moves it by some MHz {link}",
        )
        if mhz is not None
        else (f"* `small` was not placed on an ECP5-85k with the sources of {on} {link}",)
    )
    return "\n".join(
        (
            *clock,
            "* an FPGA: a design for an ECP5 board was placed and routed, with the sources named in"
            " its results",
            f"  ([{max(placed):.1f} MHz](docs/results/ecp5.md)), and has not run on a board",
            _wide(),
        )
    )


def _wide() -> str:
    """Four streams of a small GRU on two machines of as many PEs."""
    found = [
        f"{row['frame_efficiency']:.2f}".lstrip("0")
        for name in ("paper256", "wide256")
        for row in rows_of("engine_frames", model="SR4", config=name, streams=4)
    ]
    return (
        "* 4 streams of a small GRU (SR4) are bound by drains and the neuron bus of `paper256`, "
        f"{found[0]} of its PEs' time; `wide256`\n"
        f"  has twice of both for as many PEs and reaches {found[1]}, for more LUTs a PE "
        "([area](docs/results/engine.md#area-and-clock))"
    )


def cycles_text() -> str:
    """The figures of one report."""
    (row,) = rows_of("sim", model="z2_gru", config="small")
    c, kept = config.load("small"), row["kept_weights"]
    line = next(s for s in estimate_text().splitlines() if s.startswith("latency"))
    body = [
        ("`cycles_per_frame`", "mean distance of output frames from frame 20 on",
         f"{row['cycles_per_frame']:.0f}"),
        ("`latency_idle`", "cycles from the first beat of a frame to its last output beat in a "
         "resting machine", line.split()[1]),
        ("`kept_weights` / `pes`", "cycles if all multipliers worked all the time: "
         f"{kept} / {c.pes}", f"{kept / c.pes:.1f}"),
        ("`mac_efficiency`", "share of useful products between the first and the last issue of "
         "the matrices", three(row["mac_efficiency"])),
        ("`frame_efficiency`", "share of useful products in all cycles of a frame",
         three(row["frame_efficiency"])),
    ]  # fmt: skip
    return table(("field", "meaning", "z2_gru on `small`"), body)


#: Page -> its blocks by marker.
BLOCKS: dict[Path, dict[str, Callable[[], str]]] = {
    README: {"clock": clock_text},
    DOCS / "develop/decisions.md": {
        "barriers": barriers_text,
        "columns": columns_text,
        "sharing": sharing_text,
    },
    ARCHITECTURE: {"columns": columns_example_text},
    DOCS / "use/reports.md": {"cycles": cycles_text},
}
