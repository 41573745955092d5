# SPDX-License-Identifier: Apache-2.0
"""The netlist of the board's design in a simulation: it boots from the flash, computes a frame."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import numpy as np

from csb_rnn.driver import Network
from csb_rnn.experiments.board import cells, sources
from csb_rnn.flow.record import Build
from csb_rnn.machine import image
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.simulation.launcher import run

BENCH = "tb.board.test_ecp5"
BIT_CYCLES = 20  # of ulx3s.sv's line
START = 1100  # cycles of its reset
FRAMES = 1
#: Rules of Verilator that netlists and Yosys' models break.
RULES = ("PINMISSING", "INITIALDLY", "UNOPTFLAT", "WIDTHEXPAND")


def _share() -> Path:
    """Folder of Yosys' cell libraries."""
    found = importlib.util.find_spec("pyosys")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("pyosys is not there: make setup installs it")
    return Path(found.submodule_search_locations[0]) / "share"


def write_job(build: Build, folder: Path) -> None:
    """What the bench needs of a network: its image, frames, and the fixed model's outputs."""
    part = build.part
    program, q = part.compiled(), part.quantised
    x = np.random.default_rng(1).normal(size=(FRAMES, program.inputs)).clip(-4, 4)
    frames = q.quantise_inputs(x)
    y, _ = FixedModel(q, build.config).run(frames)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image.memh").write_text(image.memh(part.data))
    network = pickle.dumps(Network.of(program, part.data))
    (folder / "driver_0.pickle").write_bytes(network)
    np.savez(folder / "net0.npz", x=frames, y=y, states=np.zeros((1, 1)))


def simulate(build: Build, verilog: Path, folder: Path) -> int:
    """A frame through the netlist; returns the number of outputs, which are the fixed model's.

    Args:
        build: the network.
        verilog: the netlist, of :func:`csb_rnn.experiments.board.place.synthesise`.
        folder: of the run.

    Raises:
        SimulationError: the simulation fails, or an output differs.
    """
    write_job(build, folder)
    netlist = folder / f"{sources.TOP}.sv"
    parts = [
        *(f"/* verilator lint_off {rule} */" for rule in RULES),
        "`timescale 1ns/1ps",
        cells.logic(_share()),
        cells.block_ram(),
        cells.multiplier(),
        verilog.read_text(),
    ]
    netlist.write_text("\n".join(parts))
    names = ("ulx3s_sim", "csb_flash_model", *sources.VENDOR)
    words = len(build.part.data) // 4
    run(
        "ulx3s_sim",
        BENCH,
        sim="verilator",
        sources=[netlist, *(sources.EXAMPLE / f"{name}.sv" for name in names)],
        plus_args=[f"+image={folder / 'image.memh'}"],
        test_filter="one_frame",
        work_dir=folder / "run",
        extra_env={
            "CSB_JOB": str(folder),
            "CSB_BIT_CYCLES": str(BIT_CYCLES),
            "CSB_START_CYCLES": str(START),
            "CSB_BOOT_CYCLES": str(100 * words),
        },
    )
    return FRAMES * build.part.compiled().outputs
