# SPDX-License-Identifier: Apache-2.0
"""Every --help and `make help` fit a terminal of 100 columns and need no colour."""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from pathlib import Path

import pytest

from csb_rnn import commands
from csb_rnn.cli import main as cli
from csb_rnn.machine.folders import ROOT

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


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_help_of_scripts(script: Path, capsys, monkeypatch) -> None:
    spec = importlib.util.spec_from_file_location(f"script_{script.stem}", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
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
