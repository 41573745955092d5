# SPDX-License-Identifier: Apache-2.0
"""The checks of lint and synthesis, and a failing simulation, turn red when they should."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from csb_rnn.experiments.lint import tools
from csb_rnn.experiments.silicon import synthesis
from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation import builds, toolchain
from csb_rnn.simulation.launcher import run
from csb_rnn.simulation.toolchain import SimulationError
from csb_rnn.system import locks

BAD_SYNTHESIS = Path(__file__).parent / "data/bad_synthesis.sv"
CHILD = "module child (input wire [3:0] a_i, output wire b_o); assign b_o = ^a_i; endmodule\n"
PARENT = "module parent (input wire [2:0] a_i, output wire b_o); child u (.*); endmodule\n"


def test_synthesis_finds_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    _, found = synthesis.synthesise("xcup", "bad", "bad_synthesis", {}, [BAD_SYNTHESIS])
    kinds = sorted(finding.split()[0] for finding in found)
    assert kinds == ["array", "latch:", "memory", "multiplier"], found


@pytest.mark.parametrize("tool", ["verilator", "slang", "icarus"])
def test_lint_finds_a_width_mismatch(tool: str, tmp_path: Path) -> None:
    files = [tmp_path / "child.sv", tmp_path / "parent.sv"]
    for file, text in zip(files, (CHILD, PARENT), strict=True):
        file.write_text(text)
    jobs = {job.tool: job for job in tools.module_jobs("parent", (), "a test", files)}
    assert "a_i" in tools.execute(jobs[tool])


def test_failed_simulation_says_how_to_repeat_it() -> None:
    command = r"CSB_SEED=7 SIM=icarus \.venv/bin/python -m pytest tests/test_tools\.py::test_failed"
    with pytest.raises(SimulationError, match=command):
        run("csb_skid", "tb.util.test_csb_skid", sim="icarus", seed=7, test_filter="no such test")


def test_a_simulation_that_does_not_end_is_ended() -> None:
    with pytest.raises(SimulationError, match=r"no end after 0\.1 s"):
        run("csb_skid", "tb.util.test_csb_skid", sim="icarus", limit=0.1)


def test_a_build_in_use_is_not_removed(tmp_path: Path) -> None:
    """A session that builds edited sources leaves the files of one that still runs."""
    (tmp_path / "top.vvp").touch()
    with locks.locked(tmp_path / builds.IN_USE, shared=True):
        builds.remove_unused(tmp_path)
        assert (tmp_path / "top.vvp").exists()
    builds.remove_unused(tmp_path)
    assert not tmp_path.exists()


def test_an_edit_during_a_build_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled sources must be those in the name of the build."""
    source = tmp_path / "csb_edited.sv"
    source.write_text("module csb_edited (input wire clk_i); endmodule\n")
    simulate = toolchain.simulate

    def edit(*args, **kwargs) -> None:
        simulate(*args, **kwargs)
        source.write_text("module csb_edited (input wire other_i); endmodule\n")

    build = {"sim": "icarus", "sources": [source]}
    with monkeypatch.context() as patch:
        patch.setattr(builds, "simulate", edit)
        with pytest.raises(SimulationError, match="edited while it was compiled"):
            builds.build("csb_edited", **build)
    assert (builds.build("csb_edited", **build) / "done").exists()


DIGEST_OF_IMAGES = """
import hashlib
from csb_rnn.program import assemble
from csb_rnn import compiler
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.verify.random_layers import LayerCase
from csb_rnn.cells import CELLS
c, digest = config.load("tiny"), hashlib.sha256()
for name in CELLS:
    case = LayerCase(3, name, inputs=5, hidden=9, layers=2)
    program = compiler.compile_network(quantise.quantise(case.network(), c), c)
    digest.update(assemble.assemble(program))
print(digest.hexdigest())
"""


def test_a_seed_is_a_case_in_every_process() -> None:
    """No random network and no image depends on the order of Python's hashes of names."""
    digests = set()
    for hashes in range(4):
        done = subprocess.run(
            [sys.executable, "-c", DIGEST_OF_IMAGES],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(hashes)},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1
