# SPDX-License-Identifier: Apache-2.0
"""Bugs that are planted in the RTL end red, soon, with a line that says where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from csb_rnn.machine.design import HDL
from csb_rnn.simulation import simulate
from csb_rnn.simulation.toolchain import SimulationError
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import check, tiny

CASE = LayerCase(seed=1, inputs=5, hidden=9)


def plant(folder: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str) -> None:
    """Builds of the simulation top take a copy of a design file with another text in it."""
    (source,) = HDL.rglob(file)
    text = source.read_text()
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new))
    arguments = simulate.build_arguments

    def planted(*args, **kwargs):
        found = arguments(*args, **kwargs)
        sources = [*found["sources"], folder / file]
        return {**found, "sources": sources, "build_name": "planted"}

    monkeypatch.setattr(simulate, "build_arguments", planted)


def test_an_output_that_never_comes(sim, tmp_path, monkeypatch) -> None:
    """With this seed the ports of Verilator's model ask for a dump before the first reset, if
    cocotb drives them."""
    old = "assign m_tvalid_o = filled || (open_o && zero_q[1]);"
    new = "assign m_tvalid_o = 1'b0 && (filled || open_o && zero_q[1]);"
    plant(tmp_path, monkeypatch, "csb_output.sv", old, new)
    for driver in ("compiled", "cocotb") if sim == "verilator" else ("cocotb",):
        if driver == "cocotb":
            monkeypatch.setenv(simulate.BENCH, "1")
        with pytest.raises(AssertionError) as failed:
            check(CASE, tiny(sim), sim, tmp_path / "run", frames=2, seed=945296292)
        lines = str(failed.value).splitlines()
        assert lines[1].startswith("stuck: m_axis_frame_tvalid stayed low; 0 of 2 frames came out")
        assert lines[-1].startswith("repeat: CSB_SEED=")


@pytest.mark.sims("icarus")
def test_an_image_that_is_never_taken(sim, tmp_path, monkeypatch) -> None:
    old = "assign s_tready_o ="
    plant(tmp_path, monkeypatch, "csb_image_loader.sv", old, f"{old} 1'b0 &&")
    with pytest.raises(SimulationError, match="words of the image did not happen within"):
        check(CASE, tiny(sim), sim, tmp_path / "run", frames=2)


@pytest.mark.sims("icarus")
def test_a_wrong_sigmoid(sim, tmp_path, monkeypatch) -> None:
    """Frame, unit, layer, cycle, values, state and gates; both outputs beside each other."""
    old = "SumW'(product_q >> RemBits)"
    plant(tmp_path, monkeypatch, "csb_act.sv", old, "SumW'(product_q >> (RemBits + 1))")
    with pytest.raises(AssertionError) as failed:
        check(CASE, tiny(sim), sim, tmp_path / "run", frames=2)
    text = str(failed.value)
    assert "first wrong output: frame 0, unit " in text
    assert "first wrong state: " in text
    assert "suspects: " in text
    got, want = (np.load(tmp_path / f"run/{n}.npy") for n in ("outputs", "expected"))
    assert got.shape == want.shape == (2, 9)
    assert not np.array_equal(got, want)
