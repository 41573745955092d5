# SPDX-License-Identifier: Apache-2.0
"""The RISC-V system with a shipped network, one recording; needs the packages of ``make soc``."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import numpy as np
import pytest

from csb_rnn.experiments.soc import answers, steps
from csb_rnn.experiments.soc import main as soc
from csb_rnn.experiments.soc.firmware import GCC, Head


@pytest.mark.skipif(
    shutil.which(GCC) is None or importlib.util.find_spec("pythondata_cpu_picorv32") is None,
    reason="the packages of make soc are not there",
)
def test_firmware_answers_as_the_fixed_model(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["soc.py", "--config", "tiny", "--sequences", "1"])
    assert soc.main() == 0
    said = capsys.readouterr().out
    assert said.count(", equal") == 2  # by registers and by DMA
    assert "all equal" in said


def test_head_in_integers() -> None:
    """Scores are those of the floats, scaled by a power of two."""
    rng = np.random.default_rng(1)
    weight, bias = rng.normal(size=(4, 9)), rng.normal(size=4)
    head = Head.of(weight, bias, 12)
    y = rng.integers(-4096, 4096, 9)
    scores = weight @ (y / 4096) + bias
    assert head.best(y) == scores.argmax()
    assert np.abs(head.weight).max() >= 1 << 14


def test_checksum_of_the_firmware() -> None:
    """FNV-1a of one value of 16 bits."""
    assert answers.checksum(np.array([[-1]])) == (2166136261 ^ 0xFFFF) * 16777619 & 0xFFFFFFFF


def test_the_three_commands_of_the_page() -> None:
    found = steps.steps(steps.PAGE.read_text())
    assert [c.split()[:2] for c in found] == [
        [".venv/bin/csb-rnn", "build"],
        [".venv/bin/csb-rnn", "rtl"],
        ["make", "soc"],
    ]
    row = steps.run("echo one; echo two")
    assert row["said"] == "two"
    with pytest.raises(steps.StepError, match="exit code 3"):
        steps.run("exit 3")
    with pytest.raises(steps.StepError, match="no commands"):
        steps.steps("a page")
