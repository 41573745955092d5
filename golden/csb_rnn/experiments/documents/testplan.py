# SPDX-License-Identifier: Apache-2.0
"""The test plan: ``docs/develop/testplan.toml`` and, for each feature, its status by results.

A feature is done if nothing of it is open, its proofs hold, its results reach their goals and its
nightly steps passed. A test
that does not exist is a finding of the check of pages.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from csb_rnn.errors import CsbError
from csb_rnn.experiments.documents import reached
from csb_rnn.experiments.documents.tables import DOCS, table
from csb_rnn.experiments.reports import measured, nightly

PLAN = DOCS / "develop/testplan.toml"
STAGES = ("V1", "V2", "V3")
KEYS = {"name", "stage", "part", "tests", "proofs", "nightly", "results", "covers", "open"}


class PlanError(CsbError, ValueError):
    """A feature of the plan is incomplete."""


def features(plan: Path = PLAN) -> list[dict[str, Any]]:
    """All features, by stage.

    Raises:
        PlanError: a key is unknown or missing.
    """
    found = tomllib.loads(plan.read_text())["feature"]
    for feature in found:
        name = feature.get("name", "a feature")
        if unknown := feature.keys() - KEYS:
            raise PlanError(f"{plan.name}: {name}: unknown key '{min(unknown)}'")
        if missing := {"name", "stage", "part", "tests", "covers"} - feature.keys():
            raise PlanError(f"{plan.name}: {name}: no key '{min(missing)}'")
        if feature["stage"] not in STAGES:
            raise PlanError(f"{plan.name}: {name}: stage is one of {', '.join(STAGES)}")
        if not feature["tests"] and "open" not in feature:
            raise PlanError(f"{plan.name}: {name}: neither a test nor open")
    return sorted(found, key=lambda feature: STAGES.index(feature["stage"]))


def passed(step: str, folder: Path = nightly.RESULTS) -> bool:
    """Whether the kept result of a nightly step is a pass."""
    try:
        return json.loads((folder / f"{step}.json").read_text())["passed"] is True
    except (OSError, ValueError, KeyError):
        return False


def status(feature: dict[str, Any], folder: Path = nightly.RESULTS) -> str:
    """``done``, or what is missing."""
    proved = {row["proof"] for row in measured.read("formal").rows if row["proved"]}
    wanted = [f"proof {p}" for p in feature.get("proofs", ()) if p not in proved]
    wanted += [f"step {s}" for s in feature.get("nightly", ()) if not passed(s, folder)]
    short = [text for name in feature.get("results", ()) if (text := reached.missing(name))]
    parts = [f"no result of {', '.join(wanted)}"] if wanted else []
    parts += short
    return "; ".join([feature["open"], *parts] if "open" in feature else parts) or "done"


def plan_table() -> str:
    """A row for each feature."""
    body = []
    for feature in features():
        checks = [f"`{test}`" for test in feature["tests"]]
        checks += [f"proof [{p}](formal.md#proofs)" for p in feature.get("proofs", ())]
        checks += [f"result [`{r}`](long_runs.md)" for r in feature.get("results", ())]
        checks += [f"nightly `{step}`" for step in feature.get("nightly", ())]
        body.append((feature["stage"], feature["name"], feature["part"],
                     ", ".join(checks) or "-", feature["covers"], status(feature)))  # fmt: skip
    return table(("stage", "feature", "part", "checked by", "cover points", "status"), body)


def stages_table() -> str:
    """How many features of each stage are done."""
    rows = []
    for stage in STAGES:
        some = [feature for feature in features() if feature["stage"] == stage]
        done = sum(status(feature) == "done" for feature in some)
        rows.append((stage, str(len(some)), str(done)))
    return table(("stage", "features", "done"), rows)
