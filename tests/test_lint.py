# SPDX-License-Identifier: Apache-2.0
"""Rules of ``make lint`` that are code of ours."""

from pathlib import Path

import pytest

from csb_rnn.experiments.lint import clocks, sources, tools

ROOT = Path(__file__).parents[1]
LICENCE = f"// {sources.LICENCE}\n"


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


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", "x = 1\n", [f"a.py:1: no line '{sources.LICENCE}'"]),
        ("a.py", f"#!/usr/bin/env python3\n# {sources.LICENCE}\nx = 1\n", []),
        ("a.py", f"\n\n\n# {sources.LICENCE}\n", [f"a.py:1: no line '{sources.LICENCE}'"]),
        ("deep/Makefile", "all:\n", [f"deep/Makefile:1: no line '{sources.LICENCE}'"]),
        ("a.md", "text\n", []),
        ("a.sv", LICENCE + "/" * 101, ["a.sv:2: 101 columns, at most 100"]),
        ("a.svh", LICENCE + "/" * 100, []),
    ],
)
def test_licence_and_columns(name: str, text: str, found: list[str]) -> None:
    assert sources.findings(Path(name), text) == found


def test_every_source_is_licensed_and_no_line_of_hdl_is_too_long(tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text("a = 1\n")
    files = [Path("new.toml"), Path("removed.py")]
    found = sources.source_findings(tmp_path, files)
    assert found == [f"new.toml:1: no line '{sources.LICENCE}'"]
    assert len(sources.tracked(ROOT)) > 300
    assert not sources.source_findings(ROOT)


def test_a_wrong_type_is_a_finding(tmp_path: Path) -> None:
    (job,) = tools.type_jobs()
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f(n: int | None) -> int:\n    return n\n")
    assert 'got "int | None"' in tools.execute(job._replace(command=[*job.command, str(wrong)]))
