#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The design of examples/ecp5: netlist in simulation, place and route, bitstream."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.board.main import main

if __name__ == "__main__":
    commands.run(main)
