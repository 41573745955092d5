#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The subcommand ``csb-rnn prune`` as a script of the checkout."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.cli.main import script

main = script("prune")

if __name__ == "__main__":
    commands.run(main)
