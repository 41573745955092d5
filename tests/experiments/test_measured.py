# SPDX-License-Identifier: Apache-2.0
"""Results know the sources that they were measured on."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

from csb_rnn.experiments.reports import kinds, measured, resumed, source_text, tries
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.machine.folders import ROOT

ROWS = [{"model": "m", "config": "tiny", "sim": "verilator", "cycles_per_frame": 12.5}]
KIND = kinds.Kind("make it", ("hdl", "compiler", "one.py"), ("tiny",), ("yosys",))
FILES = {
    "hdl/top.sv": 'module top;  // the top\n  initial $display("a // b");\nendmodule\n',
    "hdl/configs.toml": "[default]\nK = 1\n[tiny]\nK = 2\n[other]\nK = 3\n",
    "compiler/deal.py": '"""Deals."""\n\n\ndef deal(n):\n    """n."""\n    return n + 1\n',
    "compiler/notes.md": "text\n",
    "one.py": "X = 1\n",
    "requirements.in": "yosys==1\nnumpy==2\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """A project of few files with one result, just measured, in ``data/``."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(measured, "KINDS", {"it": KIND})
    began = measured.Measured("1234abc", measured.sources("it", tmp_path), [])
    measured.write("it", ROWS, began, ["a note"], tmp_path / "data")
    return tmp_path


def changed(project: Path, name: str, was: str, now: str) -> list[str]:
    """Sources that count as changed when ``was`` is ``now`` in a file."""
    text = FILES[name].replace(was, now)
    assert text != FILES[name]
    (project / name).write_text(text)
    return measured.changed("it", project / "data", project)


def test_a_result_is_read_as_it_was_written(project: Path) -> None:
    found = measured.read("it", project / "data")
    assert (found.rows, found.notes, found.commit) == (ROWS, ("a note",), "1234abc")
    assert measured.stale(project / "data", project) == []
    measured.write("it", [{"a": 1}, {"b": [2, None]}], found, folder=project)
    assert measured.read("it", project).rows == [{"a": 1, "b": None}, {"a": None, "b": [2, None]}]


@pytest.mark.parametrize(
    ("name", "was", "now", "source"),
    [
        ("hdl/top.sv", "a // b", "a / b", "hdl"),
        ("hdl/configs.toml", "K = 2", "K = 4", "hdl/configs.toml"),
        ("hdl/configs.toml", "K = 1", "K = 4", "hdl/configs.toml"),
        ("compiler/deal.py", "n + 1", "n + 2", "compiler"),
        ("one.py", "X = 1", "X = 2", "one.py"),
        ("requirements.in", "yosys==1", "yosys==2", "requirements.in"),
    ],
)
def test_a_changed_source_makes_a_result_stale(
    project: Path, name: str, was: str, now: str, source: str
) -> None:
    assert changed(project, name, was, now) == [source]
    (line,) = measured.stale(project / "data", project)
    assert line.endswith(
        f"measured on 1234abc, since when {source} changed; make it measures again"
    )


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("hdl/top.sv", "// the top", "/* the\n top */"),
        ("hdl/configs.toml", "K = 3", "K = 4  # not this result's"),
        ("compiler/deal.py", '"""n."""', '"""n, and one more."""\n'),
        ("compiler/deal.py", "return n + 1", "# a comment\n\n    return n + 1  # another"),
        ("compiler/notes.md", "text", "other"),
        ("requirements.in", "numpy==2", "numpy==3"),
    ],
)
def test_words_make_no_result_stale(project: Path, name: str, was: str, now: str) -> None:
    assert changed(project, name, was, now) == []


def test_new_and_lost_sources_make_a_result_stale(project: Path) -> None:
    (project / "one.py").unlink()
    (project / "hdl/new.sv").write_text("module new; endmodule\n")
    assert measured.changed("it", project / "data", project) == ["hdl", "one.py"]


def test_a_planted_change_of_a_figure_is_found(project: Path) -> None:
    """A figure changed by hand is not that of the next run."""
    data, keys = project / "data", ("cycles_per_frame",)
    path = measured.path_of("it", data)
    path.write_text(path.read_text().replace("12.5", "11.5"))
    (line,) = measured.differences("it", ROWS, keys, data)
    assert line == "m on tiny: cycles_per_frame 12.5, docs/results/data/it.json has 11.5"
    assert measured.differences("it", [ROWS[0] | {"config": "other"}], keys, data) == []


