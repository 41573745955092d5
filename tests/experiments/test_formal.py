# SPDX-License-Identifier: Apache-2.0
"""The proofs: one of them with its planted bugs; `make formal` runs them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from csb_rnn.experiments.formal import proofs, prove
from csb_rnn.experiments.formal.proofs import Bug, ProofError
from csb_rnn.experiments.reports import measured

KNOWN = proofs.load()
SKID = KNOWN["skid"]


def test_a_proof_holds_and_finds_its_bugs(tmp_path: Path) -> None:
    row, wrong = prove.run(SKID, tmp_path)
    assert wrong == []
    assert row["proved"]
    assert len(row["bugs"]) == len(SKID.bugs)
    assert all(bug["cycle"] > 0 for bug in row["bugs"])


def test_a_wrong_design_is_not_proved(tmp_path: Path) -> None:
    """From reset and in the step; a bug that is none is told."""
    bug = SKID.bugs[0]
    broken = prove.system(SKID, tmp_path / "broken", bug)
    assert broken.induction(SKID.induction) is not None
    found = broken.from_reset(SKID.bound)
    assert found is not None
    assert found.cycle > 0
    same = Bug("csb_skid.sv", "spare_full_q || take;", "take || spare_full_q;")
    _, wrong = prove.run(SKID._replace(bugs=(same,)), tmp_path / "same")
    assert wrong == [f"skid: lives with '{same.new}' in csb_skid.sv"]


def test_a_cover_that_is_never_reached_is_told(tmp_path: Path) -> None:
    _, wrong = prove.holds(SKID._replace(bound=1), tmp_path)
    assert "skid: not reached: Full" in wrong


@pytest.mark.parametrize("name", KNOWN)
def test_every_bug_can_be_planted(name: str, tmp_path: Path) -> None:
    for i, bug in enumerate(KNOWN[name].bugs):
        placed = {file.name: file for file in proofs.place(KNOWN[name], tmp_path / str(i), bug)}
        assert bug.new in placed[bug.file].read_text()


def test_a_text_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProofError, match="occurs 0 times"):
        proofs.place(SKID, tmp_path, Bug("csb_skid.sv", "no such text", ""))


def test_an_entry_without_a_bug_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "proofs.toml"
    table.write_text('[a]\nsays = "x"\ninduction = 1\nbound = 1\nbugs = []\n')
    with pytest.raises(ProofError, match="a: no planted bug"):
        proofs.load(table)
    table.write_text('[a]\nsays = "x"\n')
    with pytest.raises(ProofError, match="a: 'bugs'"):
        proofs.load(table)


def test_every_proof_and_file_is_in_the_results() -> None:
    rows = {row["proof"]: row for row in measured.read("formal").rows}
    assert rows.keys() == KNOWN.keys()
    assert all(row["proved"] and len(row["bugs"]) == row["planted"] for row in rows.values())
    files = {file.name for file in proofs.FOLDER.glob("*_proof.sv")}
    assert files == {proof.source.name for proof in KNOWN.values()}
