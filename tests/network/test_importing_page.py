# SPDX-License-Identifier: Apache-2.0
"""The example of docs/use/importing.md, from the export to the outputs, as it stands there."""

from __future__ import annotations

import re

import numpy as np
import onnxruntime
import pytest
import torch

from csb_rnn.machine.folders import ROOT
from tests.helpers import command

PAGE = (ROOT / "docs/use/importing.md").read_text()


@pytest.mark.filterwarnings("ignore")  # of torch, about its older exporter
@pytest.mark.sims("icarus")
def test_the_example_runs(sim, tmp_path, monkeypatch, capsys):
    """Every line that the page shows of the build is printed, and the RTL gives the labels that
    ONNX Runtime gives."""
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(class Tagger.*?)```", PAGE, re.DOTALL)
    screen = re.search(r"```\n(\$ scripts/gen_image.py tagger.onnx.*?)```", PAGE, re.DOTALL)
    assert code is not None
    assert screen is not None
    torch.manual_seed(0)
    exec(code[1], {"torch": torch, "np": np})
    shown, commands = screen[1].splitlines(), []
    for line in shown:
        if line.startswith("$ "):
            script, *words = line[2:].split()
            commands.append((re.sub(r"scripts/|\.py", "", script), words))
    (build, run) = commands
    assert command(build[0], *build[1]) == 0
    printed = capsys.readouterr().out.splitlines()
    same = [s for s in shown if s.startswith(("on the ", "the engine", "image: "))]
    assert len(same) == 5
    assert set(same) <= set(printed)
    assert command(run[0], *run[1], "--sim", sim) == 0
    assert "0 outputs, 0 states, 0 cycles differ" in capsys.readouterr().out
    got = np.load("out/graph_outputs.npz")["label"]
    session = onnxruntime.InferenceSession("tagger.onnx", providers=["CPUExecutionProvider"])
    want = session.run(None, {"ids": np.load("ids.npy")})[0]
    assert got.shape == want.shape == (1, 4)
    assert np.abs(got - want).max() < 1e-3
