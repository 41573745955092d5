# SPDX-License-Identifier: Apache-2.0
"""Rules of scripts/lint.py that are code of ours."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

clocks = importlib.import_module("clocks")


@pytest.mark.parametrize(
    ("source", "line", "name"),
    [
        ("import time\n\nassert time.time() < 5", 3, "time.time"),
        ("import time as t\nbegin = t.perf_counter_ns()", 2, "time.perf_counter_ns"),
        ("from time import monotonic", 1, "time.monotonic"),
        ("import time\nf = time.process_time", 2, "time.process_time"),
        ("import timeit\ntimeit.timeit('1')", 2, "timeit.timeit"),
        ("import datetime\ndatetime.datetime.now()", 2, "datetime.now"),
        ("from datetime import datetime as d\nd.now()", 2, "datetime.now"),
    ],
)
def test_a_clock_in_a_test_is_found(source: str, line: int, name: str) -> None:
    expected = f"tests/a.py:{line}: {name}: a test must not read a clock"
    assert clocks.findings(source, "tests/a.py") == [expected]


@pytest.mark.parametrize(
    "source", ["import time\ntime.sleep(0)", "frame.time()", "x.now()", "repeat = 3", "a.time = 1"]
)
def test_what_is_no_clock(source: str) -> None:
    assert not clocks.findings(source, "tests/a.py")


def test_a_report_may_name_its_time_an_assert_may_not() -> None:
    source = "import time\nbegan = time.time()\nassert (\n    time.time() < began + 5\n)"
    assert len(clocks.findings(source, "tb/a.py")) == 2
    only = clocks.findings(source, "tb/a.py", only_asserts=True)
    assert only == ["tb/a.py:4: time.time: a test must not read a clock"]


def test_the_rule_sees_tests_and_benches(tmp_path: Path) -> None:
    for name in ("tests/deep/test_a.py", "tb/test_b.py", "tb/tool.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("import time\nprint(time.time())")
    found = [line.split(":")[0] for line in clocks.clock_findings(tmp_path)]
    assert found == ["tb/test_b.py", "tests/deep/test_a.py"]
    assert not clocks.clock_findings(ROOT)
