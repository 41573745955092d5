# SPDX-License-Identifier: Apache-2.0
"""A cell that the package does not have, JANET (a forget gate only), from a description file.

The machine has no cell built in: a cell is a program. Argument: rtl.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import csb_rnn

UNITS, INPUTS = 24, 8
rng = np.random.default_rng(0)
shapes = {"wf": (UNITS, INPUTS), "wg": (UNITS, INPUTS), "uf": (UNITS, UNITS), "ug": (UNITS, UNITS)}
weights = {k: (rng.normal(size=s) / np.sqrt(s[1])).astype("f4") for k, s in shapes.items()}

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    np.savez(folder / "janet.npz", **weights)
    description = (Path(__file__).parent / "janet.toml").read_text()
    (folder / "janet.toml").write_text(description)
    build = csb_rnn.build(folder / "janet.toml", config="tiny")

x = rng.normal(size=(12, INPUTS)).astype("f4")
h = np.zeros(UNITS)
for frame in x:  # the cell by hand
    f = 1 / (1 + np.exp(-(weights["wf"] @ frame + weights["uf"] @ h)))
    h = f * h + (1 - f) * np.tanh(weights["wg"] @ frame + weights["ug"] @ h)

found = build.run_fixed(x).outputs[-1]
print(f"largest difference from the cell by hand: {np.abs(found - h).max():.5f}")
print(f"tiny: {build.predict().cycles:g} cycles a frame, bound by {build.predict().bound}")

if "rtl" in sys.argv:
    run = build.simulate(x)
    print(f"RTL: {run.cycles:g} cycles a frame, {run.mismatches} mismatches")
