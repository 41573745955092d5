# SPDX-License-Identifier: Apache-2.0
"""scripts/nightly.py: takes up where it was stopped, and measures again after a change."""

import json
from pathlib import Path

from csb_rnn.experiments.reports import nightly
from scripts.nightly import STEPS


def test_a_step_runs_until_it_passes_with_these_sources(tmp_path: Path, monkeypatch) -> None:
    count = tmp_path / "count"
    text = f"open({str(count)!r}, 'a').write('x')"
    good, bad = nightly.Step("good", ("-c", text)), nightly.Step("bad", ("-c", f"{text}; 1 / 0"))
    results = tmp_path / "results"
    monkeypatch.setattr(nightly, "source_hash", lambda: "one")
    assert nightly.nightly([good, bad], results) == ["bad"]
    assert count.read_text() == "xx"
    found = json.loads((results / "good.json").read_text())
    assert found["passed"]
    assert found["sources"] == "one"
    # The failed one runs again; both do after a change, or if they are asked to.
    assert nightly.nightly([good, bad], results) == ["bad"]
    assert count.read_text() == "xxx"
    monkeypatch.setattr(nightly, "source_hash", lambda: "two")
    assert nightly.nightly([good], results) == []
    assert nightly.nightly([good], results, again=True) == []
    assert count.read_text() == "xxxxx"
    # A cut result is none.
    (results / "good.json").write_text("{")
    assert not nightly.is_current(good, results, "two")
    assert not list(results.glob("*.part"))


def test_a_result_tells_how_to_repeat_it(tmp_path: Path, monkeypatch) -> None:
    """The seed that was drawn is the one that the step ran with."""
    text = f"import os; open({str(tmp_path / 'seed')!r}, 'w').write(os.environ['CSB_SEED'])"
    for wanted in ("random", "7", None):
        given = (("COUNT", "3"), *([("CSB_SEED", wanted)] if wanted else []))
        monkeypatch.delenv("CSB_SEED", raising=False)
        assert (
            nightly.nightly([nightly.Step("one", ("-c", text), given)], tmp_path, again=True) == []
        )
        found = json.loads((tmp_path / "one.json").read_text())
        seed = int((tmp_path / "seed").read_text())
        assert found["seed"] == seed
        assert found["environment"]["COUNT"] == "3"
        assert wanted in ("random", None) or seed == int(wanted)
        assert found["commit"] == nightly.commit()


def test_the_hash_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "hdl").mkdir()
    file = tmp_path / "hdl/a.sv"
    file.write_text("1")
    first = nightly.source_hash(tmp_path)
    file.write_text("2")
    second = nightly.source_hash(tmp_path)
    file.rename(tmp_path / "hdl/b.sv")
    assert len({first, second, nightly.source_hash(tmp_path)}) == 3


def test_every_step_has_its_own_result() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)
