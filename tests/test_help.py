# SPDX-License-Identifier: Apache-2.0
"""Every --help, message and printed table fits a terminal of 100 columns and needs no colour.

The tables of ``make sim`` and ``csb-rnn explore`` have this test beside their others.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import re
import sys
from pathlib import Path

import pytest

from csb_rnn import commands
from csb_rnn.cli import evaluate, machine, simulate
from csb_rnn.cli import main as cli
from csb_rnn.execution.trace import CAUSES
from csb_rnn.experiments.bench import results
from csb_rnn.machine import config
from csb_rnn.machine.folders import ROOT
from csb_rnn.pruning.report import Kept, Pruned
from csb_rnn.verify.evaluation import Column, Evaluation

WIDTH = 100
SCRIPTS = sorted(p for p in (ROOT / "scripts").glob("*.py") if "__main__" in p.read_text())


def help_of(call, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines of a command's help."""
    with pytest.raises(SystemExit) as end:
        call()
    assert end.value.code == 0
    return capsys.readouterr().out.splitlines()


def unfit(lines: list[str]) -> list[str]:
    """Lines that are too long or have control characters, such as colours."""
    return [line for line in lines if len(line) > WIDTH or not line.isprintable()]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


@pytest.mark.parametrize("name", [None, *cli.SUBCOMMANDS])
def test_help_of_subcommands(name: str | None, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["csb-rnn", *([name] if name else []), "--help"])
    lines = help_of(cli._whole, capsys)
    assert lines[0].startswith("usage: csb-rnn")
    assert unfit(lines) == []


def loaded(script: Path):
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(f"script_{script.stem}", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_help_of_scripts(script: Path, capsys, monkeypatch) -> None:
    module = loaded(script)
    monkeypatch.setattr(sys, "argv", [script.name, "--help"])
    lines = help_of(getattr(module, "main", None) or module.script, capsys)
    assert lines[0].startswith("usage:")
    assert unfit(lines) == []


def test_make_help() -> None:
    """The lines of `make help`, made as its recipe makes them."""
    targets = re.findall(r"^([a-z-]+):.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(targets) > 10
    assert unfit([f"make {name:11} {about}" for name, about in targets]) == []


def test_a_line_too_long_is_found(capsys, monkeypatch) -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = commands.Parser(prog="x", description="x" * 101, formatter_class=plain)
    found = help_of(lambda: parser.parse_args(["--help"]), capsys)
    assert unfit(found) == ["x" * 101]
    assert unfit(["\x1b[31mred\x1b[0m"]) != []


# --- messages and tables -------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_message_is_wrapped_on_a_terminal_alone() -> None:
    text = "error: model.npz: " + "weight_hh_l0 has a shape of its own, " * 8
    assert commands.shown(text, io.StringIO()) == text
    lines = commands.shown(text, Terminal()).splitlines()
    assert len(lines) > 2
    assert unfit(lines) == []
    assert " ".join(" ".join(lines).split()) == text.strip()


def test_errors_of_commands_are_wrapped_on_a_terminal(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "argv", ["csb-rnn", "check", "/".join(["folder"] * 30) + " none"])
    with pytest.raises(SystemExit):
        cli.main()
    said = sys.stderr.getvalue().splitlines()
    assert [line[:2] for line in said[1:]] == ["  "] * (len(said) - 1)
    assert len(said) > 1


def test_a_table_goes_on_below() -> None:
    heads = ("name", "sharing", *(f"figure {n}" for n in range(20)))
    rows = [("m", "none", *map(str, range(20))), ("n", "both", *map(str, range(20, 40)))]
    lines = commands.table(heads, rows, left=2)
    assert unfit(lines) == []
    blocks = "\n".join(lines).split("\n\n")
    assert len(blocks) == 3
    assert all(line.split()[:2] == ["n", "both"] for line in [b.splitlines()[2] for b in blocks])
    found = [x for block in blocks for x in block.splitlines()[1].split()[2:]]
    assert found == list(map(str, range(20)))
    assert commands.table(("name", "cycles"), [("z2_gru", "162")]) == [
        "name    cycles", "z2_gru     162",
    ]  # fmt: skip


def test_tables_of_the_benchmark(capsys) -> None:
    loaded(ROOT / "scripts/bench.py").show(results.read())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 50
    assert unfit(lines) == []


def test_table_of_lost_cycles(tmp_path: Path, capsys) -> None:
    causes = [{"cause": c, "share": -0.12345, "cycles_per_frame": 12345.678} for c in CAUSES]
    file = tmp_path / "losses.json"
    file.write_text(json.dumps({"pes": 512, "cycles_per_frame": 12345.25, "causes": causes}))
    simulate._show_losses(file)
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(lines) == 1 + len(CAUSES)
    assert unfit(lines) == []


def test_table_of_an_evaluation(capsys) -> None:
    column = Column("fixed", 123456, 0.98765, 1.2345e-05, 1.2345e-05, 1.2345e-05)
    columns = (column, column, column)
    evaluate.show(Evaluation("output", (123456, 1000, 256), "every frame", 1.25, columns, 12, 3456))
    assert unfit(capsys.readouterr().out.splitlines()) == []


def test_tables_of_machines_and_of_pruning(capsys) -> None:
    machine.describe(config.load("tiny"))
    assert unfit(capsys.readouterr().out.splitlines()) == []
    kept = Kept("encoder.rnn.weight_hh_l0_reverse", 4_194_304, 1_048_576, 1.0, 0.9)
    assert unfit(str(Pruned((kept, kept))).splitlines()) == []
