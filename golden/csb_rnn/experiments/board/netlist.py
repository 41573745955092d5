# SPDX-License-Identifier: Apache-2.0
"""The netlist of the board's design in a simulation: it boots from the flash, computes a frame."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import numpy as np

from csb_rnn.compiler import compile_network
from csb_rnn.driver import Network
from csb_rnn.experiments.board import cells, sources
from csb_rnn.machine import image
from csb_rnn.machine.config import Config
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.program import assemble
from csb_rnn.simulation.launcher import run
from csb_rnn.verify.random_layers import LayerCase

BENCH = "tb.board.test_ecp5"
BIT_CYCLES = 20  # of ulx3s.sv's line
START = 1100  # cycles of its reset
FRAMES = 1
#: Rules of Verilator broken by netlists and Yosys' models.
RULES = ("PINMISSING", "INITIALDLY", "UNOPTFLAT", "WIDTHEXPAND")


def share() -> Path:
    """Folder of Yosys' cell libraries."""
    found = importlib.util.find_spec("pyosys")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("pyosys is not there: make setup installs it")
    return Path(found.submodule_search_locations[0]) / "share"


def least(c: Config) -> QNetwork:
    """A GRU of four units with random weights: its image is read in a 30th of the time."""
    return LayerCase(seed=5, cell="gru", inputs=3, hidden=4).make(c)[0]


def write_job(q: QNetwork, c: Config, folder: Path) -> tuple[int, int]:
    """What the bench needs of a network: its image, frames, and the fixed model's outputs.

    Returns:
        Outputs of a frame, words of the image.
    """
    program = compile_network(q, c)
    data = assemble.assemble(program)
    x = np.random.default_rng(1).normal(size=(FRAMES, program.inputs)).clip(-4, 4)
    frames = q.quantise_inputs(x)
    y, _ = FixedModel(q, c).run(frames)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image.memh").write_text(image.memh(data))
    (folder / "driver_0.pickle").write_bytes(pickle.dumps(Network.of(program, data)))
    np.savez(folder / "net0.npz", values=x, y=y, states=np.zeros((1, 1)))
    return program.outputs, len(data) // 4


def simulate(q: QNetwork, c: Config, verilog: Path, folder: Path) -> dict[str, int]:
    """A frame through the netlist, whose outputs are the fixed model's.

    Args:
        q, c: the network, the configuration.
        verilog: the netlist, of :func:`csb_rnn.experiments.board.place.synthesise`.
        folder: of the run.

    Returns:
        How many ``frames``, ``outputs`` and ``image_words``.

    Raises:
        SimulationError: the simulation fails, or an output differs.
    """
    outputs, words = write_job(q, c, folder)
    netlist = verilog.with_name(f"{sources.TOP}_cells") / f"{sources.TOP}.sv"
    netlist.parent.mkdir(exist_ok=True)
    parts = [
        *(f"/* verilator lint_off {rule} */" for rule in RULES),
        "`timescale 1ns/1ps",
        cells.logic(share()),
        cells.block_ram(),
        cells.multiplier(),
        verilog.read_text(),
    ]
    netlist.write_text("\n".join(parts))
    names = ("ulx3s_sim", "csb_flash_model", *sources.VENDOR)
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
    return {"frames": FRAMES, "outputs": FRAMES * outputs, "image_words": words}
