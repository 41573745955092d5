# SPDX-License-Identifier: Apache-2.0
"""Files of the board's design: those of ``examples/ecp5`` and the wrapper of a configuration."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from csb_rnn.kit.wrapper import wrapper_text
from csb_rnn.machine.config import Config
from csb_rnn.machine.folders import BUILD, ROOT

EXAMPLE = ROOT / "examples/ecp5"
CONSTRAINTS = EXAMPLE / "ulx3s.lpf"
HOME = BUILD / "ecp5"
TOP = "ulx3s"
WRAPPER = "csb_top_board"
VENDOR = ("EHXPLLL", "USRMCLK")  # cells named in the design; their files are for simulation
CLOCK = 60  # MHz, as the PLL of ulx3s.sv makes it
SIMULATED = ("csb_ecp5_sim", "csb_flash_model", "ulx3s_sim")


def files(c: Config, folder: Path, *, simulated: bool = False) -> list[Path]:
    """Sources beside those of the design: the wrapper, which is written, and the example's.

    Args:
        c: the configuration.
        folder: of the wrapper.
        simulated: with the files that only a simulation has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / f"{WRAPPER}.sv"
    text = wrapper_text(dataclasses.replace(c, name="board"), CLOCK)
    if not wrapper.is_file() or wrapper.read_text() != text:
        wrapper.write_text(text)
    found = sorted(EXAMPLE.glob("*.sv"))
    return [wrapper, *(f for f in found if simulated or f.stem not in SIMULATED)]