def test_a_refactoring_is_confirmed_by_a_sample(project: Path, monkeypatch) -> None:
    """Some rows again, all equal: the result is current, and says how far that was tried."""
    data = project / "data"
    now = measured.Measured("5678def", measured.sources("it", project), [])
    measured.write("it", [*ROWS, ROWS[0] | {"model": "n"}], now, folder=data)
    (project / "one.py").write_text("Y = 1\n")
    monkeypatch.setattr(measured, "begin", lambda name: dataclasses.replace(
        now, commit="9abcdef", sources=measured.sources(name, project)))  # fmt: skip
    assert measured.changed("it", data, project) == ["one.py"]
    with pytest.raises(measured.MeasuredError, match="m on tiny: cycles_per_frame 13"):
        measured.confirm("it", [ROWS[0] | {"cycles_per_frame": 13.0}], data)
    with pytest.raises(measured.MeasuredError, match="no row of it"):
        measured.confirm("it", [ROWS[0] | {"model": "o"}], data)
    assert measured.changed("it", data, project) == ["one.py"]
    line = measured.confirm("it", ROWS, data)
    assert line == "1 of 2 rows measured again on 9abcdef, all equal"
    found = measured.read("it", data)
    assert (found.commit, found.confirmed) == ("5678def", line)
    assert measured.changed("it", data, project) == []


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"rows": 5}', '{"commit": "a", "sources": {}, "columns": [], "rows": [[1]]}'],
)
def test_a_missing_or_damaged_result_is_one_line(project: Path, text: str) -> None:
    (line,) = measured.stale(project, project)
    assert line.endswith("it.json: no such result; make it makes it")
    measured.path_of("it", project).write_text(text)
    with pytest.raises(measured.MeasuredError, match=r"^\S*it.json: damaged: [^\n]*$"):
        measured.read("it", project)


def test_python_code_is_that_of_its_tokens() -> None:
    text = 'def f(x):\n    """Doc."""\n    y = f"{x:>{3}} # {x!r}"  # note\n    return (x,\n  y)\n'
    assert source_text.python_code(text) == (
        'def f ( x ) : \n { y = f"{x:>{3}} # {x!r}" \n return ( x , y ) \n }'
    )


def test_sources_of_every_result_are_there() -> None:
    for name, kind in kinds.KINDS.items():
        assert "-" not in measured.sources(name).values(), name
        for file in (ROOT / top for top in kind.sources if top.endswith(".py")):
            ast.parse(file.read_text())


def test_a_changed_record_is_found_and_one_made_again_is_compared(tmp_path: Path) -> None:
    kept, again, data = tmp_path / "kept", tmp_path / "again", tmp_path / "data"
    line = {"kind": "try", "task": "Z2", "scheme": "csb", "rate": 20, "seed": 0, "valid": 99.0}
    for folder, seconds in ((kept, 5.0), (again, 7.0)):
        Records("Z2", folder).add(line | {"cpu_seconds": seconds})
    Records("Z2", kept).add(line | {"seed": 1})
    data.mkdir()
    measured.path_of("pruning", data).write_text(tries.known(kept, data))
    assert tries.changed(kept, data) == []
    assert tries.confirm(again, kept, data).startswith("1 of 2 rows measured again on ")
    Records("Z2", again).add(line | {"seed": 1, "valid": 98.0})
    with pytest.raises(measured.MeasuredError, match=r"try Z2 csb 20 1: valid 98\.0, .* has 99\.0"):
        tries.confirm(again, kept, data)
    file = kept / "z2.jsonl"
    file.write_text(file.read_text().replace("99.0", "99.5"))
    (found,) = tries.changed(kept, data)
    assert found.startswith("docs/results/tries/z2.jsonl: not the records of ")


def test_a_run_goes_on_where_it_was_stopped(tmp_path):
    """Cases of the log are not computed again, unless a source has changed."""
    log, ran = tmp_path / "a/log.jsonl", []

    def one(key: str) -> list[str]:
        ran.append(key)
        return [key, "equal"]

    first = resumed.resumed(log, {"a": "1"}, "xyz", one)
    assert [next(first), next(first)] == [("x", ["x", "equal"]), ("y", ["y", "equal"])]
    first.close()
    assert list(resumed.done(log, {"a": "1"})) == ["x", "y"]
    assert resumed.done(log, {"a": "2"}) == resumed.done(tmp_path / "none", {}) == {}
    assert dict(resumed.resumed(log, {"a": "1"}, "xyz", one)).keys() == set("xyz")
    assert ran == ["x", "y", "z"]
    assert len(list(resumed.resumed(log, {"a": "2"}, "xyz", one))) == 3
    assert ran == ["x", "y", "z"] * 2
