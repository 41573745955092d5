# SPDX-License-Identifier: Apache-2.0
"""The test plan: its status follows results, and incomplete features are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from csb_rnn.experiments.documents import reached, testplan
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


ROWS = {
    "soak": [{"table": "soak", "frames": 10**6, "mismatches": 0}],
    "functional": [{"bins": 3, "hit": 3}],
    "faults": [
        {"table": "places", "place": "watchdog", "flips": 2000, "hung": 3, "silent": 1},
        {"table": "places", "parity": 1, "place": "biases", "flips": 0, "hung": 0, "silent": 0},
    ],
    "netlist": [{"config": "tiny"}, {"config": "small"}],
    "coverage": [
        {f"{kind}{part}": 100 for kind in ("line", "branch", "toggle", "expr")
         for part in ("", "_hit")}
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "row", "key", "value", "text"),
    [
        ("soak", 0, "frames", 400_000, "400,000 of 1,000,000 frames"),
        ("soak", 0, "mismatches", 2, "2 mismatches"),
        ("functional", 0, "hit", 2, "2 of 3 bins"),
        ("faults", 0, "flips", 10, "10 of 2,000 flips"),
        ("faults", 1, "hung", 1, "1 of 2,000 flips hang without a code"),
        ("faults", 1, "parity", 0, "no flips with parity bits"),
        ("faults", 1, "silent", 1, "1 silent flips in memories with parity bits"),
        ("netlist", 1, "config", "odd", "not run: small"),
        ("coverage", 0, "branch_hit", 98, "branch 98.0 of 99 %"),
        ("coverage", 0, "expr_hit", 94, "expr 94.0 of 95 %"),
    ],
)
def test_a_result_short_of_its_goal_is_told(
    name: str, row: int, key: str, value: object, text: str
) -> None:
    assert reached.JUDGES[name](ROWS[name]) == ""
    rows = [{**r, key: value} if i == row else r for i, r in enumerate(ROWS[name])]
    assert reached.JUDGES[name](rows) == text


def test_a_missing_result_is_told(tmp_path: Path) -> None:
    assert {reached.missing(name, tmp_path) for name in ("soak", "faults")} == {
        "no result soak", "no result faults"}  # fmt: skip
    assert {"results"} <= testplan.KEYS
