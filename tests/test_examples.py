# SPDX-License-Identifier: Apache-2.0
"""The examples run and print what their pages show; nightly also on the RTL."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from csb_rnn.machine.folders import ROOT

EXAMPLES = ("digits", "language_model", "own_cell", "own_machine", "tagger_onnx")
TRAINED = {"language_model"}  # figures depend on the processor: training rounds differently


def run(name: str, *arguments: str) -> str:
    """The output of an example."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'golden'}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / f"examples/{name}/main.py"), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(name: str) -> str:
    """The output that the page of an example shows."""
    (text,) = re.findall(
        r"```text\n(.*?)```", (ROOT / f"examples/{name}/README.md").read_text(), re.DOTALL
    )
    return text


def shape(text: str) -> list[str]:
    """Lines without their figures."""
    return [re.sub(r"-?\d[\d.]*", "N", line) for line in text.splitlines()]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_prints_what_its_page_shows(name: str) -> None:
    said, page = run(name), shown(name)
    if name in TRAINED:
        assert [line.split(":")[0] for line in shape(said)] == [
            line.split(":")[0] for line in shape(page)
        ]
        losses = [float(x) for x in re.findall(r"loss ([\d.]+)", said)]
        assert len(losses) == 2
        assert max(losses) < 1  # of 2.4 before training
    else:
        assert shape(said) == shape(page)
        cycles = r"(\d+) cycles"
        assert re.findall(cycles, said) == re.findall(cycles, page)
    if name == "tagger_onnx":
        torch_tags, machine_tags = re.findall(r"\[.*\]", said)
        assert torch_tags == machine_tags
    if name == "own_cell":
        assert float(re.search(r"by hand: ([\d.]+)", said)[1]) < 0.005
    if name == "digits":
        assert min(float(x) for x in re.findall(r"([\d.]+) % right", said)) >= 95


def test_every_example_is_listed_and_run() -> None:
    folders = {p.parent.name for p in (ROOT / "examples").glob("*/main.py")}
    assert folders == set(EXAMPLES)
    page = (ROOT / "examples/README.md").read_text()
    assert all(f"]({name}/README.md)" in page for name in (*EXAMPLES, "soc"))


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted({*EXAMPLES} - {"own_machine"}))
def test_example_on_the_rtl(name: str) -> None:
    arguments = ("20", "rtl") if name == "digits" else ("rtl",)
    assert run(name, *arguments).endswith(" 0 mismatches\n")
