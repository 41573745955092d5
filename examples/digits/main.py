# SPDX-License-Identifier: Apache-2.0
"""Spoken digits, classified by the shipped GRU that keeps 1 of 40 weights.

Arguments: number of recordings, rtl.
"""

import sys
from pathlib import Path

import numpy as np

import csb_rnn
from csb_rnn.experiments import tasks
from csb_rnn.network.checkpoint_files import read_checkpoint

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 20
FILE = Path(__file__).parents[2] / "checkpoints/z2_gru.npz"

checkpoint, task = read_checkpoint(FILE), tasks.get("Z2")
recordings = task.frames(checkpoint, "test", COUNT)  # each float32 [frames, 39]
calibrate = np.concatenate(task.frames(checkpoint, "valid", 20))
build = csb_rnn.build(FILE, config="small", calibrate=calibrate)

floats = [build.run_float(x).outputs for x in recordings]
fixed = [build.run_fixed(x).outputs for x in recordings]
print(f"{COUNT} recordings, {sum(map(len, recordings))} frames")
print(f"float model: {task.score(checkpoint, floats).value:.1f} % right")
print(f"fixed model: {task.score(checkpoint, fixed).value:.1f} % right")
print(f"small: {build.predict().cycles:g} cycles a frame")

if "rtl" in sys.argv:
    run = build.simulate(recordings[0])
    print(f"RTL: {run.cycles:g} cycles a frame, {run.mismatches} mismatches")
