# SPDX-License-Identifier: Apache-2.0
"""The test plan: its status follows results, and incomplete features are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from csb_rnn.experiments.documents import testplan
from csb_rnn.experiments.formal import proofs
from scripts.nightly import STEPS

FEATURE = {"name": "a", "stage": "V1", "part": "b", "tests": ["tests/conftest.py"], "covers": "c"}


def test_names_of_the_plan_exist() -> None:
    steps = {step.name for step in STEPS}
    for feature in testplan.features():
        assert set(feature.get("proofs", ())) <= proofs.load().keys(), feature["name"]
        assert set(feature.get("nightly", ())) <= steps, feature["name"]


def test_every_proof_is_in_the_plan() -> None:
    named = {proof for feature in testplan.features() for proof in feature.get("proofs", ())}
    assert named == proofs.load().keys()


def test_status_follows_results(tmp_path: Path) -> None:
    feature = {**FEATURE, "nightly": ["seeds"], "proofs": ["skid"]}
    assert testplan.status(feature, tmp_path) == "no result of step seeds"
    for passed, status in ((False, "no result of step seeds"), (True, "done")):
        (tmp_path / "seeds.json").write_text(json.dumps({"passed": passed}))
        assert testplan.status(feature, tmp_path) == status
    (tmp_path / "seeds.json").write_text("{")
    assert testplan.status(feature, tmp_path) == "no result of step seeds"
    assert testplan.status({**feature, "open": "late"}, tmp_path).startswith("late; no result")
    assert testplan.status({**FEATURE, "proofs": ["none"]}) == "no result of proof none"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('more = "x"', "a: unknown key 'more'"),
        ('stage = "V4"', "a: stage is one of V1, V2, V3"),
        ("tests = []", "a: neither a test nor open"),
        ("covers", "a: no key 'covers'"),
    ],
)
def test_incomplete_features_are_refused(tmp_path: Path, line: str, message: str) -> None:
    key, _, value = line.partition(" = ")
    entry = {k: json.dumps(v) for k, v in FEATURE.items()}
    entry = {**entry, key: value} if value else {k: v for k, v in entry.items() if k != key}
    file = tmp_path / "plan.toml"
    file.write_text("[[feature]]\n" + "\n".join(f"{k} = {v}" for k, v in entry.items()))
    with pytest.raises(testplan.PlanError, match=message):
        testplan.features(file)
