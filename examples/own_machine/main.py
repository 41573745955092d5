# SPDX-License-Identifier: Apache-2.0
"""A machine of one's own: from a TOML file to a network on it and a kit to build it in.

Argument: a folder for the kit, which must not exist.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch

import csb_rnn

MINE = Path(__file__).parent / "mine.toml"
torch.manual_seed(0)
gru = torch.nn.GRU(16, 32)
for point in csb_rnn.explore(gru, configs=["tiny", MINE]).points:
    print(
        f"{point.config.name}: {point.memory_kibit:.0f} Kibit of memory, "
        f"{point.prediction.cycles:g} cycles a frame, bound by {point.prediction.bound}"
    )

with tempfile.TemporaryDirectory() as scratch:
    kit = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch) / "kit"
    program = "from csb_rnn.cli.main import main; main()"
    command = [sys.executable, "-c", program, "rtl", "--config", str(MINE), "--out", str(kit)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wrappers = sorted(p.name for p in kit.iterdir() if p.suffix in (".v", ".core"))
    print(f"kit: {sum(p.is_file() for p in kit.rglob('*'))} files, {', '.join(wrappers)}")
