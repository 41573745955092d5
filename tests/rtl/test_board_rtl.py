# SPDX-License-Identifier: Apache-2.0
"""The design on a board behind its serial line: see tb/board and examples/ecp5."""

from __future__ import annotations

from pathlib import Path

from csb_rnn.experiments.board import sources
from csb_rnn.machine import config, image
from csb_rnn.simulation.launcher import run
from csb_rnn.verify.random_layers import LayerCase
from tests.jobs import SMALL, write_job

EMPTY = "empty_flash"
LEAST = {"K": 1, "P": 1}  # two PEGroups of two PEs
CASE = LayerCase(seed=5, cell="gru", inputs=3, hidden=4)  # every word of its image takes 64 cycles


def test_board(sim: str, tmp_path: Path) -> None:
    """From a flash with an image and from an empty one; Icarus takes the first alone."""
    c = config.load("tiny", **(SMALL | LEAST))
    write_job(tmp_path, c, 3, drivers=True, cases=[CASE])
    flash = tmp_path / "image.memh"
    flash.write_text(image.memh((tmp_path / "net0.bin").read_bytes()))
    extra = sources.files(c, tmp_path, simulated=True)
    flashes = {"boots_and_runs|refuses": [f"+image={flash}"], EMPTY: []}
    if sim == "icarus":
        flashes = {"boots_and_runs": [f"+image={flash}"]}
    for tests, arguments in flashes.items():
        run(
            "csb_ecp5_sim",
            "tb.board.test_ecp5",
            sim=sim,
            parameters={"StreamW": c.stream_w},
            sources=extra,
            plus_args=arguments,
            test_filter=tests,
            extra_env={"CSB_JOB": str(tmp_path)},
        )
