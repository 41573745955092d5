# SPDX-License-Identifier: Apache-2.0
"""Coverage: Verilator's counts are read, merged over runs, and added up by module."""

from __future__ import annotations

from pathlib import Path

import pytest

from csb_rnn.experiments.coverage import counts, plugin
from csb_rnn.machine import design
from csb_rnn.simulation import builds, launcher

(SKID,) = design.HDL.rglob("csb_skid.sv")
LINES = SKID.read_text().splitlines()


def line_of(text: str) -> int:
    (found,) = (i for i, line in enumerate(LINES, 1) if text in line)
    return found


def entry(line: int, kind: str, what: str, hits: int, file: str = str(SKID)) -> str:
    """A point as Verilator writes it."""
    fields = {"f": file, "l": line, "n": 3, "t": kind, "page": f"v_{kind}/csb_skid", "o": what}
    return "C '" + "".join(f"\x01{k}\x02{v}" for k, v in fields.items()) + f"' {hits}\n"


def test_points_are_hit_in_any_run(tmp_path: Path) -> None:
    take, give = line_of("wire take"), line_of("if (give) out_data_o")
    (tmp_path / "a.dat").write_text(
        "# SystemC::Coverage-3\n" + entry(take, "expr", "x", 0) + entry(give, "branch", "if", 0)
    )
    (tmp_path / "b.dat").write_text(entry(take, "expr", "x", 3) + entry(give, "toggle", "b", 1))
    points = counts.counted(counts.merged(sorted(tmp_path.glob("*.dat"))))
    (row,) = counts.by_module(points)
    assert row == {
        "module": "csb_skid", "line": 0, "line_hit": 0, "branch": 1, "branch_hit": 0,
        "toggle": 1, "toggle_hit": 1, "expr": 1, "expr_hit": 1,
    }  # fmt: skip
    assert counts.holes(points) == [f"csb_skid.sv:{give}:3: branch if"]
    assert f"DA:{give},0" in counts.lcov(points)


@pytest.mark.parametrize(
    "text",
    [
        entry(len(LINES) - 5, "line", "assertion", 0),
        entry(2, "line", "a package", 0, "hdl/csb_regs_pkg.sv"),
        entry(2, "line", "a bench", 0, "tb/datapath/act_sweep.sv"),
        entry(30, "toggle", "unused[0]", 0),
        "C 'broken' 1\n",
    ],
)
def test_what_does_not_count(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.dat").write_text(text)
    assert counts.counted(counts.merged([tmp_path / "a.dat"])) == {}


def test_exclusions_have_reasons_and_places() -> None:
    texts = [file.read_text() for file in design.HDL.rglob("*.sv")]
    for file, part, reason in counts.EXCLUDED:
        assert reason
        assert any(part in text for text in texts), f"{file}: {part} is nowhere"


def test_every_run_counts_into_a_file_of_its_own(tmp_path: Path, monkeypatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(plugin, "_simulate", lambda *_, plus_args, **__: seen.extend(plus_args))
    monkeypatch.setattr(launcher, "simulate", None)
    monkeypatch.setitem(builds._COMPILE_ARGS, "verilator", ["-O3"])
    monkeypatch.setenv(plugin.FOLDER, str(tmp_path / "counts"))
    plugin.pytest_configure()
    assert builds._COMPILE_ARGS["verilator"] == ["-O3", *plugin.FLAGS]
    for _ in range(2):
        launcher.simulate({}, "verilator", tmp_path, {}, plus_args=["+a"])
    files = [arg for arg in seen if arg.startswith("+verilator+coverage+file+")]
    assert len(set(files)) == 2
    assert seen.count("+a") == 2
