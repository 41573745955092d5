# SPDX-License-Identifier: Apache-2.0
"""C header, SVD and SystemRDL of a kit tell the same of every field, and the RTL does so."""

from __future__ import annotations

from pathlib import Path

import pytest

from csb_rnn.kit import write_kit
from csb_rnn.machine import config, image
from csb_rnn.simulation.launcher import run
from tb.interface.test_regs import PARAMETERS
from tests.jobs import SMALL, write_job
from tests.kit import register_views

BENCH = "tb.interface.test_register_files"


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> tuple[config.Config, Path]:
    c, out = config.load("tiny", **SMALL), tmp_path_factory.mktemp("registers") / "kit"
    write_kit(c, out)
    return c, out


def test_every_field_on_the_rtl(kit, sim: str, tmp_path: Path) -> None:
    c, out = kit
    found = register_views.views(out, tmp_path)
    assert register_views.differences(found) == []
    file = tmp_path / "fields.json"
    file.write_text(register_views.as_json(found["svd"]))
    write_job(tmp_path, c, 1)
    icarus = "after_reset" if sim == "icarus" else ""  # it takes minutes to load images
    env = {"CSB_FIELDS": str(file), "CSB_JOB": str(tmp_path)}
    for top, parameters, tests in (
        ("csb_regs", PARAMETERS, "registers_"),
        ("csb_top", image.all_parameters(c), "machine_" + icarus),
    ):
        run(top, BENCH, sim=sim, parameters=parameters, test_filter=tests, extra_env=env)


@pytest.mark.parametrize(
    ("name", "was", "wrong"),
    [
        ("driver/csb_regs.h", "#define CSB_GRID_L_MASK 0x0000FF00u", None),
        ("driver/csb_regs.h", "X(IRQ_PENDING, ERROR, 0x2Cu, 1u, 1u, W1C)", "W1C)>RW)"),
        ("driver/csb_config.h", "X(STATUS, 0x00000004u)", "4u>0u"),
        ("csb_regs.svd", "<addressOffset>0x90</addressOffset>", "0x90>0x98"),
        ("csb_regs.svd", "<access>write-only</access>", "write-only>read-write"),
        ("csb_regs.rdl", "onwrite = woclr;", "woclr>wzc"),
        ("csb_regs.rdl", "group[7:0] = 8'h0", "8'h0>8'h1"),
        ("csb_regs.rdl", "error[15:8]", "15:8>16:9"),
    ],
)
def test_a_changed_file_is_found(kit, tmp_path: Path, name: str, was: str, wrong) -> None:
    """One field of one file changed: the line that tells so names it."""
    file = kit[1] / name
    text = file.read_text()
    assert was in text
    before, after = (wrong or "00FF00u>00FE00u").split(">")
    file.write_text(text.replace(was, was.replace(before, after), 1))
    try:
        if wrong is None:
            with pytest.raises(AssertionError, match="CSB_GRID_L"):
                register_views.views(kit[1], tmp_path)
        else:
            assert register_views.differences(register_views.views(kit[1], tmp_path))
    finally:
        file.write_text(text)
