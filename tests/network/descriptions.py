# SPDX-License-Identifier: Apache-2.0
"""Description files that tests of several rooms read."""

from __future__ import annotations

import numpy as np

LIGRU = """
weights = "w.npz"
block = 8

[[layer]]
cell = "ligru"
W.a.x = { key = "weight_ih_l0", rows = [0, 6], norm = "bn" }
W.z.x = { key = "weight_ih_l0", rows = [6, 12], norm = "bn" }
W.a.h = { key = "weight_hh_l0", rows = [0, 6] }
W.z.h = { key = "weight_hh_l0", rows = [6, 12] }
b.a.x = { key = "bias_ih_l0", rows = [0, 6] }
b.z.x = { key = "bias_ih_l0", rows = [6, 12] }
"""


OWN = """
weights = "w.npz"

[[layer]]
cell = "janet"
W.f.x = "wf"
W.g.x = "wg"
W.f.h = { key = "uf", transpose = true }
W.g.h = "ug"
b.f.x = "bf"
reverse.W.f.x = "wf"
reverse.W.g.x = "wg"
reverse.W.f.h = "uf"
reverse.W.g.h = "ug"

[[layer]]
cell = "linear"
W.y.x = "head"

[cells.janet]
gates = ["f", "g"]
states = ["h"]
vectors = { h = "h" }
nodes = [
  { drain = "f", gate = "f", inputs = ["x", "h"], act = "sigmoid" },
  { drain = "g", gate = "g", inputs = ["x", "h"], act = "tanh" },
  { elem = "not_f", m0 = "one", x0 = "one", m1 = "one", x1 = "f", sub = true },
  { elem = "h", m0 = "f", x0 = "state:h", m1 = "not_f", x1 = "g", state = "h", vector = "h", output = true },
]
"""  # noqa: E501


def write(tmp_path, text, **arrays):
    np.savez(tmp_path / "w.npz", **arrays)
    (tmp_path / "model.toml").write_text(text)
    return tmp_path / "model.toml"


def own_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"wf": (4, 3), "wg": (4, 3), "uf": (4, 4), "ug": (4, 4), "bf": (4,), "head": (2, 8)}
    return {k: rng.normal(size=s).astype(np.float32) for k, s in shapes.items()}
