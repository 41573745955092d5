#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Beats a cycle of every port of csb_top on the RTL, and waves of its transfers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.ports.main import main

if __name__ == "__main__":
    commands.run(main)
