# SPDX-License-Identifier: Apache-2.0
"""Two networks, one with long frames, and a bench that runs them through the ports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.compiler import compile_network
from csb_rnn.machine import config, image
from csb_rnn.machine.folders import BUILD
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.program import assemble
from csb_rnn.simulation.launcher import run
from csb_rnn.verify.random_layers import LayerCase

BENCH = "tb.interface.test_ports"
CONFIGS = ("tiny", "small")
WAVES = "tiny"  # the configuration that is drawn: its beats are short
#: Frames of 16 and 32 beats, which are not full; frames of a few beats.
CASES = (
    LayerCase(seed=1, cell="gru", inputs=63, hidden=61),
    LayerCase(seed=2, cell="gru", inputs=7, hidden=5),
)
FRAMES = 12


def write_job(c: config.Config, folder: Path) -> None:
    """Images, frames and outputs of both networks, as ``tb.test_top.networks`` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, case in enumerate(CASES):
        q, _ = case.make(c)
        x = q.quantise_inputs(case.frames(FRAMES))
        y, _ = FixedModel(q, c).run(x)
        (folder / f"net{n}.bin").write_bytes(assemble.assemble(compile_network(q, c)))
        none = np.zeros((1, 3), np.int64)
        np.savez(folder / f"net{n}.npz", x=x, y=y, state=none, states=none)


def rows(name: str, sim: str = "verilator") -> list[dict[str, Any]]:
    """The rates of a configuration; waves too if it is :data:`WAVES`.

    Raises:
        SimulationError: the simulation fails, or an output differs from the fixed model.
    """
    c = config.load(name)
    folder = BUILD / "ports" / f"{name}_{sim}"
    write_job(c, folder)
    run(
        "csb_top",
        BENCH,
        sim=sim,
        parameters=image.all_parameters(c),
        work_dir=folder / "run",
        seed=1,
        extra_env={"CSB_JOB": str(folder), "CSB_OUT": str(folder / "rows.json")},
    )
    found = json.loads((folder / "rows.json").read_text())
    kept = [r for r in found if r["table"] == "rate" or name == WAVES]
    return [{"table": r["table"], "config": name, **r} for r in kept]
