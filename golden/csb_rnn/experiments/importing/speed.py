# SPDX-License-Identifier: Apache-2.0
"""Processor time of the one command on a large file: reading, check against the source, image.

Seconds are the processor's, of the command and its child processes with one thread each, so other
programs on the machine count little. Example: an LSTM 384 -> 704 keeps 3,063,808 weights.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from csb_rnn.machine.folders import ROOT

INPUTS, UNITS = 384, 704
CONFIG = "paper256_sim"
LIMIT = 60.0  # seconds, of 3 M kept weights
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def files(folder: Path) -> list[Path]:
    """The LSTM as a state dict and as an ONNX file."""
    torch.manual_seed(0)
    module = torch.nn.LSTM(INPUTS, UNITS, batch_first=True).eval()
    torch.save(module.state_dict(), folder / "lstm.pt")
    x = torch.randn(2, 5, INPUTS)
    torch.onnx.export(
        module,
        (x,),
        str(folder / "lstm.onnx"),
        input_names=["x"],
        dynamo=False,
        dynamic_axes={"x": {0: "batch", 1: "time"}},
    )
    return [folder / "lstm.pt", folder / "lstm.onnx"]


def measure(file: Path) -> dict[str, Any]:
    """Build a file by the command; its row."""
    out = file.with_suffix(".image")
    command = ("build", file, "--config", CONFIG, "--out", out)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "csb_rnn.cli.main", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **THREADS, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    built = json.loads((out / "manifest.json").read_text())
    return {
        "file": file.name,
        "config": CONFIG,
        "kept_weights": built["kept_weights"],
        "difference": built["source_check"]["difference"],
        "processor_seconds": round(seconds, 1),
        "limit": LIMIT,
    }
